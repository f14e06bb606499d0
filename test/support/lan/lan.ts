/**
 * A LAN of boards on one computer, for tests: each host has network, disks, processes and a Docker engine of its own, the
 * switch can lose frames and cables. Several LANs may stand side by side; everything of one goes when it is stopped, and
 * when the test process dies.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '../wait.ts';
import { removeLanCgroup } from './cgroups.ts';
import { createHost, type LanHost } from './host.ts';
import { createNamespaces, type Namespaces } from './namespaces.ts';
import { createSwitch, ROUTER, SEGMENTS, SEGMENTS_V6, type Segment } from './switch.ts';

export interface Lan {
  readonly hosts: readonly LanHost[];
  /** Host number `number`, counted from 1. */
  host(number: number): LanHost;
  /** A machine on the LAN that is no member of anything. */
  readonly stranger: Namespaces & { address: string; address6: string };
  /** Pulls the host's cable, or plugs it in again. */
  setCable(number: number, plugged: boolean): Promise<void>;
  /** Silently loses everything from and to the host, or stops to. */
  setForwarding(number: number, forwarding: boolean): Promise<void>;
  stop(): Promise<void>;
}

export interface LanOptions {
  hosts: number;
  /** Hosts on the other side of the router; the first segment unless named. */
  segments?: Readonly<Record<number, Segment>>;
  /** Machines of the first segment have IPv6 addresses, too. */
  ipv6?: boolean;
  /** Further options of dockerd. */
  engineFlags?: readonly string[];
  /** Added to dockerd's environment. */
  engineEnv?: Readonly<Record<string, string>>;
}

/** Number of the port, and last octet of the address, of the stranger. */
const STRANGER = 200;

export async function startLan(options: LanOptions): Promise<Lan> {
  const folder = await mkdtemp(join(tmpdir(), 'bl-'));
  const name = `bramble-lan-${process.pid}-${folder.slice(-6)}`;
  const machines: Namespaces[] = [];
  const hosts: LanHost[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(hosts.map((host) => host.stop()));
    await Promise.all(machines.map((machine) => machine.kill()));
    await waitFor('the LAN is gone', () => removeLanCgroup(name));
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  };
  try {
    const lanSwitch = await createSwitch();
    machines.push(lanSwitch.namespaces);
    const stranger = await createNamespaces({ init: ['plain'], cgroups: [] });
    machines.push(stranger);
    await lanSwitch.plug({ number: STRANGER, segment: 'home', pid: stranger.pid });
    await configure(stranger, `${SEGMENTS.home}.${STRANGER}`, 'home');
    const { ipv6 = false } = options;
    const address6 = `${SEGMENTS_V6.home}:${STRANGER}`;
    if (ipv6) await stranger.output('ip', 'addr', 'add', `${address6}/64`, 'dev', 'eth0', 'nodad');
    for (let number = 1; number <= options.hosts; number += 1) {
      const segment = options.segments?.[number] ?? 'home';
      const { engineFlags = [], engineEnv = {} } = options;
      hosts.push(
        createHost({
          lan: name,
          folder: join(folder, `h${number}`),
          number,
          segment,
          ipv6,
          lanSwitch,
          engineFlags,
          engineEnv,
        }),
      );
    }
    await Promise.all(hosts.map((host) => host.boot()));
    return {
      hosts,
      host(number) {
        const host = hosts[number - 1];
        if (host === undefined) throw new Error(`the LAN has no host ${number}`);
        return host;
      },
      stranger: { ...stranger, address: `${SEGMENTS.home}.${STRANGER}`, address6 },
      setCable: lanSwitch.setCable,
      setForwarding: lanSwitch.setForwarding,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Address and default route of eth0. */
export async function configure(machine: Namespaces, address: string, segment: Segment): Promise<void> {
  await machine.output('ip', 'addr', 'add', `${address}/24`, 'dev', 'eth0');
  await machine.output('ip', 'link', 'set', 'eth0', 'up');
  await machine.output('ip', 'route', 'add', 'default', 'via', `${SEGMENTS[segment]}.${ROUTER}`);
}
