/** Conditions, owner references, numbers or shares, JSON values. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Condition,
  getCondition,
  isConditionTrue,
  removeCondition,
  setCondition,
} from '../../../shared/machinery/conditions.ts';
import { IntOrStringError, parsePercent, resolveIntOrPercent } from '../../../shared/machinery/int-or-string.ts';
import { cloneJson, getKey, jsonEqual } from '../../../shared/machinery/json.ts';
import {
  controllerOf,
  controllerReference,
  isControlledBy,
  isOwnedBy,
} from '../../../shared/machinery/owner-references.ts';

const EARLY = '2026-01-01T00:00:00Z';
const LATE = '2026-01-02T00:00:00Z';

test('a transition stamps its time, a mere change of the reason does not', () => {
  const first = setCondition<Condition>(undefined, { type: 'Ready', status: 'False', reason: 'Starting' }, EARLY);
  assert.deepEqual(first, [{ type: 'Ready', status: 'False', reason: 'Starting', lastTransitionTime: EARLY }]);
  const second = setCondition<Condition>(first, { type: 'Ready', status: 'False', reason: 'Pulling' }, LATE);
  assert.deepEqual(second, [{ type: 'Ready', status: 'False', reason: 'Pulling', lastTransitionTime: EARLY }]);
  const third = setCondition<Condition>(second, { type: 'Ready', status: 'True' }, LATE);
  assert.deepEqual(third, [{ type: 'Ready', status: 'True', lastTransitionTime: LATE }]);
  assert.equal(first[0]?.reason, 'Starting');
});

test('nothing changed gives the same array', () => {
  const present = setCondition<Condition>([], { type: 'Ready', status: 'True', message: 'ok' }, EARLY);
  assert.equal(setCondition<Condition>(present, { type: 'Ready', status: 'True', message: 'ok' }, LATE), present);
  assert.equal(isConditionTrue(present, 'Ready'), true);
  assert.equal(isConditionTrue(present, 'Other'), false);
  assert.equal(getCondition(undefined, 'Ready'), undefined);
  assert.deepEqual(removeCondition(present, 'Ready'), []);
});

test('the controller is found by its flag and compared by uid', () => {
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'web', uid: 'u1' } };
  const reference = controllerReference(owner);
  const other = { apiVersion: 'v1', kind: 'Node', name: 'pi-1', uid: 'u2' };
  const pod = { metadata: { ownerReferences: [other, reference] } };
  assert.equal(controllerOf(pod), reference);
  assert.equal(isControlledBy(pod, owner), true);
  assert.equal(isControlledBy(pod, { metadata: { uid: 'u2' } }), false);
  assert.equal(isOwnedBy(pod, { metadata: { uid: 'u2' } }), true);
  assert.equal(controllerOf({ metadata: {} }), undefined);
});

test('shares are rounded as asked, exactly', () => {
  assert.equal(resolveIntOrPercent(3, 10, 'up'), 3);
  assert.equal(resolveIntOrPercent('25%', 10, 'up'), 3);
  assert.equal(resolveIntOrPercent('25%', 10, 'down'), 2);
  assert.equal(resolveIntOrPercent('29%', 100, 'up'), 29);
  assert.equal(resolveIntOrPercent('0%', 10, 'up'), 0);
  assert.equal(resolveIntOrPercent('150%', 2, 'down'), 3);
  assert.equal(parsePercent('x'), undefined);
  for (const text of ['25', '-5%', '1.5%', '']) {
    assert.throws(() => resolveIntOrPercent(text, 1, 'up'), IntOrStringError, text);
  }
});

test('JSON values are compared by content and copied whole', () => {
  const value: unknown = JSON.parse('{"a":[1,{"b":null}],"__proto__":{"polluted":true}}');
  const copy = cloneJson(value);
  assert.equal(jsonEqual(value, copy), true);
  assert.equal(JSON.stringify(copy), JSON.stringify(value));
  assert.equal(getKey({}, 'polluted'), undefined);
  assert.equal(jsonEqual({ a: 1, b: undefined }, { a: 1 }), true);
  assert.equal(jsonEqual([1], { 0: 1 }), false);
  assert.equal(jsonEqual({ a: 1 }, { b: 1 }), false);
});
