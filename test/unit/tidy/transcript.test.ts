/** The session in the README: same shape, other numbers. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Step, updateTranscript } from '../../support/transcript.ts';

const BLOCK = (inside: string): string =>
  `before\n<!-- transcript: written by test/e2e/commands.test.ts; empty the block to renew it -->\n${inside}<!-- transcript ends -->\nafter\n`;
const steps = (age: string, pod: string): Step[] => [
  { command: 'bramble get pods', output: `NAME   AGE\n${pod}   ${age}\n` },
];

describe('the transcript', () => {
  const filled = updateTranscript(BLOCK(''), steps('5s', 'web-6d5f7c9b84-abcde')) ?? '';
  it('is written where there is none', () => {
    assert.match(
      filled,
      /^before\n.*\n```\n\$ bramble get pods\nNAME +AGE\nweb-6d5f7c9b84-abcde +5s\n```\n<!-- transcript ends -->\nafter\n$/,
    );
  });
  it('stays when only names and ages differ', () => {
    assert.equal(updateTranscript(filled, steps('2m5s', 'web-7d5f7c9b85-fghij')), undefined);
  });
  it('is refused when the words differ', () => {
    const other = [{ command: 'bramble get pods', output: 'NAME   STATUS   AGE\n' }];
    assert.throws(() => updateTranscript(filled, other), /not what the commands print now/);
    assert.throws(() => updateTranscript('no block', other), /has no block/);
  });
});
