/** What both contenders of the recovery bench can do, on the same LAN, one after the other. */
export interface Orchestrator {
  readonly name: string;
  /** Ready to serve on all hosts when it resolves. */
  start(): Promise<void>;
  /** A service of containers that only sleep; resolves when the order is taken. */
  create(service: string, replicas: number): Promise<void>;
  /** Replaces all containers, two at a time, the old one first. */
  update(service: string): Promise<void>;
  remove(service: string): Promise<void>;
  /** Containers of the service as last ordered that run, but for those on the host `except`. */
  running(service: string, except?: number): Promise<number>;
  /** Whether the control process knows that the host is lost. */
  isLost(host: number): Promise<boolean>;
  /** kill -9, and a new process at once; resolves when it was started, not when it serves. */
  killControl(): Promise<void>;
  /** The LAN's hosts are as before. */
  stop(): Promise<void>;
}
