/** Protobuf bodies: every object of every kind is read back; hostile bytes give typed errors, never anything else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ALL_KINDS } from '../../shared/api/registry.ts';
import { apiVersionOf, type Kind } from '../../shared/schema/define-kind.ts';
import { DecodeError, decodeProtobuf } from '../../shared/schema/protobuf.ts';
import { validateObject } from '../../shared/schema/validate.ts';
import { encodeProtobuf } from '../support/protobuf-encoder.ts';
import { objectArbitrary } from '../support/schema-arbitrary.ts';

/** Our own kinds have no field numbers: no client sends them as protobuf. */
const KINDS = ALL_KINDS.filter(({ group }) => group !== 'bramble.dev');

function draftArbitrary(kind: Kind): fc.Arbitrary<Record<string, unknown>> {
  const typeMeta = { apiVersion: apiVersionOf(kind), kind: kind.kind };
  return objectArbitrary(kind.schema).map((object) => ({ ...typeMeta, ...object }));
}

for (const [index, kind] of KINDS.entries()) {
  test(`${kind.kind}: what is encoded is decoded, and of the right types`, () => {
    fc.assert(
      fc.property(draftArbitrary(kind), (object) => {
        const decoded = decodeProtobuf(() => kind.schema, encodeProtobuf(kind.schema, object));
        assert.deepEqual(decoded, { apiVersion: apiVersionOf(kind), kind: kind.kind, object });
        const { typeErrors, unknownFields } = validateObject(kind.schema, decoded.object);
        assert.deepEqual({ typeErrors, unknownFields }, { typeErrors: [], unknownFields: [] });
      }),
      { seed: 20_260_103 + index, numRuns: 60 },
    );
  });
}

test('cut and changed bodies are decoded or refused with a DecodeError', () => {
  const [kind] = KINDS.filter((candidate) => candidate.kind === 'Pod');
  assert.ok(kind);
  const mutation = fc.record({ at: fc.nat({ max: 400 }), byte: fc.nat({ max: 255 }), length: fc.nat({ max: 400 }) });
  fc.assert(
    fc.property(draftArbitrary(kind), mutation, (object, { at, byte, length }) => {
      const bytes = encodeProtobuf(kind.schema, object);
      bytes[at % bytes.length] = byte;
      try {
        decodeProtobuf(() => kind.schema, bytes.subarray(0, Math.max(4, length)));
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error));
      }
    }),
    { seed: 20_260_104, numRuns: 500 },
  );
});
