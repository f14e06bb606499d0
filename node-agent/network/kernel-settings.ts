/** Settings of the kernel's network, as files (the port; the adapter is node-kernel-settings.ts). */
export interface KernelSettings {
  /** undefined: the kernel has no such setting. */
  read(path: string): Promise<string | undefined>;
  /** false: there is none, or it may not be changed. */
  write(path: string, value: string): Promise<boolean>;
  /** Names in a folder; empty when there is none. */
  list(path: string): Promise<string[]>;
}
