/** Which boards are updated, how many may be away, and how an update went. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseBoards, countAway, judge } from '../../../cli/commands/node-update.ts';

const BOARDS = [
  { name: 'pi-2', isReady: true },
  { name: 'pi-1', isReady: true },
  { name: 'pi-3', isReady: false },
];

test('boards by name in the order that was asked for, or all of them', () => {
  assert.deepEqual(chooseBoards(BOARDS, { nodes: ['pi-2', 'pi-1'] }), ['pi-2', 'pi-1']);
  assert.deepEqual(chooseBoards(BOARDS, { nodes: [], all: true }), ['pi-1', 'pi-2', 'pi-3']);
  assert.throws(() => chooseBoards(BOARDS, { nodes: [] }), /name boards, or say --all/);
  assert.throws(() => chooseBoards(BOARDS, { nodes: ['pi-1'], all: true }), /name boards, or say --all/);
  assert.throws(() => chooseBoards(BOARDS, { nodes: ['pi-9'] }), /no node pi-9/);
});

test('boards that are away already count', () => {
  assert.equal(countAway(BOARDS, 'pi-1'), 2);
  assert.equal(countAway(BOARDS.slice(0, 2), 'pi-1'), 1);
});

const STATES: readonly [name: string, state: Record<string, string>, verdict: unknown][] = [
  ['on trial', { sha256: 'a', outcome: 'trial' }, undefined],
  ['an older update', { sha256: 'b', outcome: 'done', version: '1' }, undefined],
  ['confirmed', { sha256: 'a', outcome: 'done', version: '2' }, { done: 'runs 2' }],
  ['taken back', { sha256: 'a', outcome: 'failed', failed: 'why' }, { failed: 'why' }],
];

for (const [name, state, verdict] of STATES) {
  test(`a board that says: ${name}`, () => assert.deepEqual(judge(state, 'a'), verdict));
}
