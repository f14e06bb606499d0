/** Which program runs, where it is looked for, and what is said when the kernel refuses it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  computeCandidates,
  computeProgram,
  describeRefusal,
} from '../../../../node-agent/container-runtime/program.ts';
import { classifyStartTrouble } from '../../../../node-agent/container-runtime/start-trouble.ts';

const IMAGE = { entrypoint: ['/entry', 'a'], command: ['b'], env: ['A=1', 'PATH=/own:/bin'] };
const EMPTY = { entrypoint: [], command: [], env: [] };

test('command and args in place of entrypoint and command of the image', () => {
  const cases: [string[] | undefined, string[] | undefined, string[]][] = [
    [undefined, undefined, ['/entry', 'a', 'b']],
    [undefined, ['c'], ['/entry', 'a', 'c']],
    [['d'], undefined, ['d']],
    [['d'], ['c'], ['d', 'c']],
    [[], [], ['/entry', 'a', 'b']],
  ];
  for (const [command, args, expected] of cases) {
    assert.deepEqual(computeProgram({ command, args, env: [] }, IMAGE), expected);
  }
  assert.deepEqual(computeProgram({ command: undefined, args: undefined, env: [] }, EMPTY), []);
});

test('looked for in the PATH of the container, of its image, of the engine', () => {
  const wish = (...env: { name: string; value: string }[]) => ({ command: undefined, args: undefined, env });
  const path = (value: string) => ({ name: 'PATH', value });
  assert.deepEqual(computeCandidates('run', wish(), IMAGE), ['/own/run', '/bin/run']);
  assert.deepEqual(computeCandidates('run', wish(path('/x'), path('/a::/b')), IMAGE), ['/a/run', './run', '/b/run']);
  assert.equal(computeCandidates('run', wish(), EMPTY).length, 6);
  for (const name of ['./run', '/run', 'in/run']) assert.deepEqual(computeCandidates(name, wish(), IMAGE), [name]);
});

test("refusals in runc's words, which the image doctor knows", () => {
  assert.match(describeRefusal('run', 2), /exec: "run": executable file not found in \$PATH$/);
  assert.match(describeRefusal('/run', 2), /exec: "\/run": no such file or directory$/);
  assert.match(describeRefusal('/run', 13), /permission denied$/);
  assert.match(describeRefusal('/run', 99), /error 99$/);
  assert.equal(classifyStartTrouble(describeRefusal('/run', 8)), 'exec-format');
});
