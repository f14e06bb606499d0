/** The board's own resolv.conf: a port, so that tests need no board. */
import type { ResolverFiles } from './upstreams.ts';

export interface ResolverFilesSource {
  /** What is missing is empty. */
  read(): Promise<ResolverFiles>;
  /** Calls back when one of the files may have changed, until it is stopped. */
  watch(onChange: () => void): { stop(): void };
}
