/** Who serves portals: the kernel's table, or the userspace proxy. Told of one service at a time, by its key. */
import type { Portal } from './portal.ts';

export interface ServiceSink {
  /** Nothing: the service is gone, or has no address. Returns at once; the work follows. */
  put(service: string, portals: readonly Portal[]): void;
  /** Everything that was known at the start has been put: until now what an earlier life left is served. */
  begin(): void;
}
