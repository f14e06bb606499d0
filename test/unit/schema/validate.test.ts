/** Validation: wrong types, unknown fields and values that are not allowed, each with the path and words that kubectl shows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bool,
  bytes,
  double,
  int32,
  int64,
  intOrString,
  list,
  object,
  oneOf,
  quantities,
  raw,
  ref,
  required,
  str,
  stringMap,
  strings,
  time,
} from '../../../shared/schema/fields.ts';
import { unknownFieldMessage, validateObject } from '../../../shared/schema/validate.ts';

const ContainerSchema = object('Container', 'a container', {
  name: required(str(1, 'its name')),
  ports: list(
    2,
    object('Port', 'a port', { containerPort: required(int32(1, 'port', { minimum: 1, maximum: 65535 })) }),
    'ports',
  ),
  command: strings(3, 'command'),
  limits: quantities(4, 'limits'),
  restart: oneOf(5, ['Never', 'Always'], 'restart'),
});
const SpecSchema = object('Spec', 'what is wanted', {
  replicas: int32(1, 'how many', { minimum: 0 }),
  paused: bool(2, 'paused'),
  containers: required(list(3, ContainerSchema, 'containers')),
  surge: intOrString(4, 'surge'),
  since: time(5, 'since'),
  labels: stringMap(6, 'labels'),
  blob: bytes(7, 'blob'),
  ratio: double(8, 'ratio', { maximum: 1 }),
  extra: raw(9, 'anything'),
  big: int64(10, 'a big number'),
});
const ThingSchema = object('Thing', 'a thing', {
  metadata: ref(1, object('Meta', 'meta', { name: str(1, 'name') }), 'meta'),
  spec: ref(2, SpecSchema, 'spec'),
});

function validateSpec(spec: Record<string, unknown>) {
  return validateObject(ThingSchema, { spec: { containers: [], ...spec } });
}

const TYPE_ERRORS: [spec: Record<string, unknown>, message: string][] = [
  [{ replicas: 'three' }, 'spec.replicas must be a whole number (int32), not the string "three"'],
  [{ replicas: 1.5 }, 'spec.replicas must be a whole number (int32), not the number 1.5'],
  [{ replicas: 2 ** 31 }, 'spec.replicas must be a whole number (int32), not the number 2147483648'],
  [{ paused: 'true' }, 'spec.paused must be true or false, not the string "true"'],
  [{ containers: {} }, 'spec.containers must be a list, not an object'],
  [{ containers: ['web'] }, 'spec.containers[0] must be an object, not the string "web"'],
  [{ containers: [{ name: 1 }] }, 'spec.containers[0].name must be a string, not the number 1'],
  [{ containers: [{ command: [true] }] }, 'spec.containers[0].command[0] must be a string, not true'],
  [
    { containers: [{ limits: { cpu: 'lots' } }] },
    'spec.containers[0].limits[cpu] must be a quantity such as 500m or 64Mi, not the string "lots"',
  ],
  [{ surge: true }, 'spec.surge must be a whole number (int32) or a string, not true'],
  [{ since: 'today' }, 'spec.since must be an RFC 3339 time such as 2026-01-31T12:00:00Z, not the string "today"'],
  [{ labels: { a: 1 } }, 'spec.labels[a] must be a string, not the number 1'],
  [{ blob: 'a' }, 'spec.blob must be a base64 string, not the string "a"'],
  [{ ratio: 'x' }, 'spec.ratio must be a number, not the string "x"'],
  [{ big: 2 ** 64 }, 'spec.big must be a whole number (int64), not the number 18446744073709552000'],
  [{ extra: [] }, 'spec.extra must be an object, not a list'],
];

test('wrong types are named with path, expectation and finding', () => {
  for (const [spec, message] of TYPE_ERRORS) {
    const { typeErrors } = validateSpec(spec);
    assert.deepEqual(
      typeErrors.map((error) => error.message),
      [message],
    );
  }
});

test('good values of all types pass', () => {
  const good = validateSpec({
    replicas: 3,
    paused: false,
    containers: [{ name: 'web', ports: [{ containerPort: 80 }], limits: { cpu: 1, memory: '64Mi' }, restart: 'Never' }],
    surge: '25%',
    since: '2026-01-31T12:00:00.5+02:00',
    labels: {},
    blob: 'aGk=',
    ratio: 0.5,
    extra: { anything: [{ goes: null }] },
    big: JSON.parse('9223372036854775807'),
  });
  assert.deepEqual(good, { typeErrors: [], errors: [], unknownFields: [] });
});

test('null counts as absent', () => {
  const { typeErrors, errors } = validateObject(ThingSchema, { spec: { replicas: null, containers: null } });
  assert.deepEqual(typeErrors, []);
  assert.deepEqual(errors, [{ type: 'required', field: 'spec.containers', message: 'Required value' }]);
});

test('unknown fields are listed by their paths', () => {
  const value = {
    mettadata: {},
    spec: { containers: [{ name: 'a', ports: [{ containerPort: 1, hots: 2 }] }], contaners: [], extra: { free: 1 } },
  };
  const { unknownFields } = validateObject(ThingSchema, value);
  assert.deepEqual(unknownFields, ['mettadata', 'spec.contaners', 'spec.containers[0].ports[0].hots']);
  assert.equal(unknownFieldMessage('spec.contaners'), 'unknown field "spec.contaners"');
});

test('values out of range are named in the words of Kubernetes', () => {
  const { errors } = validateSpec({
    replicas: -1,
    ratio: 2,
    containers: [{ ports: [{ containerPort: 70000 }, {}], restart: 'Sometimes' }],
  });
  assert.deepEqual(
    errors.map(({ type, field, message }) => `${type} ${field}: ${message}`),
    [
      'required spec.containers[0].name: Required value',
      'invalid spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
      'required spec.containers[0].ports[1].containerPort: Required value',
      'notSupported spec.containers[0].restart: Unsupported value: "Sometimes": supported values: "Always", "Never"',
      'invalid spec.replicas: Invalid value: -1: must be greater than or equal to 0',
      'invalid spec.ratio: Invalid value: 2: must be less than or equal to 1',
    ],
  );
});

test('a hostile body gets a bounded answer', () => {
  const spec = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`x${index}`, 1]));
  assert.equal(validateSpec(spec).unknownFields.length, 100);
});
