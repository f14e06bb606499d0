/**
 * The program that a container without a sandbox begins with: it waits until the agent has attached the network, then
 * executes the real program in its place, as the same process. Written as bytes, as elf.ts says; it needs nothing of the
 * container's image. The agent listens on GATE_SOCKET before the container starts; what both say:
 *
 *     agent: one byte, whichever            the network is there
 *     gate:  the end of the stream          the program runs: the socket was closed by its execution
 *     gate:  one byte, then the end         nothing was executed; the byte is the errno, and the exit code is 127
 *
 * The errno is what execvp (POSIX) would report, but no shell is tried: ENOENT (2) when there is no candidate or none is found,
 * EACCES (13) when one is there and may not be executed, ENOEXEC (8) when it is no program, EINVAL (22) when the arguments have
 * no separator, else whatever execve said. A gate that finds nobody at the door, or whose agent goes away before the byte, waits
 * for ever: nothing may run without its network. As process 1 of a container it then ends by SIGKILL only.
 *
 * The data of the 401-byte file, the same for both CPUs: 0x180 struct sockaddr_un of GATE_SOCKET. The file is not writable:
 * argc's word on the stack, which nobody reads, takes the byte that comes and the byte that goes.
 */
import { type ElfArchitecture, renderElf } from './elf.ts';

/** Inside the container. */
export const GATE_DIRECTORY = '/.bramble';
export const GATE_PROGRAM = `${GATE_DIRECTORY}/gate`;
export const GATE_SOCKET = `${GATE_DIRECTORY}/door`;

const DOOR_OFFSET = 0x180;

const CODE: Record<ElfArchitecture, readonly string[]> = {
  amd64: [
    'b8 29 00 00 00', //              mov  eax, 41            socket
    'bf 01 00 00 00', //              mov  edi, 1             AF_UNIX
    'be 01 00 08 00', //              mov  esi, 0x80001       SOCK_STREAM | SOCK_CLOEXEC
    '31 d2', //                       xor  edx, edx
    '0f 05', //                       syscall
    '85 c0', //                       test eax, eax
    '0f 88 c1 00 00 00', //           js   wait
    '89 c3', //                       mov  ebx, eax           the door
    '89 c7', //                       mov  edi, eax
    'b8 2a 00 00 00', //              mov  eax, 42            connect
    'be 80 01 40 00', //              mov  esi, door           the address
    'ba 11 00 00 00', //              mov  edx, 17            its bytes
    '0f 05', //                       syscall
    '85 c0', //                       test eax, eax
    '0f 85 a4 00 00 00', //           jnz  wait
    '31 c0', //                 read: xor  eax, eax           read
    '89 df', //                       mov  edi, ebx
    '48 89 e6', //                    mov  rsi, rsp           into argc's word
    'ba 01 00 00 00', //              mov  edx, 1
    '0f 05', //                       syscall
    '83 f8 fc', //                    cmp  eax, -4            EINTR
    '74 ed', //                       je   read
    '83 f8 01', //                    cmp  eax, 1
    '0f 85 88 00 00 00', //           jne  wait
    '48 8d 6c 24 08', //              lea  rbp, [rsp+8]       argv
    '49 89 ed', //                    mov  r13, rbp
    '41 bc 16 00 00 00', //           mov  r12d, 22           EINVAL
    '49 83 c5 08', //           find: add  r13, 8
    '49 8b 7d 00', //                 mov  rdi, [r13]
    '48 85 ff', //                    test rdi, rdi
    '74 4c', //                       jz   report             no separator
    '80 3f 00', //                    cmp  byte [rdi], 0      the separator?
    '75 ee', //                       jne  find
    '49 83 c5 08', //                 add  r13, 8
    '4d 89 ee', //                    mov  r14, r13           past its NULL is envp
    '49 8b 06', //               env: mov  rax, [r14]
    '49 83 c6 08', //                 add  r14, 8
    '48 85 c0', //                    test rax, rax
    '75 f4', //                       jnz  env
    '41 bc 02 00 00 00', //           mov  r12d, 2            ENOENT
    '48 83 c5 08', //            try: add  rbp, 8
    '48 8b 7d 00', //                 mov  rdi, [rbp]         the next candidate
    '80 3f 00', //                    cmp  byte [rdi], 0      the separator?
    '74 21', //                       je   report
    'b8 3b 00 00 00', //              mov  eax, 59            execve
    '4c 89 ee', //                    mov  rsi, r13           the program's argv
    '4c 89 f2', //                    mov  rdx, r14           envp
    '0f 05', //                       syscall
    'f7 d8', //                       neg  eax
    '83 f8 02', //                    cmp  eax, 2             ENOENT
    '74 df', //                       je   try
    '83 f8 14', //                    cmp  eax, 20            ENOTDIR
    '74 da', //                       je   try
    '41 89 c4', //                    mov  r12d, eax          to be reported
    '83 f8 0d', //                    cmp  eax, 13            EACCES
    '74 d2', //                       je   try
    '44 88 24 24', //         report: mov  [rsp], r12b
    'b8 01 00 00 00', //              mov  eax, 1             write
    '89 df', //                       mov  edi, ebx
    '48 89 e6', //                    mov  rsi, rsp
    'ba 01 00 00 00', //              mov  edx, 1
    '0f 05', //                       syscall
    'b8 e7 00 00 00', //              mov  eax, 231           exit_group
    'bf 7f 00 00 00', //              mov  edi, 127
    '0f 05', //                       syscall
    'b8 22 00 00 00', //        wait: mov  eax, 34            pause
    '0f 05', //                       syscall
    'eb f7', //                       jmp  wait
  ],
  arm64: [
    'c8 18 80 52', //                 mov  w8, #198           socket
    '20 00 80 52', //                 mov  w0, #1             AF_UNIX
    '21 00 80 52', //                 mov  w1, #1
    '01 01 a0 72', //                 movk w1, #8, lsl #16    SOCK_STREAM | SOCK_CLOEXEC
    '02 00 80 52', //                 mov  w2, #0
    '01 00 00 d4', //                 svc  #0
    '80 06 f8 37', //                 tbnz w0, #31, wait
    'f3 03 00 2a', //                 mov  w19, w0            the door
    '68 19 80 52', //                 mov  w8, #203           connect
    '21 07 00 10', //                 adr  x1, door           the address
    '22 02 80 52', //                 mov  w2, #17            its bytes
    '01 00 00 d4', //                 svc  #0
    'c0 05 00 35', //                 cbnz w0, wait
    'e8 07 80 52', //           read: mov  w8, #63            read
    'e0 03 13 2a', //                 mov  w0, w19
    'e1 03 00 91', //                 mov  x1, sp             into argc's word
    '22 00 80 52', //                 mov  w2, #1
    '01 00 00 d4', //                 svc  #0
    '1f 10 00 31', //                 cmn  w0, #4             EINTR
    '40 ff ff 54', //                 b.eq read
    '1f 04 00 71', //                 cmp  w0, #1
    'a1 04 00 54', //                 b.ne wait
    'f4 23 00 91', //                 add  x20, sp, #8        argv
    'f5 03 14 aa', //                 mov  x21, x20
    'd7 02 80 52', //                 mov  w23, #22           EINVAL
    'a0 8e 40 f8', //           find: ldr  x0, [x21, #8]!
    'e0 02 00 b4', //                 cbz  x0, report         no separator
    '00 00 40 39', //                 ldrb w0, [x0]
    'a0 ff ff 35', //                 cbnz w0, find           not the separator
    'b5 22 00 91', //                 add  x21, x21, #8
    'f6 03 15 aa', //                 mov  x22, x21           past its NULL is envp
    'c0 86 40 f8', //            env: ldr  x0, [x22], #8
    'e0 ff ff b5', //                 cbnz x0, env
    '57 00 80 52', //                 mov  w23, #2            ENOENT
    '80 8e 40 f8', //            try: ldr  x0, [x20, #8]!     the next candidate
    '01 00 40 39', //                 ldrb w1, [x0]
    'a1 01 00 34', //                 cbz  w1, report
    'a8 1b 80 52', //                 mov  w8, #221           execve
    'e1 03 15 aa', //                 mov  x1, x21            the program's argv
    'e2 03 16 aa', //                 mov  x2, x22            envp
    '01 00 00 d4', //                 svc  #0
    'e0 03 00 4b', //                 neg  w0, w0
    '1f 08 00 71', //                 cmp  w0, #2             ENOENT
    'e0 fe ff 54', //                 b.eq try
    '1f 50 00 71', //                 cmp  w0, #20            ENOTDIR
    'a0 fe ff 54', //                 b.eq try
    'f7 03 00 2a', //                 mov  w23, w0            to be reported
    '1f 34 00 71', //                 cmp  w0, #13            EACCES
    '40 fe ff 54', //                 b.eq try
    'f7 03 00 39', //         report: strb w23, [sp]
    '08 08 80 52', //                 mov  w8, #64            write
    'e0 03 13 2a', //                 mov  w0, w19
    'e1 03 00 91', //                 mov  x1, sp
    '22 00 80 52', //                 mov  w2, #1
    '01 00 00 d4', //                 svc  #0
    'c8 0b 80 52', //                 mov  w8, #94            exit_group
    'e0 0f 80 52', //                 mov  w0, #127
    '01 00 00 d4', //                 svc  #0
    '28 09 80 52', //           wait: mov  w8, #73            ppoll
    '00 00 80 d2', //                 mov  x0, #0
    '01 00 80 d2', //                 mov  x1, #0
    '02 00 80 d2', //                 mov  x2, #0
    '03 00 80 d2', //                 mov  x3, #0             no signal mask
    '01 00 00 d4', //                 svc  #0
    'fa ff ff 17', //                 b    wait
  ],
};

/** The ELF file for one CPU. */
export function renderGateBinary(architecture: ElfArchitecture): Uint8Array {
  // AF_UNIX (1) as a 16-bit number, then the path with its closing NUL: 17 bytes, which the code says too.
  const door = Buffer.from(`\x01\0${GATE_SOCKET}\0`, 'latin1');
  return renderElf(architecture, { code: CODE[architecture], dataOffset: DOOR_OFFSET, data: door });
}

/**
 * The entrypoint of a container that waits at the gate. `candidates` are the paths where the program may be, tried in order
 * (absolute, or relative to the working directory; none is empty); `program` is its argv, which begins with its own name.
 */
export function renderGateArguments(candidates: readonly string[], program: readonly string[]): string[] {
  return [GATE_PROGRAM, ...candidates, '', ...program];
}
