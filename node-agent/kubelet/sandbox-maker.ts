/** Makes the sandbox of a pod, with what it needs of the node: its resolver and its hosts. */
import type { Pod } from '../../shared/api/pod.ts';
import type { ContainerRuntime } from '../container-runtime/runtime.ts';
import { isEngineProblem } from './engine-problem.ts';
import type { PodEvents } from './pod-events.ts';
import { ConfigError } from './spec/config-reader.ts';
import { type ClusterDns, lacksClusterDns, needsNodeResolver, parseResolver } from './spec/resolver.ts';
import { needsNodeHosts, renderSandboxConfig } from './spec/sandbox-config.ts';
import { demandServedPod } from './spec/unserved.ts';
import type { StartProblems } from './start-problems.ts';
import type { HostFiles } from './volumes/host-files.ts';

export interface SandboxMakerOptions {
  runtime: ContainerRuntime;
  files: HostFiles;
  events: PodEvents;
  problems: StartProblems;
  clusterDns: ClusterDns;
}

/** Stands for the sandbox among the containers that could not be made. */
export const SANDBOX_PROBLEM = '';

const NODE_HOSTS = '/etc/hosts';
/** The second is the real one where the first names only a resolver on the node itself, which pods cannot reach. */
const NODE_RESOLVERS: readonly string[] = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'];

const MAX_BYTES = 64 * 1024;

export class SandboxMaker {
  readonly #options: SandboxMakerOptions;

  constructor(options: SandboxMakerOptions) {
    this.#options = options;
  }

  /** A specification that cannot be followed is noted; rejects with RuntimeError when the engine could not follow it. */
  async run(pod: Pod, attempt: number): Promise<void> {
    const { runtime, events, problems } = this.#options;
    const { uid } = pod.metadata;
    if (attempt > 0)
      events.pod(pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
    try {
      await runtime.runSandbox(await this.#render(pod, attempt));
      problems.clear(uid, SANDBOX_PROBLEM);
    } catch (error) {
      if (!(error instanceof ConfigError) && !isEngineProblem(error)) throw error;
      const message = `Failed to create pod sandbox: ${error.message}`;
      events.pod(pod, 'Warning', 'FailedCreatePodSandBox', message);
      problems.set(uid, SANDBOX_PROBLEM, { reason: 'FailedCreatePodSandBox', message });
    }
  }

  async #render(pod: Pod, attempt: number) {
    const { clusterDns, events } = this.#options;
    demandServedPod(pod);
    const config = renderSandboxConfig({
      pod,
      attempt,
      annotations: {},
      clusterDns,
      nodeResolver: needsNodeResolver(pod, clusterDns) ? await this.#nodeResolver() : '',
      nodeHosts: needsNodeHosts(pod) ? await this.#read(NODE_HOSTS) : '',
    });
    if (lacksClusterDns(pod, clusterDns)) {
      const message =
        'this node has no cluster DNS configured and cannot serve dnsPolicy ' +
        `"${pod.spec.dnsPolicy}": falling back to "Default"`;
      events.pod(pod, 'Warning', 'MissingClusterDNS', message);
    }
    return config;
  }

  async #nodeResolver(): Promise<string> {
    let text = '';
    for (const path of NODE_RESOLVERS) {
      text = (await this.#read(path)) || text;
      if (!parseResolver(text).servers.every((server) => server.startsWith('127.') || server === '::1')) break;
    }
    return text;
  }

  async #read(path: string): Promise<string> {
    const bytes = await this.#options.files.readTail(path, MAX_BYTES);
    return bytes === undefined ? '' : Buffer.from(bytes).toString('utf8');
  }
}
