/** Strategic merge patches on a schema like a Deployment's, with patches that kubectl 1.32 really sends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PatchError, type PatchErrorReason } from '../../../../shared/machinery/patch/patch-error.ts';
import type { PatchSchema } from '../../../../shared/machinery/patch/patch-schema.ts';
import { applyStrategicMergePatch } from '../../../../shared/machinery/patch/strategic-merge-patch.ts';

function merged(mergeKey: string, items: PatchSchema, strategy = 'merge'): PatchSchema {
  return {
    type: 'array',
    items,
    'x-kubernetes-patch-merge-key': mergeKey,
    'x-kubernetes-patch-strategy': strategy,
  };
}

const text: PatchSchema = { type: 'string' };
const primitives: PatchSchema = { type: 'array', items: text };
const container: PatchSchema = {
  type: 'object',
  properties: {
    name: text,
    image: text,
    command: primitives,
    env: merged('name', { type: 'object', properties: { name: text, value: text } }),
    ports: merged('containerPort', { type: 'object', properties: { containerPort: { type: 'integer' }, name: text } }),
  },
};
const schema: PatchSchema = {
  type: 'object',
  properties: {
    metadata: {
      type: 'object',
      properties: {
        labels: { type: 'object', patternProperties: { '^.*$': text } },
        finalizers: { ...primitives, 'x-kubernetes-patch-strategy': 'merge' },
      },
    },
    spec: {
      type: 'object',
      properties: {
        strategy: {
          type: 'object',
          properties: { type: text, rollingUpdate: { type: 'object', properties: { maxSurge: {} } } },
          'x-kubernetes-patch-strategy': 'retainKeys',
        },
        containers: merged('name', container),
        volumes: merged('name', { type: 'object', properties: { name: text } }, 'merge,retainKeys'),
        tolerations: { type: 'array', items: { type: 'object' } },
        sealed: { type: 'object', 'x-kubernetes-patch-strategy': 'replace' },
      },
    },
  },
};

const a = { name: 'a', image: 'a:1', env: [{ name: 'X', value: '1' }], ports: [{ containerPort: 80, name: 'http' }] };
const b = { name: 'b', image: 'b:1' };
const c = { name: 'c', image: 'c:1' };

/** Every row is the spec; `result` undefined means that it stays. */
const ROWS: Record<string, { spec?: unknown; patch: unknown; result: unknown }> = {
  'set image: one container by name': {
    spec: { containers: [a, b] },
    patch: {
      '$setElementOrder/containers': [{ name: 'a' }, { name: 'b' }],
      containers: [{ name: 'b', image: 'b:2' }],
    },
    result: { containers: [a, { name: 'b', image: 'b:2' }] },
  },
  'set env: a variable by name, and one gone': {
    spec: {
      containers: [
        {
          name: 'a',
          env: [
            { name: 'X', value: '1' },
            { name: 'Y', value: '2' },
          ],
        },
      ],
    },
    patch: {
      containers: [
        {
          name: 'a',
          '$setElementOrder/env': [{ name: 'X' }, { name: 'Z' }],
          env: [
            { name: 'X', value: '9' },
            { name: 'Y', $patch: 'delete' },
            { name: 'Z', value: '3' },
          ],
        },
      ],
    },
    result: {
      containers: [
        {
          name: 'a',
          env: [
            { name: 'X', value: '9' },
            { name: 'Z', value: '3' },
          ],
        },
      ],
    },
  },
  'ports merge by containerPort': {
    spec: { containers: [a] },
    patch: { containers: [{ name: 'a', ports: [{ containerPort: 80, name: 'web' }] }] },
    result: { containers: [{ ...a, ports: [{ containerPort: 80, name: 'web' }] }] },
  },
  'without an order new items come first, as in Kubernetes': {
    spec: { containers: [a, b] },
    patch: { containers: [c] },
    result: { containers: [c, a, b] },
  },
  'an order puts new items in their place': {
    spec: { containers: [a, b] },
    patch: { '$setElementOrder/containers': [{ name: 'a' }, { name: 'c' }, { name: 'b' }], containers: [c] },
    result: { containers: [a, c, b] },
  },
  'an order alone reorders': {
    spec: { containers: [a, b, c] },
    patch: { '$setElementOrder/containers': [{ name: 'c' }, { name: 'a' }, { name: 'b' }] },
    result: { containers: [c, a, b] },
  },
  'items that the order does not know keep their place': {
    spec: { containers: [a, { name: 'injected' }, b] },
    patch: { '$setElementOrder/containers': [{ name: 'a' }, { name: 'b' }], containers: [{ name: 'b', image: 'b:2' }] },
    result: { containers: [a, { name: 'injected' }, { name: 'b', image: 'b:2' }] },
  },
  'an item is deleted by its key': {
    spec: { containers: [a, b] },
    patch: { containers: [{ name: 'a', $patch: 'delete' }] },
    result: { containers: [b] },
  },
  'a list is replaced': {
    spec: { containers: [a, b] },
    patch: { containers: [c, { $patch: 'replace' }] },
    result: { containers: [c] },
  },
  'merge may be said': {
    spec: { containers: [b] },
    patch: { containers: [{ name: 'b', image: 'b:2', $patch: 'merge' }] },
    result: { containers: [{ name: 'b', image: 'b:2' }] },
  },
  'an atomic list is replaced': {
    spec: { tolerations: [{ key: 'a' }] },
    patch: { tolerations: [{ key: 'b' }] },
    result: { tolerations: [{ key: 'b' }] },
  },
  'a list of primitives without a strategy is replaced': {
    spec: { containers: [{ name: 'a', command: ['x', 'y'] }] },
    patch: { containers: [{ name: 'a', command: ['z'] }] },
    result: { containers: [{ name: 'a', command: ['z'] }] },
  },
  'null deletes': {
    spec: { containers: [a], tolerations: [] },
    patch: { tolerations: null, missing: null },
    result: { containers: [a] },
  },
  'no null and no directive gets into a new value': {
    spec: {},
    patch: {
      strategy: { $retainKeys: ['type'], type: 'Recreate', rollingUpdate: null },
      containers: [
        { name: 'a', image: null, '$setElementOrder/env': [], env: [] },
        { name: 'gone', $patch: 'delete' },
      ],
      sealed: { $patch: 'delete' },
    },
    result: { strategy: { type: 'Recreate' }, containers: [{ name: 'a', env: [] }] },
  },
  'retainKeys removes what it does not name': {
    spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } },
    patch: { strategy: { $retainKeys: ['type'], type: 'Recreate' } },
    result: { strategy: { type: 'Recreate' } },
  },
  'retainKeys in an item of a list: a volume changes its source': {
    spec: { volumes: [{ name: 'v', emptyDir: {} }] },
    patch: { volumes: [{ name: 'v', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/x' } }] },
    result: { volumes: [{ name: 'v', hostPath: { path: '/x' } }] },
  },
  'an object is replaced': {
    spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } },
    patch: { strategy: { $patch: 'replace', type: 'Recreate' } },
    result: { strategy: { type: 'Recreate' } },
  },
  'an object is emptied': {
    spec: { strategy: { type: 'RollingUpdate' } },
    patch: { strategy: { $patch: 'delete' } },
    result: { strategy: {} },
  },
  'the strategy replace replaces objects': {
    spec: { sealed: { x: 1 } },
    patch: { sealed: { y: 2 } },
    result: { sealed: { y: 2 } },
  },
  'another type replaces': { spec: { sealed: [1] }, patch: { sealed: { y: 2 } }, result: { sealed: { y: 2 } } },
};

for (const [name, { spec, patch, result }] of Object.entries(ROWS)) {
  test(`strategic merge patch: ${name}`, () => {
    const inputs = [{ spec }, { spec: patch }];
    const before = structuredClone(inputs);
    assert.deepEqual(applyStrategicMergePatch(inputs[0], inputs[1], schema), { spec: result });
    assert.deepEqual(inputs, before);
  });
}

test('lists of primitives merge as sets and lose by directive', () => {
  const original = { metadata: { finalizers: ['x', 'y'] } };
  const add = { metadata: { finalizers: ['z', 'x'] } };
  assert.deepEqual(applyStrategicMergePatch(original, add, schema), { metadata: { finalizers: ['z', 'x', 'y'] } });
  const change = {
    metadata: {
      '$deleteFromPrimitiveList/finalizers': ['x'],
      '$setElementOrder/finalizers': ['y', 'z'],
      finalizers: ['z'],
    },
  };
  assert.deepEqual(applyStrategicMergePatch(original, change, schema), { metadata: { finalizers: ['y', 'z'] } });
});

test('the root is replaced by $patch: replace', () => {
  assert.deepEqual(applyStrategicMergePatch({ a: 1 }, { $patch: 'replace', b: 2 }, schema), { b: 2 });
});

test('without a schema objects are merged and lists replaced', () => {
  assert.deepEqual(applyStrategicMergePatch({ a: { b: 1 }, l: [1] }, { a: { c: 2 }, l: [2] }), {
    a: { b: 1, c: 2 },
    l: [2],
  });
});

test('what kubectl apply sends for two changed containers', () => {
  const original = { spec: { containers: [a, b] } };
  const patch = {
    spec: {
      '$setElementOrder/containers': [{ name: 'a' }, { name: 'b' }],
      containers: [
        { '$setElementOrder/env': [{ name: 'X' }], env: [{ name: 'X', value: '2' }], name: 'a' },
        { image: 'b:2', name: 'b' },
      ],
    },
  };
  assert.deepEqual(applyStrategicMergePatch(original, patch, schema), {
    spec: {
      containers: [
        { ...a, env: [{ name: 'X', value: '2' }] },
        { name: 'b', image: 'b:2' },
      ],
    },
  });
});

const BAD: [reason: PatchErrorReason, patch: unknown][] = [
  ['malformed', []],
  ['malformed', { $patch: 'frob' }],
  ['malformed', { spec: { $retainKeys: 'x' } }],
  ['malformed', { spec: { strategy: { $retainKeys: ['type'], rollingUpdate: {} } } }],
  ['malformed', { spec: { containers: ['a'] } }],
  ['malformed', { spec: { '$setElementOrder/containers': {} } }],
  ['malformed', { spec: { '$setElementOrder/containers': [{ name: 'x' }], containers: [{ name: 'a' }] } }],
  ['malformed', { metadata: { '$deleteFromPrimitiveList/finalizers': 'x' } }],
  ['inapplicable', { spec: { containers: [{ image: 'x' }] } }],
  ['inapplicable', { metadata: { finalizers: [{}] } }],
];

test('bad patches give typed errors', () => {
  for (const [reason, patch] of BAD) {
    const original = { metadata: { finalizers: ['x'] }, spec: { containers: [a], strategy: { type: 'Recreate' } } };
    const isExpected = (error: unknown) => error instanceof PatchError && error.reason === reason;
    assert.throws(() => applyStrategicMergePatch(original, patch, schema), isExpected, JSON.stringify(patch));
  }
});
