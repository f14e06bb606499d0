/**
 * The folder of a cluster that `up` made: what the master keeps there, and beside it what `up` must know to go on or to end
 * the cluster later. Invariant: only a folder that was empty, or that has our state file, is ever used or removed.
 *
 *     DIR/admin.kubeconfig and the master's own files
 *     DIR/nodes/NAME/           an agent's folder
 *     DIR/up/state.json         this file's State
 *     DIR/up/PROGRAM.pid .log   master, and each agent by its node's name
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isJsonObject } from '../../shared/machinery/json.ts';
import { defaultDataDir } from '../api/kubeconfig.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure, messageOf, systemErrorCode } from '../failure.ts';

export interface State {
  apiPort: number;
  mqttPort: number;
  /** Absent: off. */
  mqttPlainPort?: number;
  statusPort: number;
  listen: string;
  /** Of the Docker engine. */
  socketPath: string;
  nodes: string[];
  /** Nodes that have their certificate: they need no token any more. */
  joined: string[];
  /** Nobody waits for Ctrl-C. */
  detached: boolean;
  exampleApplied: boolean;
  /** Absent in clusters of earlier versions: their pods are on the engine's own network. */
  network?: ClusterNetwork;
}

/** Several clusters of one machine have names and ranges of their own. */
export interface ClusterNetwork {
  tag: string;
  clusterCidr: string;
  serviceCidr: string;
}

/** Folders of clusters that have nothing to tell apart in the names of their nodes. */
const MAIN_FOLDER = '/var/lib/bramble';

export class ClusterFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get kubeconfig(): string {
    return join(this.path, 'admin.kubeconfig');
  }

  nodeFolder(name: string): string {
    return join(this.path, 'nodes', name);
  }

  pidFile(program: string): string {
    return join(this.path, 'up', `${program}.pid`);
  }

  logFile(program: string): string {
    return join(this.path, 'up', `${program}.log`);
  }

  /** Nodes of several clusters share one Docker engine: outside of the main folder their names tell the folder too. */
  nodeName(index: number): string {
    return this.tag === '' ? `node-${index}` : `node-${index}-${this.tag}`;
  }

  /** Empty for the main folder. */
  get tag(): string {
    return this.path === MAIN_FOLDER ? '' : createHash('sha256').update(this.path).digest('hex').slice(0, 4);
  }

  /** undefined: no cluster of `up` is here. */
  async readState(): Promise<State | undefined> {
    const text = await readFile(join(this.path, 'up/state.json'), 'utf8').catch((error: unknown) => {
      if (systemErrorCode(error) === 'ENOENT') return undefined;
      throw new Failure(EXIT.notAllowed, `${this.path} cannot be read: ${messageOf(error)}`);
    });
    return text === undefined ? undefined : parseState(text, this.path);
  }

  /** Replaces the file at once: a crash leaves the old state or the new one. */
  async writeState(state: State): Promise<void> {
    const path = join(this.path, 'up/state.json');
    await writeFile(`${path}.partial`, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 });
    await rename(`${path}.partial`, path);
  }

  /** Makes the folder, or makes sure that it is ours. */
  async prepare(): Promise<void> {
    try {
      await mkdir(this.path, { recursive: true, mode: 0o755 });
      const entries = await readdir(this.path);
      if (entries.length > 0 && !entries.includes('up')) throw notOurs(this.path);
      await mkdir(join(this.path, 'up'), { recursive: true, mode: 0o700 });
    } catch (error) {
      if (error instanceof Failure) throw error;
      throw new Failure(
        EXIT.cannotWrite,
        `the folder ${this.path} cannot be written: ${messageOf(error)}`,
        'name another one with --data-dir or BRAMBLE_DATA_DIR',
      );
    }
  }
}

export function openClusterFolder(context: Context, dataDir: string | undefined): ClusterFolder {
  return new ClusterFolder(resolve(dataDir ?? defaultDataDir(context)));
}

function notOurs(path: string): Failure {
  return new Failure(
    EXIT.input,
    `the folder ${path} is not empty, and it is not one that bramble up made`,
    'name a new one with --data-dir; a master that was started there by other means is ended by those',
  );
}

function parseState(text: string, path: string): State {
  const value: unknown = JSON.parse(text);
  if (isState(value)) return value;
  throw new Failure(EXIT.input, `${path}/up/state.json is damaged`, `remove ${path} to start anew`);
}

/** We wrote the file ourselves, and replaced it at once: what is asked here tells our file from any other. */
function isState(value: unknown): value is State {
  if (!isJsonObject(value)) return false;
  const ports = [value['apiPort'], value['mqttPort'], value['statusPort']];
  return (
    ports.every((port) => typeof port === 'number') && Array.isArray(value['nodes']) && Array.isArray(value['joined'])
  );
}
