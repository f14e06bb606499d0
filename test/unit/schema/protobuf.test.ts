/** Protobuf bodies that a real kubectl 1.32 sent, and bytes that nobody should send. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { findSchema } from '../../../shared/api/registry.ts';
import { int32, int64, list, object, ref, str, stringMap } from '../../../shared/schema/fields.ts';
import { DecodeError, type DecodeErrorReason, decodeProtobuf } from '../../../shared/schema/protobuf.ts';
import { formatDuration } from '../../../shared/schema/protobuf-scalars.ts';
import { bytesField, encodeProtobuf, textField, varintField } from '../../support/protobuf-encoder.ts';

const FIXTURE = new URL('./fixtures/kubectl-1.32-protobuf-bodies.json', import.meta.url);
const BODIES = new Map<string, string>(Object.entries(JSON.parse(readFileSync(FIXTURE, 'utf8'))));

function lookup(apiVersion: string, kind: string) {
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  return findSchema(group, version, kind);
}

function decodeBody(command: string) {
  return decodeProtobuf(lookup, Buffer.from(BODIES.get(command) ?? '', 'base64')).object;
}

const DECODED: Record<string, Record<string, unknown>> = {
  'create configmap': {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'web' },
    data: { a: '1', empty: '' },
    binaryData: { 'bin.dat': 'AP8QYmlu' },
  },
  'create namespace': { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'edge' } },
  'create secret': { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: { k: 'dg==' } },
  'create serviceaccount': { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot' } },
  'create deployment': {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', labels: { app: 'web' } },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'busybox', image: 'busybox', ports: [{ containerPort: 80 }] }] },
      },
    },
  },
  'create service nodeport': {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'np', labels: { app: 'np' } },
    spec: {
      ports: [{ name: '80-8080', protocol: 'TCP', port: 80, targetPort: 8080 }],
      selector: { app: 'np' },
      type: 'NodePort',
    },
  },
  'create token': {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 600 },
    status: { token: '' },
  },
  'auth can-i': {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { namespace: 'default', verb: 'get', resource: 'pods' } },
    status: { allowed: false },
  },
  'auth whoami': { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
};

for (const [command, expected] of Object.entries(DECODED)) {
  test(`kubectl ${command} is decoded, without what nobody set`, () => {
    assert.deepEqual(decodeBody(command), expected);
  });
}

test('zeros that say something are kept', () => {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a' },
    spec: {
      terminationGracePeriodSeconds: 0,
      hostNetwork: false,
      enableServiceLinks: false,
      containers: [{ name: 'a', ports: [{ containerPort: 80, hostPort: 0 }], resources: {}, securityContext: {} }],
      volumes: [{ name: 'v', emptyDir: {} }],
      restartPolicy: '',
    },
  };
  const schema = findSchema('', 'v1', 'Pod');
  assert.ok(schema);
  assert.deepEqual(decodeProtobuf(lookup, encodeProtobuf(schema, pod)).object['spec'], {
    terminationGracePeriodSeconds: 0,
    enableServiceLinks: false,
    containers: [{ name: 'a', ports: [{ containerPort: 80 }], securityContext: {} }],
    volumes: [{ name: 'v', emptyDir: {} }],
  });
});

const Thing = object('Thing', 'a thing', {
  numbers: list(1, int32(1, 'a number'), 'numbers'),
  big: int64(2, 'a big number'),
  inner: ref('3.1', object('Inner', 'inlined', { a: str(1, 'a'), b: str(2, 'b') }), 'inner'),
  labels: stringMap(4, 'labels'),
});

function decodeThing(...fields: number[][]) {
  const typeMeta = bytesField(1, [...textField(1, 'v1'), ...textField(2, 'Thing')]);
  const bytes = Uint8Array.from([0x6b, 0x38, 0x73, 0, ...typeMeta, ...bytesField(2, fields.flat())]);
  return decodeProtobuf(() => Thing, bytes).object;
}

test('packed and unpacked lists, negative numbers, repeated and unknown fields', () => {
  const packed = bytesField(1, [1, 2, 0x96, 0x01]);
  const unpacked = varintField(1, -1n);
  assert.deepEqual(decodeThing(packed, unpacked)['numbers'], [1, 2, 150, -1]);
  assert.equal(decodeThing(varintField(2, 7n), varintField(2, -(2n ** 40n)))['big'], -(2 ** 40));
  const inner = (field: number, text: string) => bytesField(3, bytesField(1, textField(field, text)));
  assert.deepEqual(decodeThing(inner(1, 'x'), varintField(99, 1n), textField(98, 'y'), inner(2, 'z'))['inner'], {
    a: 'x',
    b: 'z',
  });
});

test('a key named __proto__ is a key, and an entry may leave out its value', () => {
  const entry = (key: string) => bytesField(4, textField(1, key));
  const { labels } = decodeThing(entry('__proto__'), entry('a'));
  assert.equal(JSON.stringify(labels), '{"__proto__":"","a":""}');
});

const ENVELOPE = [0x6b, 0x38, 0x73, 0x00];
const BAD: [reason: DecodeErrorReason, bytes: number[]][] = [
  ['malformed', []],
  ['malformed', [0x7b, 0x7d]],
  ['unknownKind', ENVELOPE],
  ['unknownKind', [...ENVELOPE, ...bytesField(1, [...textField(1, 'v1'), ...textField(2, 'Frob')])]],
  ['malformed', [...ENVELOPE, 0x0a, 0x7f]],
  ['malformed', [...ENVELOPE, 0x0b]],
  ['malformed', [...ENVELOPE, 0x00]],
  ['malformed', [...ENVELOPE, ...Array.from({ length: 12 }, () => 0xff)]],
  ['malformed', [...ENVELOPE, ...bytesField(3, [1])]],
  ['malformed', [...ENVELOPE, ...bytesField(1, bytesField(1, [0xff, 0xfe]))]],
];

test('bytes that are no body give typed errors', () => {
  for (const [reason, bytes] of BAD) {
    const isExpected = (error: unknown) => error instanceof DecodeError && error.reason === reason;
    assert.throws(() => decodeProtobuf(lookup, Uint8Array.from(bytes)), isExpected, bytes.join(' '));
  }
  assert.throws(() => decodeThing(textField(2, 'x')), DecodeError, 'a text where a number belongs');
});

test('durations are written as Go writes them', () => {
  const rows: [bigint, string][] = [
    [0n, '0s'],
    [1n, '1ns'],
    [1_500n, '1.5µs'],
    [250_000_000n, '250ms'],
    [1_500_000_000n, '1.5s'],
    [60_000_000_000n, '1m0s'],
    [3_630_000_000_000n, '1h0m30s'],
    [-90_000_000_000n, '-1m30s'],
  ];
  for (const [nanos, text] of rows) assert.equal(formatDuration(nanos), text);
});
