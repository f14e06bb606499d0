/**
 * Memory of a broker with 1,000 clients that only stay, over TLS and without: a fresh broker for each, as the heap of one that
 * has had a crowd is not that of a quiet house. The clients keep no connection busy and are of one user.
 */
import { sleep } from '../../../shared/platform/clock.ts';
import type { BenchContext, Figures } from '../bench.ts';
import { readMemory } from '../support/proc.ts';
import { type LoadDoor, startLoad } from './loader.ts';
import { type Peer, startMaster, startMosquitto } from './peers.ts';

const IDLE_CLIENTS = 1_000;
const SETTLE_MS = 12_000;
const MEGABYTE = 1024 * 1024;

const DOORS: readonly LoadDoor[] = ['plain', 'tls'];

export async function measureIdle(context: BenchContext): Promise<Figures> {
  const figures: Figures = {};
  for (const door of DOORS) {
    const master = await startMaster(context, `master-${door}`);
    try {
      Object.assign(figures, await measurePeer(context, { name: 'master', peer: master, door }));
      const mosquitto = await startMosquitto(context, master);
      if (mosquitto === undefined) continue;
      try {
        Object.assign(figures, await measurePeer(context, { name: 'mosquitto', peer: mosquitto, door }));
      } finally {
        await mosquitto.stop();
      }
    } finally {
      await master.stop();
    }
  }
  return figures;
}

interface Measured {
  name: string;
  peer: Peer;
  door: LoadDoor;
}

/** `masterPlainIdleRssMb` and the like. */
async function measurePeer(context: BenchContext, { name, peer, door }: Measured): Promise<Figures> {
  context.progress(`${name}: ${IDLE_CLIENTS} clients that only stay, ${door === 'tls' ? 'over TLS' : 'without TLS'}`);
  const title = `${name}${door === 'tls' ? 'Tls' : 'Plain'}`;
  const empty = await readMemory(peer.pid);
  const load = await startLoad(context, peer, { mode: 'idle', count: IDLE_CLIENTS, seconds: 0, door });
  try {
    await sleep(context.clock, SETTLE_MS, context.signal);
    const full = await readMemory(peer.pid);
    return {
      [`${title}EmptyRssMb`]: empty.rssBytes / MEGABYTE,
      [`${title}IdleRssMb`]: full.rssBytes / MEGABYTE,
      [`${title}KilobytesPerClient`]: (full.rssBytes - empty.rssBytes) / 1024 / IDLE_CLIENTS,
    };
  } finally {
    await load.stop();
  }
}
