/** Event recorder: repeats count, failures are retried and dropped, nothing is held up, nothing grows without bound. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { EventKind } from '../../../shared/api/event.ts';
import { createClient } from '../../../shared/client/create-client.ts';
import {
  createEventRecorder,
  type EventRecorder,
  type EventSubject,
  MAX_QUIET_WAIT_MS,
  MAX_REMEMBERED_EVENTS,
  MAX_SIMILAR_MESSAGES,
} from '../../../shared/client/event-recorder.ts';
import { forbidden, StatusError } from '../../../shared/machinery/errors.ts';
import { seededRandom } from '../../../shared/platform/random.ts';
import { type ApiFixture, admin, startApi } from '../../conformance/api-fixture.ts';

const POD: EventSubject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default', uid: 'uid of web', resourceVersion: '7' },
};

let api: ApiFixture;
let recorder: EventRecorder;
let requests: string[];
/** Thrown at the next requests, one each. */
let failures: Error[];

beforeEach(async () => {
  api = await startApi();
  requests = [];
  failures = [];
  recorder = openRecorder();
});

function openRecorder(quietMs?: number): EventRecorder {
  const client = createClient((request) => {
    requests.push(request.method);
    const failure = failures.shift();
    return failure === undefined ? api.server.handle(request, admin) : Promise.reject(failure);
  });
  const teller = { component: 'kubelet', host: 'pi-1', ...(quietMs === undefined ? {} : { quietMs }) };
  return createEventRecorder({ client, clock: api.clock, random: seededRandom(1), ...teller });
}

afterEach(async () => {
  await recorder.stop();
  await api.stop();
});

async function events() {
  const { items } = await createClient((request) => api.server.handle(request, admin)).list(EventKind);
  return items.map(({ reason, message, count }) => `${reason} ${count} ${message}`);
}

test('an event says what, about what, by whom and when', async () => {
  recorder.event({ ...POD, fieldPath: 'spec.containers{web}' }, 'Normal', 'Pulled', 'Image is there');
  await api.clock.advance(10);
  const [event] = (await api.get('/api/v1/namespaces/default/events')).body.items;
  assert.match(event.metadata.name, /^web\.[0-9a-f]{16}$/);
  assert.deepEqual(event.involvedObject, {
    apiVersion: 'v1',
    kind: 'Pod',
    name: 'web',
    namespace: 'default',
    uid: 'uid of web',
    resourceVersion: '7',
    fieldPath: 'spec.containers{web}',
  });
  assert.deepEqual(event.source, { component: 'kubelet', host: 'pi-1' });
  assert.deepEqual(
    [event.type, event.reason, event.count, event.firstTimestamp],
    ['Normal', 'Pulled', 1, '2026-01-01T00:00:00Z'],
  );
});

test('a repeat raises the count; many at once cost one request', async () => {
  for (let round = 0; round < 5; round += 1) {
    recorder.event(POD, 'Warning', 'BackOff', 'again');
    await api.clock.advance(1_000);
  }
  for (let round = 0; round < 100; round += 1) recorder.event(POD, 'Warning', 'BackOff', 'again');
  await api.clock.advance(1_000);
  assert.deepEqual(await events(), ['BackOff 105 again']);
  assert.deepEqual(requests, ['POST', 'PATCH', 'PATCH', 'PATCH', 'PATCH', 'PATCH']);
});

test('other messages are other events, up to a limit; then they share one that keeps the latest', async () => {
  for (let index = 0; index < MAX_SIMILAR_MESSAGES + 3; index += 1)
    recorder.event(POD, 'Warning', 'Failed', `message ${index}`);
  await api.clock.advance(1_000);
  const told = await events();
  assert.equal(told.length, MAX_SIMILAR_MESSAGES + 1);
  assert.ok(told.includes('Failed 3 (combined from similar events): message 12'));
});

test('an outage holds nobody up and loses nothing that is still remembered', async () => {
  failures = Array.from({ length: 3 }, () => new StatusError('ServiceUnavailable', 'not now'));
  recorder.event(POD, 'Normal', 'Started', 'it runs');
  await api.clock.advance(5_000);
  assert.deepEqual(await events(), ['Started 1 it runs']);
});

test('what the server refuses is dropped', async () => {
  failures = [forbidden({ group: '', plural: 'events' }, 'x', 'the namespace is being deleted')];
  recorder.event(POD, 'Normal', 'Killing', 'it ends');
  await api.clock.advance(60_000);
  assert.deepEqual([await events(), requests], [[], ['POST']]);
});

test('an event that the server has forgotten is told anew', async () => {
  recorder.event(POD, 'Normal', 'Started', 'it runs');
  await api.clock.advance(10);
  const [event] = (await api.get('/api/v1/namespaces/default/events')).body.items;
  await api.delete(`/api/v1/namespaces/default/events/${event.metadata.name}`);
  recorder.event(POD, 'Normal', 'Started', 'it runs');
  await api.clock.advance(1_000);
  assert.deepEqual(await events(), ['Started 1 it runs']);
});

test('a flood is bounded by what is remembered', async () => {
  for (let index = 0; index < MAX_REMEMBERED_EVENTS + 100; index += 1) {
    const metadata = { ...POD.metadata, uid: `${index}`, name: `p${index}` };
    recorder.event({ ...POD, metadata }, 'Normal', 'Started', 'it runs');
  }
  await api.clock.advance(1_000);
  // Some of the first were on their way before they were forgotten.
  const count = (await events()).length;
  assert.ok(count >= MAX_REMEMBERED_EVENTS && count <= MAX_REMEMBERED_EVENTS + 10, `${count}`);
});

test('while there is much to tell, events wait, but not for ever, and what goes wrong is told', async () => {
  await recorder.stop();
  recorder = openRecorder(1_000);
  const tellFor = async (ms: number): Promise<void> => {
    for (let spent = 0; spent < ms; spent += 500) {
      recorder.event(POD, 'Normal', 'Pulled', `image ${requests.length} ${spent}`);
      await api.clock.advance(500);
    }
  };
  recorder.event(POD, 'Warning', 'Failed', 'no such image');
  await tellFor(2_000);
  assert.deepEqual(await events(), ['Failed 1 no such image']);
  await api.clock.advance(1_000);
  assert.equal(requests.length, 5);
  await tellFor(MAX_QUIET_WAIT_MS + 1_500);
  assert.ok(requests.length > 5);
});
