/** Programs of the machine as a parameter: `ip`, `nft`, `iptables`. The real one is an adapter of the agent. */
export interface ShellResult {
  /** -1: it could not be started, was ended by a signal, or took too long. */
  code: number;
  stdout: string;
  stderr: string;
}

export interface Shell {
  /** Runs a program to its end, however that is; never rejects. `input` is what it reads. */
  run(program: string, args: readonly string[], input?: string): Promise<ShellResult>;
}
