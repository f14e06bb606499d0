/** The law is tested too: each rule finds what it bans, at the right line, and leaves comments and strings alone. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findForbiddenArrows } from '../../support/tidy/arrows.ts';
import { findUnexplainedDependencies } from '../../support/tidy/dependencies.ts';
import { functionsOf } from '../../support/tidy/functions.ts';
import { findCycles, findUndeclared, importsOf } from '../../support/tidy/imports.ts';
import { maskSource } from '../../support/tidy/mask-source.ts';
import {
  findBannedWords,
  findBarrelName,
  findLongFile,
  findMissingHeader,
  findSuppressions,
} from '../../support/tidy/rules.ts';
import { type Finding, sourceFile } from '../../support/tidy/source-file.ts';

/** `§{` stands for what a linter takes for a forgotten template. */
const templates = (text: string): string => text.replaceAll('§', '$');

const brief = (findings: readonly Finding[]): string[] => findings.map(({ line, rule }) => `${line} ${rule}`);

describe('masking', () => {
  const masks: readonly [name: string, source: string, code: string][] = [
    ['line comment', 'a // b\nc', 'a     \nc'],
    ['block comment', 'a /* b\nc */ d', 'a     \n     d'],
    ['strings', `'a"b' + "c\\"d" + e`, `'   ' + "    " + e`],
    ['template', '`a§{b}c`', '` §{b} `'],
    ['template of two parts', '`a§{b}c§{d}e` + f', '` §{b} §{d} ` + f'],
    ['nested template', '`a§{b(`c§{d}`, {e})}f` + g', '` §{b(` §{d}`, {e})} ` + g'],
    ['template with a comment in its text', '`https://x` + y', '`         ` + y'],
    ['regular expression', 'x = /[/"]\\//g; y', 'x = /      /g; y'],
    ['regular expression after return', 'return /a/;', 'return / /;'],
    ['division', 'a / b / c', 'a / b / c'],
    ['hash bang', '#!/bin/node\na', '           \na'],
  ];
  for (const [name, source, code] of masks) {
    it(name, () => assert.equal(maskSource(templates(source)), templates(code)));
  }
});

describe('banned words', () => {
  const banned: readonly [code: string, findings: string[]][] = [
    ['let a: any;', ['1 any']],
    ['f<any>(x as any[])', ['1 any', '1 any']],
    ['Promise.any([]); const company = 1; // any', []],
    ['x as unknown as T', ['1 double cast']],
    ['a!.b; c[0]!; d()!;', ['1 non-null', '1 non-null', '1 non-null']],
    ['a !== b; !c; a != d;', []],
    ['export default 1;', ['1 default export']],
    ["export * from './a.ts';", ['1 barrel']],
    ['it.only(1);\ntest.skip(2); describe("", { skip: true })', ['1 focused test', '2 focused test', '2 focused test']],
    ['Date.now(); new Date(); new Date(0);', ['1 clock', '1 clock']],
    ['setTimeout(f, 1); clock.setTimeout; AbortSignal.timeout(1);', ['1 timer', '1 timer']],
    ["import { setTimeout } from 'node:timers/promises';", ['1 timer']],
    ['Math.random(); crypto.randomUUID();', ['1 randomness', '1 randomness']],
    ['console.log(1); this.console.x;', ['1 console']],
    ['process.env; process.exit;', ['1 environment']],
    ["'Date.now() any console.log' // setTimeout", []],
  ];
  for (const [code, findings] of banned) {
    it(JSON.stringify(code), () =>
      assert.deepEqual(brief(findBannedWords(sourceFile('master/store/a.ts', code))), findings),
    );
  }

  it('effects are free in the platform room and in main.ts', () => {
    for (const path of ['shared/platform/clock.ts', 'master/main.ts']) {
      assert.deepEqual(brief(findBannedWords(sourceFile(path, 'Date.now(); console.log(a!)'))), ['1 non-null']);
    }
  });
});

describe('arrows', () => {
  const arrows: readonly [from: string, specifier: string, allowed: boolean][] = [
    ['shared/api/pod.ts', '../schema/fields.ts', true],
    ['shared/schema/fields.ts', '../api/pod.ts', false],
    ['shared/client/client.ts', '../../master/store/store.ts', false],
    ['master/apiserver/rest.ts', '../store/store.ts', true],
    ['master/apiserver/rest.ts', './routes/get.ts', true],
    ['master/apiserver/rest.ts', '../../shared/api/pod.ts', true],
    ['master/apiserver/rest.ts', '../gateway/door.ts', false],
    ['master/gateway/door.ts', '../apiserver/rest.ts', true],
    ['master/gateway/door.ts', '../store/store.ts', false],
    ['master/scheduler/queue.ts', '../store/store.ts', false],
    ['master/scheduler/queue.ts', '../options.ts', false],
    ['node-agent/kubelet/pods.ts', '../sensors/sensors.ts', true],
    ['node-agent/proxy/table.ts', '../kubelet/pods.ts', false],
    ['node-agent/agent.ts', './kubelet/kubelet.ts', true],
    ['node-agent/agent.ts', '../master/store/store.ts', false],
    ['cli/commands/get.ts', '../context.ts', true],
    ['cli/commands/get.ts', '../../master/main.ts', false],
    ['test/unit/a.test.ts', '../../master/store/store.ts', true],
  ];
  for (const [from, specifier, allowed] of arrows) {
    it(`${from} ${allowed ? 'may' : 'may not'} import ${specifier}`, () => {
      const findings = findForbiddenArrows(sourceFile(from, `import type { A } from '${specifier}';`));
      assert.equal(findings.length, allowed ? 0 : 1);
    });
  }
});

describe('imports', () => {
  it('finds every form', () => {
    const text = [
      "import a, { type B } from './a.ts';",
      "import type {\n  C,\n} from '../c.ts';",
      "import './side.ts';",
      "export { d } from './d.ts';",
      "const e = await import('node:fs');",
      "type F = import('typebox').TSchema;",
      '// import { g } from "./g.ts";',
    ].join('\n');
    const found = importsOf(sourceFile('x/y/z.ts', text)).map(({ target, line }) => `${line} ${target}`);
    assert.deepEqual(found.sort(), ['1 x/y/a.ts', '2 x/c.ts', '5 x/y/side.ts', '6 x/y/d.ts', '7 node:fs', '8 typebox']);
  });

  it('finds cycles, through type imports too', () => {
    const files = [
      sourceFile('a.ts', "import { b } from './b.ts';"),
      sourceFile('b.ts', "import type { C } from './c.ts';\nimport { d } from './d.ts';"),
      sourceFile('c.ts', "import { a } from './a.ts';"),
      sourceFile('d.ts', ''),
    ];
    assert.deepEqual(
      findCycles(files).map(({ message }) => message),
      ['a.ts → b.ts → c.ts → a.ts'],
    );
  });

  it('finds packages that package.json does not name', () => {
    const text = "import a from 'ws/lib';\nimport b from '@x/y/z';\nimport c from 'node:fs';\nimport d from 'other';";
    assert.deepEqual(brief(findUndeclared([sourceFile('a.ts', text)], ['ws', '@x/y'])), ['4 dependency']);
  });
});

describe('functions', () => {
  const lengths: readonly [name: string, text: string, spans: string[]][] = [
    ['declaration', 'function f(\n  a: { b: number },\n): void {\n  a;\n}', ['1-5']],
    ['arrow', 'const f = (a: number): number => {\n  return a;\n};', ['1-3']],
    ['method', 'class A {\n  b(): void {\n    c;\n  }\n}', ['2-4']],
    ['control statements', 'if (a) {\n} else {\n}\nfor (;;) {\n}\nswitch (a) {\n}', []],
    ['objects and templates', 'const a = {\n b: `§{c}-§{d}`,\n};', []],
  ];
  for (const [name, text, spans] of lengths) {
    it(name, () =>
      assert.deepEqual(
        functionsOf(templates(text)).map((span) => `${span.firstLine}-${span.lastLine}`),
        spans,
      ),
    );
  }

  it('counts own lines without those of inner functions', () => {
    const text = 'describe(() => {\n  a;\n  it(() => {\n    b;\n    c;\n  });\n});';
    assert.deepEqual(
      functionsOf(text).map(({ ownLines }) => ownLines),
      [4, 3],
    );
  });

  it('refuses what Node cannot strip', () => {
    assert.throws(() => functionsOf('enum A { B }'), SyntaxError);
  });
});

it('headers, names, lengths, suppressions and reasons', () => {
  assert.equal(findMissingHeader(sourceFile('a.ts', '#!/usr/bin/env node\n/** A job. */')).length, 0);
  assert.equal(findMissingHeader(sourceFile('a.ts', 'const a = 1; // A job.')).length, 1);
  assert.equal(findBarrelName(sourceFile('shared/api/index.ts', '')).length, 1);
  assert.equal(findLongFile(sourceFile('a.ts', 'a\n'.repeat(3)), 2).length, 1);
  assert.deepEqual(brief(findSuppressions(sourceFile('a.ts', "a;\n// @ts-ignore: why\n'// @ts-ignore';"))), [
    '2 suppression',
  ]);
  const readme = '| `ws` | the WebSocket of the status page |\n- `mqtt`: client';
  assert.deepEqual(
    findUnexplainedDependencies(readme, ['ws', 'mqtt']).map(({ message }) => message),
    ['say why `mqtt` is needed'],
  );
});
