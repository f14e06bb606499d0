/**
 * Heat protection comes to rest: hours of boards that load heats and time cools, in changing weather, for many seeds. Each seed
 * holds the properties of thermal-witness.ts; a thousand and more are run by `npm run sim -- --heat`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runThermal } from './run-thermal.ts';

const SEEDS = 15;

test('the same seed gives the same moves', () => {
  assert.deepEqual(runThermal(11), runThermal(11));
});

test(`${SEEDS} seeds: protected without oscillation`, () => {
  let [moves, sheds] = [0, 0];
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const result = runThermal(seed);
    assert.deepEqual(result.complaints, [], `seed ${seed}; again: npm run sim -- --heat --seed ${seed}`);
    moves += result.moves.filter(({ type }) => type === 'move').length;
    sheds += result.moves.filter(({ type }) => type === 'shed').length;
  }
  // Weather and bodies must be such that there is something to do.
  assert.ok(moves > SEEDS / 4 && sheds > SEEDS / 4, `${moves} moves, ${sheds} sheds`);
});
