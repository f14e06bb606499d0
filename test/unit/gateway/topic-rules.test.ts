/** Who may use which client id and which topic. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Identity,
  mayPublish,
  mayReceive,
  maySubscribe,
  mayUseClientId,
} from '../../../master/broker/topic-rules.ts';
import { parseTopicRights, READ_EXTRA, WRITE_EXTRA } from '../../../shared/protocol/mqtt-user.ts';

const node = { name: 'system:node:pi', groups: ['system:nodes', 'system:authenticated'] };
const user = { name: 'ann', groups: ['system:authenticated'] };
const admin = { name: 'admin', groups: ['system:masters'] };
const pretender = { name: 'system:node:pi', groups: ['system:authenticated'] };

/** People's clients, with what they were given. */
function mqttUser(...rules: string[]): Identity {
  const { read, write } = parseTopicRights(rules);
  return { name: 'mqtt:x', groups: [], extra: { [READ_EXTRA]: read, [WRITE_EXTRA]: write } };
}
const ann = mqttUser('home/#', 'write:cmnd/+', 'read:stat/+');
const everything = mqttUser('#', '+/+');
const watcher = mqttUser('read:bramble/v1/state/#');
const greedy = mqttUser('bramble/#');

test('client ids of nodes are theirs alone', () => {
  const table: [typeof node, string, boolean][] = [
    [node, 'node-pi', true],
    [node, 'node-other', false],
    [node, 'phone', false],
    [user, 'phone', true],
    [user, 'node-pi', false],
    [user, 'node-', false],
    [admin, 'node-pi', false],
    [pretender, 'node-pi', false],
    [user, '', false],
    [user, 'a/b', false],
    [user, '+', false],
    [user, '#', false],
    [user, 'x'.repeat(257), false],
  ];
  for (const [identity, clientId, expected] of table) {
    assert.equal(mayUseClientId(identity, clientId), expected, `${identity.name} as ${clientId}`);
  }
});

test('sessions publish on their own branches only', () => {
  const table: [Identity, string, string, boolean][] = [
    [node, 'node-pi', 'bramble/v1/nodes/pi/response', true],
    [node, 'node-pi', 'bramble/v1/nodes/pi/status', true],
    [node, 'node-pi', 'bramble/v1/nodes/pi/request', false],
    [node, 'node-pi', 'bramble/v1/nodes/other/status', false],
    [node, 'node-pi', 'bramble/v1/api/node-pi/request', true],
    [node, 'node-pi', 'bramble/v1/api/phone/request', false],
    [user, 'phone', 'bramble/v1/api/phone/request', true],
    [user, 'phone', 'bramble/v1/api/phone/response', false],
    [user, 'phone', 'bramble/v1/api/other/request', false],
    [user, 'phone', 'bramble/v1/nodes/phone/status', false],
    [admin, 'laptop', 'bramble/v1/nodes/pi/request', false],
    [admin, 'laptop', '$SYS/x', false],
    [pretender, 'phone', 'bramble/v1/nodes/pi/status', false],
    [user, 'phone', 'bramble/v1/api/phone/request/more', false],
    [user, 'phone', 'home/lamp', false],
    [user, 'phone', '', false],
    [admin, 'laptop', 'home/lamp', true],
    [admin, 'laptop', 'bramble/v1/command/nodes/pi/cordon', true],
    [admin, 'laptop', 'bramble/v1/state/nodes/pi', false],
    [ann, 'phone', 'home/lamp', true],
    [ann, 'phone', 'cmnd/lamp', true],
    [ann, 'phone', 'stat/lamp', false],
    [ann, 'phone', 'bramble/v1/command/nodes/pi/cordon', false],
    [everything, 'phone', 'any/thing', true],
    [everything, 'phone', 'bramble/v1/command/nodes/pi/cordon', false],
    [everything, 'phone', '$SYS/x', false],
    [greedy, 'phone', 'bramble/v1/command/nodes/pi/cordon', true],
    [greedy, 'phone', 'bramble/v1/state/nodes/pi', false],
    [greedy, 'phone', 'bramble/v1/api/other/request', false],
    [greedy, 'phone', 'bramble/v1/nodes/pi/status', false],
  ];
  for (const [identity, clientId, topic, expected] of table) {
    assert.equal(mayPublish(identity, clientId, topic), expected, `${identity.name} publishes ${topic}`);
  }
});

test('sessions subscribe to their own branches, and to what they were given', () => {
  const table: [Identity, string, string, boolean][] = [
    [node, 'node-pi', 'bramble/v1/nodes/pi/request', true],
    [node, 'node-pi', 'bramble/v1/nodes/other/request', false],
    [node, 'node-pi', 'bramble/v1/nodes/+/request', false],
    [node, 'node-pi', 'bramble/v1/nodes/pi/#', false],
    [node, 'node-pi', 'bramble/v1/api/node-pi/response', true],
    [user, 'phone', 'bramble/v1/api/phone/response', true],
    [user, 'phone', 'bramble/v1/api/phone/request', false],
    [user, 'phone', 'bramble/v1/api/+/response', false],
    [user, '+', 'bramble/v1/api/+/response', false],
    [user, 'phone', '#', false],
    [user, 'phone', 'bramble/#', false],
    [user, 'phone', '$SYS/#', false],
    [admin, 'laptop', '$SYS/#', true],
    // What it may not see is held back, message by message.
    [admin, 'laptop', '#', true],
    [admin, 'laptop', 'bramble/#', false],
    [admin, 'laptop', 'bramble/v1/state/#', true],
    [admin, 'laptop', 'home/+/lamp', true],
    [ann, 'phone', 'home/#', true],
    [ann, 'phone', 'home/kitchen/+', true],
    [ann, 'phone', 'home', true],
    [ann, 'phone', 'homes/#', false],
    [ann, 'phone', '#', false],
    [ann, 'phone', '+/lamp', false],
    [ann, 'phone', 'cmnd/lamp', false],
    [ann, 'phone', 'bramble/v1/state/#', false],
    [everything, 'phone', '#', true],
    [everything, 'phone', '+/lamp', true],
    [everything, 'phone', 'bramble/v1/state/#', false],
    [everything, 'phone', 'bramble/#', false],
    [everything, 'phone', '$SYS/#', false],
    [watcher, 'phone', 'bramble/v1/state/#', true],
    [watcher, 'phone', 'bramble/v1/state/nodes/+', true],
    [watcher, 'phone', 'bramble/v1/events/#', false],
    [watcher, 'phone', 'bramble/v1/api/other/response', false],
    [greedy, 'phone', 'bramble/#', false],
    [greedy, 'phone', 'bramble/v1/nodes/pi/status', false],
    [greedy, 'phone', 'bramble/v1/events/default', true],
    [admin, 'laptop', 'bramble/v1/api/phone/response', false],
    [user, 'phone', '$share/group/bramble/v1/api/phone/response', false],
  ];
  for (const [identity, clientId, filter, expected] of table) {
    assert.equal(maySubscribe(identity, clientId, filter), expected, `${identity.name} subscribes ${filter}`);
  }
});

test('what a wildcard reaches but nobody else may see is held back', () => {
  const table: [Identity, string, boolean][] = [
    [everything, 'home/lamp', true],
    [everything, 'bramble/v1/api/other/response', false],
    [everything, 'bramble/v1/nodes/pi/status', false],
    [everything, 'bramble/v1/state/nodes/pi', false],
    [everything, 'bramble/v1/command/nodes/pi/cordon', false],
    [admin, 'bramble/v1/api/other/response', false],
    [admin, 'bramble/v1/nodes/pi/request', false],
    [admin, 'bramble/v1/state/nodes/pi', true],
    [greedy, 'bramble/v1/api/phone/response', true],
    [greedy, 'bramble/v1/api/phone/request', false],
    [watcher, 'bramble/v1/state/nodes/pi', true],
    [watcher, 'bramble/v1/events/default', false],
  ];
  for (const [identity, topic, expected] of table) {
    assert.equal(mayReceive(identity, 'phone', topic), expected, `${identity.name} receives ${topic}`);
  }
});
