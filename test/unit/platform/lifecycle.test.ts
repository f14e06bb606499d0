/** Parts that begin and end together: in which order, and what is left when one of them fails. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Component, startAll, stopAll } from '../../../shared/platform/lifecycle.ts';

function createParts(failing: { start?: string; stop?: readonly string[] } = {}) {
  const done: string[] = [];
  const part = (name: string): Component => ({
    async start() {
      done.push(`start ${name}`);
      if (failing.start === name) throw new Error(`${name} does not start`);
    },
    async stop() {
      done.push(`stop ${name}`);
      if (failing.stop?.includes(name)) throw new Error(`${name} does not end`);
    },
  });
  return { done, parts: ['a', 'b', 'c'].map(part) };
}

test('parts start in order and end in reverse', async () => {
  const { done, parts } = createParts();
  await startAll(parts);
  await stopAll(parts);
  assert.deepEqual(done, ['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a']);
});

test('a part that does not end well keeps no other from ending, and is told', async () => {
  const { done, parts } = createParts({ stop: ['c'] });
  await assert.rejects(stopAll(parts), { message: 'c does not end' });
  assert.deepEqual(done, ['stop c', 'stop b', 'stop a']);
});

test('so with several: the error names each', async () => {
  const { done, parts } = createParts({ stop: ['a', 'c'] });
  await assert.rejects(stopAll(parts), (error) => {
    assert(error instanceof AggregateError);
    assert.deepEqual(
      error.errors.map(({ message }) => message),
      ['c does not end', 'a does not end'],
    );
    assert.match(error.message, /^2 parts .*c does not end.*a does not end/);
    return true;
  });
  assert.deepEqual(done, ['stop c', 'stop b', 'stop a']);
});

test('what has started ends when the next one does not start, and that one is what is told', async () => {
  const { done, parts } = createParts({ start: 'b', stop: ['a', 'b'] });
  await assert.rejects(startAll(parts), { message: 'b does not start' });
  assert.deepEqual(done, ['start a', 'start b', 'stop b', 'stop a']);
});
