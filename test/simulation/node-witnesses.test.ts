/** Each witness of boards speaks up at the history that it is there for, and is silent at the one beside it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Journal, type PodOnBoard, type Witness } from './journal.ts';
import { MAX_STARTS_A_MINUTE, neverSpins, overStaysOver, startsWhereBound } from './node-witnesses.ts';

const WEB: PodOnBoard = { namespace: 'default', name: 'web', uid: 'u1', board: 'a' };

/** What the witness says when these containers start, `everyMs`, in a world with this pod `web` of uid `u1` on board `a`. */
function judge(witness: Witness, starts: readonly PodOnBoard[], { phase = 'Running', everyMs = 0 } = {}): string[] {
  let nowMs = 0;
  const journal = new Journal([witness], () => nowMs);
  const metadata = { name: 'web', namespace: 'default', uid: 'u1' };
  const value = JSON.stringify({ metadata, spec: { nodeName: 'a' }, status: { phase } });
  journal.noteWrite({ key: '/core/pods/default/web', value });
  for (const pod of starts) {
    journal.noteStart({ pod, others: [] });
    nowMs += everyMs;
  }
  return journal.takeComplaints();
}

describe('witnesses of boards', () => {
  test('a pod that starts on another board than its own', () => {
    assert.equal(judge(startsWhereBound, [{ ...WEB, board: 'b' }]).length, 1);
    assert.deepEqual(judge(startsWhereBound, [WEB, { ...WEB, uid: 'u0', board: 'b' }]), []);
  });
  test('a pod that was over', () => {
    const make = () => overStaysOver(() => false);
    assert.equal(judge(make(), [WEB], { phase: 'Failed' }).length, 1);
    assert.equal(judge(make(), [WEB], { phase: 'Succeeded' }).length, 1);
    assert.deepEqual(judge(make(), [WEB]), []);
    assert.deepEqual(judge(make(), [{ ...WEB, uid: 'u2' }], { phase: 'Failed' }), []);
  });
  test('a pod that was over, on a board whose card took nothing', () => {
    const onBad = (bad: string) => overStaysOver((board) => board === bad);
    assert.deepEqual(judge(onBad('a'), [WEB], { phase: 'Failed' }), []);
    assert.equal(judge(onBad('b'), [WEB], { phase: 'Failed' }).length, 1);
  });
  test('a pod that is restarted all the time', () => {
    const starts = Array.from({ length: MAX_STARTS_A_MINUTE + 1 }, () => WEB);
    assert.equal(judge(neverSpins(), starts, { everyMs: 1_000 }).length, 1);
    assert.deepEqual(judge(neverSpins(), starts, { everyMs: 10_000 }), []);
  });
});
