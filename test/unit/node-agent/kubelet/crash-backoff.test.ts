/** The pauses between runs: 0, 10 s, 20 s … 5 min, and anew after a long run. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { computeRestart } from '../../../../node-agent/kubelet/pod/crash-backoff.ts';
import { ended, NOW_MS } from './builders.ts';

describe('computeRestart', () => {
  const delays = [0, 1, 2, 3, 4, 5, 6, 7, 40].map(
    (crashes) => computeRestart(ended('main', 1, { crashes })).delayMs / 1000,
  );
  it('doubles up to five minutes', () => assert.deepEqual(delays, [0, 10, 20, 40, 80, 160, 300, 300, 300]));
  it('begins anew after a run of more than ten minutes', () => {
    const long = ended('main', 1, { crashes: 5, agoMs: 0, startedAtMs: NOW_MS - 601_000 });
    assert.deepEqual(computeRestart(long), { delayMs: 0, crashes: 1 });
  });
  it('counts on otherwise', () => assert.equal(computeRestart(ended('main', 1, { crashes: 5 })).crashes, 6));
  it('takes a broken annotation for none', () => {
    const broken = ended('main', 1, { annotations: { 'bramble.dev/crashes': 'many' } });
    assert.deepEqual(computeRestart(broken), { delayMs: 0, crashes: 1 });
  });
});
