/**
 * Docker Swarm as a contender, with what it needs to be measured fairly: images are local on every host and no registry is
 * asked, containers end at once, services have no networks. Host 1 is the manager and works too.
 */
import { TEST_IMAGE } from '../../support/docker.ts';
import type { Lan } from '../../support/lan/lan.ts';
import { waitFor } from '../../support/wait.ts';
import { areEmpty, askEngine } from './engines.ts';
import type { Orchestrator } from './orchestrator.ts';

const READY_TIMEOUT_MS = 60_000;

interface Task {
  NodeID?: string;
  Status: { State: string };
  Spec: { ContainerSpec: { Env?: string[] } };
}

interface SwarmNode {
  ID: string;
  Status: { State: string };
  Description: { Hostname: string };
}

export function createSwarm(lan: Lan): Orchestrator {
  const manager = lan.host(1);
  /** Services whose tasks must be of the new template. */
  const updated = new Set<string>();
  const ask = async <T>(path: string): Promise<T> => (await askEngine(manager, path)) as T;
  const nodes = (): Promise<SwarmNode[]> => ask<SwarmNode[]>('/nodes');
  const idOf = async (host: number): Promise<string | undefined> =>
    (await nodes()).find(({ Description }) => Description.Hostname === lan.host(host).name)?.ID;
  const ids = new Map<number, string>();
  return {
    name: 'swarm',
    async start() {
      await manager.docker('swarm', 'init', '--advertise-addr', manager.address);
      const token = await manager.docker('swarm', 'join-token', '-q', 'worker');
      const workers = lan.hosts.filter((host) => host !== manager);
      await Promise.all(
        workers.map((host) => host.docker('swarm', 'join', '--token', token, `${manager.address}:2377`)),
      );
      await waitFor('all nodes of the swarm', async () => {
        const ready = (await nodes()).filter(({ Status }) => Status.State === 'ready');
        return ready.length === lan.hosts.length;
      });
      for (const { number } of lan.hosts) ids.set(number, (await idOf(number)) ?? '');
    },
    async create(service, replicas) {
      const flags = ['--detach', '--no-resolve-image', '--stop-signal', 'SIGKILL', '--update-parallelism', '2'];
      const name = ['--name', service, '--replicas', `${replicas}`, '--update-delay', '0s'];
      await manager.docker('service', 'create', ...flags, ...name, TEST_IMAGE, 'sleep', '1000000');
    },
    async update(service) {
      updated.add(service);
      await manager.docker('service', 'update', '--detach', '--no-resolve-image', '--env-add', 'ROUND=2', service);
    },
    async remove(service) {
      await manager.docker('service', 'rm', service);
      updated.delete(service);
      await waitFor('its containers to be gone', () => areEmpty(lan.hosts), READY_TIMEOUT_MS);
    },
    async running(service, except) {
      const filters = JSON.stringify({ service: { [service]: true }, 'desired-state': { running: true } });
      const tasks = await ask<Task[]>(`/tasks?filters=${encodeURIComponent(filters)}`);
      const lost = except === undefined ? undefined : ids.get(except);
      const isNew = ({ Spec }: Task): boolean => !updated.has(service) || Spec.ContainerSpec.Env?.[0] === 'ROUND=2';
      return tasks.filter((task) => task.Status.State === 'running' && task.NodeID !== lost && isNew(task)).length;
    },
    async isLost(host) {
      return (await nodes()).some(({ ID, Status }) => ID === ids.get(host) && Status.State === 'down');
    },
    async killControl() {
      await manager.killEngine('SIGKILL');
      await manager.startEngine();
    },
    async stop() {
      await Promise.all(lan.hosts.map((host) => host.docker('swarm', 'leave', '--force')));
      // A manager that was killed may have forgotten containers of before.
      for (const host of lan.hosts) {
        const ids = await host.docker('ps', '-aq');
        if (ids !== '') await host.docker('rm', '-f', ...ids.split('\n'));
      }
    },
  };
}
