/**
 * What boards owe their owner when nobody is there: the master dies, the power of all boards fails, and some minutes later
 * each runs again what it ran before. Asked of some seeds after their faults, on whatever these have left.
 */
import type { Pod } from '../../shared/api/pod.ts';
import type { World } from './world.ts';

/** Time for boards to hear what was missed, and to write it down. */
const SETTLE_MS = 120_000;

/** Longer than any back-off, which is five minutes at most. */
const ALONE_MS = 7 * 60_000;

export function isLeftAlone(seed: number): boolean {
  return seed % 3 === 0;
}

export async function leaveAlone({ clock, master, boards, broker, journal, note }: World): Promise<string[]> {
  note('calm before the power cut');
  Object.assign(broker.faults, { lossRate: 0, duplicateRate: 0, maxDelayMs: 30 });
  master.killAfter(undefined);
  void master.start();
  await clock.advance(1_000);
  for (const board of boards) {
    board.endFaults();
    // What a card has lost is found out when it is read, and the master helps to mend it.
    board.killAgent();
    void board.startAgent();
  }
  await clock.advance(SETTLE_MS);
  const expected = [...journal.pods.values()].filter(isSteady);
  note(`all power is cut, the master stays away; ${expected.length} pods are expected back`);
  master.kill();
  for (const board of boards) board.cutPower();
  await clock.advance(1_000);
  for (const board of boards) void board.startAgent();
  await clock.advance(ALONE_MS);
  return expected
    .filter(({ spec, metadata }) => {
      const board = boards.find(({ name }) => name === spec.nodeName);
      return (board?.running().get(metadata.uid) ?? []).length < spec.containers.length;
    })
    .map(({ spec, metadata }) => `pod ${metadata.name} did not come back on ${spec.nodeName} without a master`);
}

/** Ready for long enough that its board has it on its disk, and never ends by itself. */
function isSteady({ metadata, spec, status }: Pod): boolean {
  const isReady = status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True');
  const isGoing = metadata.deletionTimestamp !== undefined;
  return isReady === true && !isGoing && (spec.restartPolicy ?? 'Always') === 'Always';
}
