/**
 * Static ELF files of programs that Bramble brings as bytes, because a board without a registry has nowhere to pull them
 * from. One segment, readable and executable, never writable, loaded at 0x400000 (aligned to 64 KiB, so that kernels with 4,
 * 16 and 64 KiB pages take it):
 *
 *     0x000 ELF header   0x040 program header   0x078 code   dataOffset data
 */
import { assert } from '../../shared/platform/assert.ts';

/** Kubernetes' words for the CPUs that Bramble supports. */
export type ElfArchitecture = 'amd64' | 'arm64';

export interface ElfProgram {
  /** One instruction a line, as hexadecimal bytes; the first is the entry. */
  code: readonly string[];
  /** Where in the file the data begins; its address is 0x400000 more. */
  dataOffset: number;
  data: Uint8Array;
}

const LOAD_ADDRESS = 0x400000;
const CODE_OFFSET = 0x78;

/** ELF e_machine. */
const MACHINES: Record<ElfArchitecture, number> = { amd64: 62, arm64: 183 };

export function renderElf(architecture: ElfArchitecture, program: ElfProgram): Uint8Array {
  const code = Buffer.from(program.code.join('').replaceAll(' ', ''), 'hex');
  assert(CODE_OFFSET + code.length <= program.dataOffset, 'the code ends before the data');
  const file = Buffer.alloc(program.dataOffset + program.data.length);
  writeElfHeader(file, MACHINES[architecture]);
  writeProgramHeader(file);
  code.copy(file, CODE_OFFSET);
  file.set(program.data, program.dataOffset);
  return file;
}

/** Elf64_Ehdr (System V ABI): magic, 64-bit little-endian, EXEC, one program header, no sections. */
function writeElfHeader(file: Buffer, machine: number): void {
  file.write('7f454c46020101', 0, 'hex');
  file.writeUInt16LE(2, 0x10); // e_type = ET_EXEC
  file.writeUInt16LE(machine, 0x12);
  file.writeUInt32LE(1, 0x14); // e_version
  file.writeBigUInt64LE(BigInt(LOAD_ADDRESS + CODE_OFFSET), 0x18); // e_entry
  file.writeBigUInt64LE(0x40n, 0x20); // e_phoff
  file.writeUInt16LE(0x40, 0x34); // e_ehsize
  file.writeUInt16LE(0x38, 0x36); // e_phentsize
  file.writeUInt16LE(1, 0x38); // e_phnum
  file.writeUInt16LE(0x40, 0x3a); // e_shentsize
}

/** Elf64_Phdr: the whole file as one readable and executable segment. */
function writeProgramHeader(file: Buffer): void {
  file.writeUInt32LE(1, 0x40); // p_type = PT_LOAD
  file.writeUInt32LE(5, 0x44); // p_flags = R + X
  file.writeBigUInt64LE(BigInt(LOAD_ADDRESS), 0x50); // p_vaddr; p_offset stays 0
  file.writeBigUInt64LE(BigInt(LOAD_ADDRESS), 0x58); // p_paddr
  file.writeBigUInt64LE(BigInt(file.length), 0x60); // p_filesz
  file.writeBigUInt64LE(BigInt(file.length), 0x68); // p_memsz
  file.writeBigUInt64LE(0x10000n, 0x70); // p_align
}
