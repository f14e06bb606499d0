/** JSONPath as kubectl's users write it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileCustomColumns } from '../../../cli/print/custom-columns.ts';
import { compileJsonPath, JsonPathError } from '../../../cli/print/json-path.ts';

const POD = {
  kind: 'Pod',
  metadata: { name: 'web-1', labels: { app: 'web', 'example.com/tier': 'front' } },
  spec: {
    containers: [
      { name: 'main', image: 'nginx:1', ports: [{ containerPort: 80 }, { containerPort: 443 }] },
      { name: 'side', image: 'log:2' },
    ],
  },
  status: {
    phase: 'Running',
    conditions: [
      { type: 'Ready', status: 'True' },
      { type: 'Scheduled', status: 'True' },
    ],
  },
};
const LIST = { items: [POD, { ...POD, metadata: { name: 'web-2', labels: {} } }] };

const TABLE: readonly [template: string, value: unknown, text: string][] = [
  ['{.metadata.name}', POD, 'web-1'],
  ['.metadata.name', POD, 'web-1'],
  ['{$.metadata.name}', POD, 'web-1'],
  ['{.spec.containers[*].image}', POD, 'nginx:1 log:2'],
  ['{.spec.containers[0].name}', POD, 'main'],
  ['{.spec.containers[-1].name}', POD, 'side'],
  ['{.spec.containers[0:1].name}', POD, 'main'],
  ['{.spec.containers[1:].name}', POD, 'side'],
  ['{.spec.containers[7].name}', POD, ''],
  ['{.metadata.labels.example\\.com/tier}', POD, 'front'],
  ["{.metadata.labels['example.com/tier']}", POD, 'front'],
  ['{.status.conditions[?(@.type=="Ready")].status}', POD, 'True'],
  ['{.spec.containers[?(@.ports)].name}', POD, 'main'],
  ['{.spec.containers[*].ports[?(@.containerPort>100)].containerPort}', POD, '443'],
  ['{..containerPort}', POD, '80 443'],
  ['{.metadata.labels}', POD, '{"app":"web","example.com/tier":"front"}'],
  ['{range .items[*]}{.metadata.name}{"\\t"}{.status.phase}{"\\n"}{end}', LIST, 'web-1\tRunning\nweb-2\tRunning\n'],
  ['{range .items[*]}{range .spec.containers[*]}{.name},{end};{end}', LIST, 'main,side,;main,side,;'],
  ['name: {.metadata.name}!', POD, 'name: web-1!'],
  ['{.nothing.here}', POD, ''],
  ['{"}"}{.kind}', POD, '}Pod'],
];

for (const [template, value, text] of TABLE) {
  test(`jsonpath ${template}`, () => assert.equal(compileJsonPath(template)(value), text));
}

for (const template of ['{.a', '{.a[0}', '{range .items[*]}', '{.a}{end}', '{.a[x]}']) {
  test(`jsonpath ${template} is refused`, () => assert.throws(() => compileJsonPath(template), JsonPathError));
}

test('custom columns: several values in one cell, and none', () => {
  const print = compileCustomColumns('NAME:.metadata.name,IMAGES:.spec.containers[*].image,NODE:.spec.nodeName');
  assert.equal(print([POD]), 'NAME    IMAGES          NODE\nweb-1   nginx:1,log:2   <none>\n');
  assert.throws(() => compileCustomColumns('NAME'), JsonPathError);
});
