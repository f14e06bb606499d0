/**
 * The switch of a test LAN: a machine whose bridges are its segments, and which routes between them as the router of a home
 * does whose uplink is dead: it says "prohibited" at once, so that look-ups of names fail instead of hanging.
 */
import { createNamespaces, type Namespaces, run } from './namespaces.ts';

/** Two segments: hosts of one hear each other, hosts of different ones go through the router. */
export const SEGMENTS = { home: '10.77.0', shed: '10.78.0' } as const;
export type Segment = keyof typeof SEGMENTS;

/** Where a segment has IPv6, too: none has a router for it. */
export const SEGMENTS_V6: Readonly<Partial<Record<Segment, string>>> = { home: 'fd77:' };

/** Last octet of the router's address in every segment. */
export const ROUTER = 254;

export interface LanSwitch {
  readonly namespaces: Namespaces;
  /** Plugs a machine in: makes its eth0. */
  plug(machine: { number: number; segment: Segment; pid: number }): Promise<void>;
  /** The cable: without it the machine's carrier is gone. */
  setCable(number: number, plugged: boolean): Promise<void>;
  /** A port that is not forwarding loses every frame; nobody is told. */
  setForwarding(number: number, forwarding: boolean): Promise<void>;
}

export async function createSwitch(): Promise<LanSwitch> {
  const namespaces = await createNamespaces({ init: ['plain'], cgroups: [] });
  const ip = (...args: string[]): Promise<string> => namespaces.output('ip', ...args);
  for (const [segment, net] of Object.entries(SEGMENTS)) {
    await ip('link', 'add', segment, 'type', 'bridge', 'stp_state', '0', 'forward_delay', '0');
    await ip('addr', 'add', `${net}.${ROUTER}/24`, 'dev', segment);
    await ip('link', 'set', segment, 'up');
  }
  await ip('route', 'add', 'prohibit', 'default');
  for (const setting of ['net.ipv4.ip_forward=1', 'net.ipv4.icmp_ratelimit=0', 'net.ipv6.conf.all.forwarding=1']) {
    await namespaces.output('sysctl', '-qw', setting);
  }
  return {
    namespaces,
    async plug({ number, segment, pid }) {
      const port = `port${number}`;
      // A MAC that stays, as that of real hardware does.
      const mac = `02:77:00:00:00:${number.toString(16).padStart(2, '0')}`;
      // From outside: both ends are born where they belong, and processes are known by the numbers that we know.
      const ends = [`${namespaces.pid}`, 'type', 'veth', 'peer', 'name', 'eth0', 'address', mac, 'netns', `${pid}`];
      await run('ip', ['link', 'add', port, 'netns', ...ends]);
      await ip('link', 'set', port, 'master', segment, 'up');
    },
    setCable: (number, plugged) => ip('link', 'set', `port${number}`, plugged ? 'up' : 'down').then(nothing),
    setForwarding: (number, forwarding) =>
      // States of bridge(8): 3 forwards, 0 is disabled.
      namespaces.output('bridge', 'link', 'set', 'dev', `port${number}`, 'state', forwarding ? '3' : '0').then(nothing),
  };
}

function nothing(): void {
  // The output does not matter.
}
