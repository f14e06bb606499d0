/** Users, commands and bridges of the house: names, passwords, topics, what a message becomes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UserInfo } from '../../../master/apiserver/user-info.ts';
import { EchoGuard } from '../../../master/gateway/mqtt-bridge/echo-guard.ts';
import { MqttCommands } from '../../../master/gateway/mqtt-commands.ts';
import { StatusError } from '../../../shared/machinery/errors.ts';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { seededRandom } from '../../../shared/platform/random.ts';
import { objectResponse, type Request } from '../../../shared/protocol/exchange.ts';
import { BridgeSettingsError, parseBridgeSettings } from '../../../shared/protocol/mqtt-bridge.ts';
import {
  checkMqttUserName,
  hashPassword,
  MqttUserError,
  parseTopicRights,
  passwordMatches,
} from '../../../shared/protocol/mqtt-user.ts';
import { filterCovers } from '../../../shared/protocol/topic-filter.ts';
import { topics } from '../../../shared/protocol/topics.ts';
import { createMemoryBroker } from '../../support/memory-broker.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

test('names of users', () => {
  for (const name of ['lamp', 'a', 'home-assistant-2']) checkMqttUserName(name);
  for (const name of ['', 'Lamp', '-a', 'a-', 'a/b', 'token', 'bootstrap', 'x'.repeat(64)]) {
    assert.throws(() => checkMqttUserName(name), MqttUserError, name);
  }
});

test('a password fits its own hash alone, however it is typed', async () => {
  const hash = await hashPassword('gr\u00fcn', Buffer.alloc(16, 1));
  assert(!hash.includes('gr'));
  assert(await passwordMatches('gru\u0308n', hash));
  assert(!(await passwordMatches('blau', hash)));
  assert(!(await passwordMatches('gr\u00fcn', 'scrypt$1$8$1$AAAA$AAAA')));
  assert(!(await passwordMatches('', hash)));
  await assert.rejects(hashPassword(''), MqttUserError);
});

test('topics: both ways unless said', () => {
  assert.deepEqual(parseTopicRights(['home/#', 'read:stat/+', 'write:cmnd/+/x']), {
    read: ['home/#', 'stat/+'],
    write: ['home/#', 'cmnd/+/x'],
  });
  for (const rule of ['', 'a#', 'read:', 'a/+b']) assert.throws(() => parseTopicRights([rule]), MqttUserError, rule);
  assert.throws(() => parseTopicRights(Array.from({ length: 65 }, () => 'a')), MqttUserError);
});

test('which filters cover which', () => {
  const table: [string, string, boolean][] = [
    ['#', 'a/b', true],
    ['#', '#', true],
    ['#', '$SYS/x', false],
    ['+', 'a', true],
    ['+', '#', false],
    ['a/#', 'a', true],
    ['a/#', 'a/+/b', true],
    ['a/+', 'a/#', false],
    ['a/+', 'a/b/c', false],
    ['a/b', 'a/+', false],
    ['a/+/c', 'a/b/c', true],
    ['a/+/c', 'a/b', false],
  ];
  for (const [allowed, asked, expected] of table)
    assert.equal(filterCovers(allowed, asked), expected, `${allowed} ${asked}`);
});

async function command(topic: string, payload: string, handle?: (user: UserInfo) => void) {
  const clock = createVirtualClock();
  const broker = createMemoryBroker({ clock, random: seededRandom(1) });
  const asked: { request: Request; user: string }[] = [];
  const commands = new MqttCommands({
    sessions: withClientIds(broker, 'phone'),
    apiServer: {
      handle: async (request, user) => {
        handle?.(user);
        asked.push({ request, user: user.name });
        return objectResponse({});
      },
    },
    clock,
    logger: silentLogger,
  });
  await commands.start();
  const session = broker.connect({ clientId: 'phone', identity: { name: 'mqtt:ann', uid: '', groups: [], extra: {} } });
  const answers: { id: string; code: number; body: { message?: string } }[] = [];
  await session.subscribe(topics.apiResponse('phone'), ({ payload }) =>
    answers.push(JSON.parse(`${Buffer.from(payload)}`)),
  );
  await session.publish(topic, Buffer.from(payload));
  await clock.settle();
  await commands.stop();
  return { asked, answer: answers[0] };
}

/** The memory broker does not say whose a message is. */
function withClientIds(broker: ReturnType<typeof createMemoryBroker>, clientId: string): typeof broker {
  const transport = broker.transport();
  const subscribe: typeof transport.subscribe = (filter, onMessage) =>
    transport.subscribe(filter, (message) => onMessage({ ...message, clientId }));
  return {
    ...broker,
    onSession: broker.onSession.bind(broker),
    transport: () => ({ ...transport, publish: transport.publish.bind(transport), subscribe }),
  };
}

test('a command becomes one request of its sender, and is answered', async () => {
  const table: [string, string, Partial<Request>][] = [
    [
      topics.nodeCommand('pi', 'cordon'),
      'ON',
      { method: 'PATCH', path: '/api/v1/nodes/pi', body: { spec: { unschedulable: true } } },
    ],
    [topics.nodeCommand('pi', 'cordon'), 'OFF', { body: { spec: { unschedulable: null } } }],
    [topics.nodeCommand('pi', 'reboot'), 'PRESS', { method: 'POST', path: '/api/v1/nodes/pi/reboot' }],
    [
      topics.deploymentCommand('a', 'web', 'scale'),
      '3',
      { path: '/apis/apps/v1/namespaces/a/deployments/web/scale', body: { spec: { replicas: 3 } } },
    ],
    [
      topics.deploymentCommand('a', 'web', 'restart'),
      'PRESS',
      { method: 'PATCH', path: '/apis/apps/v1/namespaces/a/deployments/web' },
    ],
  ];
  for (const [topic, payload, expected] of table) {
    const { asked, answer } = await command(topic, payload);
    assert.partialDeepStrictEqual(asked, [{ request: expected, user: 'mqtt:ann' }], topic);
    assert.partialDeepStrictEqual(answer, { id: topic, code: 200 });
  }
});

test('what is no command is answered so, and asks for nothing', async () => {
  const table: [string, string, RegExp][] = [
    [topics.nodeCommand('pi', 'cordon'), 'yes', /ON or OFF/],
    [topics.nodeCommand('pi', 'reboot'), '', /PRESS/],
    [topics.deploymentCommand('a', 'web', 'scale'), '-1', /number of pods/],
    [topics.nodeCommand('pi', 'explode'), 'PRESS', /is no command; there are:/],
    [topics.nodeCommand('pi/x', 'cordon'), 'ON', /is no command/],
    [topics.nodeCommand('', 'cordon'), 'ON', /is no command/],
    [topics.nodeCommand('pi', 'cordon'), 'ON'.padEnd(70), /one word/],
  ];
  for (const [topic, payload, message] of table) {
    const { asked, answer } = await command(topic, payload);
    assert.deepEqual(asked, [], topic);
    assert.equal(answer?.code, 400);
    assert.match(answer?.body.message ?? '', message);
  }
  const { answer } = await command(topics.nodeCommand('pi', 'cordon'), 'ON', () => {
    throw new StatusError('Forbidden', 'nodes "pi" is forbidden');
  });
  assert.partialDeepStrictEqual(answer, { code: 403, body: { message: 'nodes "pi" is forbidden' } });
});

test('settings of a bridge', () => {
  assert.partialDeepStrictEqual(parseBridgeSettings({ url: 'mqtt://attic', in: 'a/#\nb', out: '' }), {
    ...{ host: 'attic', port: 1883, tls: undefined, in: ['a/#', 'b'], out: [], bridgeProtocol: true },
  });
  const secure = parseBridgeSettings({ url: 'mqtts://[::1]:1234', out: 'x', ca: 'PEM', username: 'u', password: 'p' });
  assert.partialDeepStrictEqual(secure, { host: '::1', port: 1234, tls: { ca: 'PEM' }, username: 'u', password: 'p' });
  const table: Record<string, string>[] = [
    {},
    { url: 'attic', in: 'a' },
    { url: 'http://x', in: 'a' },
    { url: 'mqtt://x' },
    { url: 'mqtt://x', in: '$SYS/#' },
  ];
  for (const data of table) {
    assert.throws(() => parseBridgeSettings(data), BridgeSettingsError, JSON.stringify(data));
  }
});

test('what comes back is known once for each time it was sent, and not for ever', () => {
  let nowMs = 0;
  const guard = new EchoGuard({ monotonicMs: () => nowMs });
  const one = Buffer.from('1');
  guard.sent('a', one);
  guard.sent('a', one);
  assert.deepEqual([guard.isEcho('a', one), guard.isEcho('a', one), guard.isEcho('a', one)], [true, true, false]);
  assert.equal(guard.isEcho('b', one), false);
  guard.sent('a', one);
  nowMs = 6_000;
  assert.equal(guard.isEcho('a', one), false);
});
