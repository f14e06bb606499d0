/**
 * The program of a pod's sandbox: it holds the namespaces that the containers share, reaps orphans that are handed to it as
 * process 1, and ends at SIGTERM or SIGINT. Written as bytes, as elf.ts says.
 *
 * The data of the 264-byte file, the same for both CPUs: 0x0e0 struct sigaction{SIG_IGN}   0x100 signal mask
 *
 * The code: rt_sigaction(SIGCHLD, SIG_IGN) makes the kernel reap children; rt_sigprocmask blocks SIGINT and SIGTERM, because
 * the kernel drops unblocked signals with default action sent to a process 1; rt_sigtimedwait waits for one of the two.
 */
import { type ElfArchitecture, renderElf } from './elf.ts';

export type PauseArchitecture = ElfArchitecture;

const ACTION_OFFSET = 0xe0;
const MASK_OFFSET = 0x100;
const FILE_BYTES = 0x108;

const CODE: Record<PauseArchitecture, readonly string[]> = {
  amd64: [
    'b8 0d 00 00 00', //          mov  eax, 13          rt_sigaction
    'bf 11 00 00 00', //          mov  edi, 17          SIGCHLD
    'be e0 00 40 00', //          mov  esi, action
    '31 d2', //                   xor  edx, edx
    '41 ba 08 00 00 00', //       mov  r10d, 8          sizeof(sigset_t)
    '0f 05', //                   syscall
    'b8 0e 00 00 00', //          mov  eax, 14          rt_sigprocmask
    '31 ff', //                   xor  edi, edi         SIG_BLOCK
    'be 00 01 40 00', //          mov  esi, mask
    '31 d2', //                   xor  edx, edx
    '41 ba 08 00 00 00', //       mov  r10d, 8
    '0f 05', //                   syscall
    'b8 80 00 00 00', //    wait: mov  eax, 128         rt_sigtimedwait
    'bf 00 01 40 00', //          mov  edi, mask
    '31 f6', //                   xor  esi, esi
    '31 d2', //                   xor  edx, edx         no time-out
    '41 ba 08 00 00 00', //       mov  r10d, 8
    '0f 05', //                   syscall
    '85 c0', //                   test eax, eax
    '78 e6', //                   js   wait             interrupted
    'b8 3c 00 00 00', //          mov  eax, 60          exit
    '31 ff', //                   xor  edi, edi
    '0f 05', //                   syscall
  ],
  arm64: [
    'c8 10 80 52', //             mov  w8, #134         rt_sigaction
    '20 02 80 52', //             mov  w0, #17          SIGCHLD
    '01 03 00 10', //             adr  x1, action
    '02 00 80 d2', //             mov  x2, #0
    '03 01 80 52', //             mov  w3, #8           sizeof(sigset_t)
    '01 00 00 d4', //             svc  #0
    'e8 10 80 52', //             mov  w8, #135         rt_sigprocmask
    '00 00 80 52', //             mov  w0, #0           SIG_BLOCK
    '41 03 00 10', //             adr  x1, mask
    '02 00 80 d2', //             mov  x2, #0
    '03 01 80 52', //             mov  w3, #8
    '01 00 00 d4', //             svc  #0
    '28 11 80 52', //       wait: mov  w8, #137         rt_sigtimedwait
    'a0 02 00 10', //             adr  x0, mask
    '01 00 80 d2', //             mov  x1, #0
    '02 00 80 d2', //             mov  x2, #0           no time-out
    '03 01 80 52', //             mov  w3, #8
    '01 00 00 d4', //             svc  #0
    '40 ff ff 37', //             tbnz w0, #31, wait    interrupted
    'a8 0b 80 52', //             mov  w8, #93          exit
    '00 00 80 52', //             mov  w0, #0
    '01 00 00 d4', //             svc  #0
  ],
};

/** The ELF file for one CPU. */
export function renderPauseBinary(architecture: PauseArchitecture): Uint8Array {
  const data = Buffer.alloc(FILE_BYTES - ACTION_OFFSET);
  data.writeBigUInt64LE(1n); // sa_handler = SIG_IGN; flags, restorer and mask stay 0
  data.writeBigUInt64LE(signalBit(2) | signalBit(15), MASK_OFFSET - ACTION_OFFSET);
  return renderElf(architecture, { code: CODE[architecture], dataOffset: ACTION_OFFSET, data });
}

/** The sandbox program's CPU for the engine's architecture; undefined when Bramble has none. */
export function pauseArchitecture(architecture: string): PauseArchitecture | undefined {
  return architecture === 'amd64' || architecture === 'arm64' ? architecture : undefined;
}

function signalBit(signal: number): bigint {
  return 1n << BigInt(signal - 1);
}
