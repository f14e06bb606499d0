/** How probes reach a pod over the network. The simulation answers without one. */

export interface ProbeTarget {
  host: string;
  port: number;
  timeoutMs: number;
}

export interface HttpProbeTarget extends ProbeTarget {
  scheme: 'HTTP' | 'HTTPS';
  path: string;
  headers: readonly { name: string; value: string }[];
}

/** What a probe found; `message` tells the user why it failed. */
export type ProbeAnswer = { ok: true } | { ok: false; message: string };

/** Methods never reject. */
export interface ProbeDialer {
  tcp(target: ProbeTarget): Promise<ProbeAnswer>;
  /** 200 to 399 is well; redirects are not followed. */
  http(target: HttpProbeTarget): Promise<ProbeAnswer>;
  /** The standard health service. */
  grpc(target: ProbeTarget & { service: string }): Promise<ProbeAnswer>;
}
