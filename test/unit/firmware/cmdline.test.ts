/** The kernel's command line: a table of what boards come with, and what no edit may ever break. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CMDLINE_LIMIT_BYTES, CmdlineError, editCmdline } from '../../../firmware-scripts/flash/cmdline.ts';

const TRIXIE =
  'console=serial0,115200 console=tty1 root=PARTUUID=4e639091-02 rootfstype=ext4 fsck.repair=yes rootwait resize';

const TABLE: readonly [name: string, before: string, edits: Parameters<typeof editCmdline>[1], after: string][] = [
  ['appends', `${TRIXIE}\n`, { cgroup_enable: 'memory' }, `${TRIXIE} cgroup_enable=memory\n`],
  [
    'keeps what is there already',
    'a cgroup_enable=memory b',
    { cgroup_enable: 'memory' },
    'a cgroup_enable=memory b\n',
  ],
  [
    'keeps other values of keys that may stand twice',
    'cgroup_enable=cpuset',
    { cgroup_enable: 'memory' },
    'cgroup_enable=cpuset cgroup_enable=memory\n',
  ],
  ['replaces', 'x ds=nocloud;i=old y', { ds: 'nocloud;i=new' }, 'x y ds=nocloud;i=new\n'],
  ['takes away', 'x systemd.run=/a y', { 'systemd.run': undefined }, 'x y\n'],
  ['adds bare words', 'x', { quiet: true }, 'x quiet\n'],
  ['reads the first line only, as the firmware does', 'x y\r\nz', {}, 'x y\n'],
  ['leaves quoted values whole', 'x="a  b"   y', {}, 'x="a  b" y\n'],
  ['drops a byte order mark', '\uFEFFx', {}, 'x\n'],
  ['starts from nothing', '', { a: 'b' }, 'a=b\n'],
];

for (const [name, before, edits, after] of TABLE) {
  test(`cmdline.txt: ${name}`, () => assert.equal(editCmdline(before, edits), after));
}

const word = fc.stringMatching(/^[a-z][a-z0-9._]{0,8}(=[A-Za-z0-9/,:;-]{1,12})?$/);
const line = fc.array(word, { maxLength: 12 }).map((words) => words.join(' '));
const edits = fc.dictionary(
  fc.stringMatching(/^[a-z][a-z0-9._]{0,8}$/),
  fc.oneof(fc.stringMatching(/^[A-Za-z0-9/,:;-]{1,12}$/), fc.constant(true as const), fc.constant(undefined)),
  { maxKeys: 4, noNullPrototype: true },
);

test('cmdline.txt: one line, whatever goes in, and a second edit changes nothing', () => {
  fc.assert(
    fc.property(line, edits, fc.constantFrom('', '\n', '\r\n', '\n\n', '  \n'), (before, changes, end) => {
      const once = editCmdline(before + end, changes);
      assert.match(once, /^[^\r\n]*\n$/);
      assert.doesNotMatch(once, / {2}|^ | \n/);
      assert.equal(editCmdline(once, changes), once);
    }),
  );
});

test('cmdline.txt: words of other keys stay, in their order', () => {
  fc.assert(
    fc.property(line, edits, (before, changes) => {
      const untouched = (text: string): string[] =>
        text.split(/\s+/).filter((each) => each !== '' && !Object.hasOwn(changes, each.split('=')[0] ?? ''));
      assert.deepEqual(untouched(editCmdline(before, changes)), untouched(before));
    }),
  );
});

test('cmdline.txt: what the kernel would cut off is refused', () => {
  assert.throws(() => editCmdline('x'.repeat(CMDLINE_LIMIT_BYTES), { a: 'b' }), CmdlineError);
});
