/**
 * Where pods get their network from (the port; its adapter is node-agent/network-tools.ts). Either the engine joins a sandbox
 * to a network of its own, or the node makes the sandbox's port on the bridge of that network itself, which saves the engine
 * two helper programs and a resolver a pod.
 */
export interface PodNetworkDoor {
  /** Docker network of pods. Throws a RuntimeError that says why while there is none. */
  name(): string;
  /** The engine has joined a sandbox to it, and nothing runs in the sandbox yet. */
  onSandbox(): Promise<void>;
  /** Absent: only the engine can join sandboxes. */
  ports?: PodPorts;
}

export interface PodPorts {
  /** Ranges that pods have addresses of, one a family. Throws as `name` does. */
  subnets(): readonly string[];
  /** Makes a port for the network of a process; its last step makes it one of `list`. Rejects with a RuntimeError. */
  attach(port: PodPort): Promise<void>;
  /** Names of the ports that stand. */
  list(): Promise<ReadonlySet<string>>;
}

/** The name of a network device holds 15 characters. */
const PORT_ID_CHARS = 11;

/** Name of the port of a sandbox, on the node's side. */
export function portName(sandboxId: string): string {
  return `veth${sandboxId.slice(0, PORT_ID_CHARS)}`;
}

export interface PodPort {
  /** Of the device on the node's side. */
  name: string;
  pid: number;
  addresses: readonly string[];
  /** One of that name, to a network that is gone, may still stand: it goes first. */
  replaces?: boolean;
}
