/** The example for Node-RED: what it does is what a user of the broker may do. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { mayPublish, maySubscribe, mayUseClientId } from '../../../master/broker/topic-rules.ts';
import { READ_EXTRA, WRITE_EXTRA } from '../../../shared/protocol/mqtt-user.ts';

interface FlowNode {
  id: string;
  type: string;
  clientid?: string;
  topic?: string;
  wires?: string[][];
}

const path = join(import.meta.dirname, '../../../examples/node-red-flow.json');
const nodes: FlowNode[] = JSON.parse(readFileSync(path, 'utf8'));
const user = {
  name: 'mqtt:red',
  groups: [],
  extra: { [READ_EXTRA]: ['bramble/v1/state/#'], [WRITE_EXTRA]: ['bramble/v1/command/#'] },
};
const find = (type: string): FlowNode => nodes.find((node) => node.type === type) ?? assert.fail(type);

test('its client id and its topics are those that its user may use', () => {
  const { clientid = '' } = find('mqtt-broker');
  assert.ok(mayUseClientId(user, clientid), clientid);
  assert.ok(maySubscribe(user, clientid, find('mqtt in').topic ?? ''));
  assert.ok(mayPublish(user, clientid, find('mqtt out').topic ?? ''));
  assert.ok(!mayUseClientId(user, 'node-red'), 'such ids are those of boards');
});

test('its wires lead to nodes that there are', () => {
  const ids = nodes.map(({ id }) => id);
  for (const target of nodes.flatMap(({ wires = [] }) => wires.flat())) assert.ok(ids.includes(target), target);
});
