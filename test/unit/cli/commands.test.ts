/** What commands decide before and after they talk to a master. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSame } from '../../../cli/api/apply-manifests.ts';
import { readExitCode } from '../../../cli/api/exec.ts';
import { parseRemote } from '../../../cli/commands/copy.ts';
import { renderObject } from '../../../cli/commands/describe.ts';
import { judgePods } from '../../../cli/commands/drain.ts';
import { splitWords } from '../../../cli/commands/mark.ts';
import { judgeRollout } from '../../../cli/commands/rollout.ts';
import { parseCondition } from '../../../cli/commands/wait.ts';
import { Failure } from '../../../cli/failure.ts';
import type { JsonObject } from '../../../shared/machinery/json.ts';

test('label and annotate: where the objects end and the changes begin', () => {
  const split = (...words: string[]): unknown => splitWords(words);
  assert.deepEqual(split('node/pi-1', 'room=shed'), { objects: ['node/pi-1'], changes: { room: 'shed' } });
  assert.deepEqual(split('pods', 'a', 'b', 'x=1', 'y='), { objects: ['pods', 'a', 'b'], changes: { x: '1', y: '' } });
  assert.deepEqual(split('node', 'pi-1', 'room-'), { objects: ['node', 'pi-1'], changes: { room: null } });
  assert.deepEqual(split('node/pi-1', 'bramble.dev/room-', 'a=b'), {
    objects: ['node/pi-1'],
    changes: { 'bramble.dev/room': null, a: 'b' },
  });
  assert.deepEqual(split('node/pi-1', 'url=http://x/?a=b'), {
    objects: ['node/pi-1'],
    changes: { url: 'http://x/?a=b' },
  });
  assert.throws(() => splitWords(['node/pi-1', 'a=b', 'c']), Failure);
});

const deployment = (status: JsonObject, spec: JsonObject = {}): JsonObject => ({
  kind: 'Deployment',
  metadata: { generation: 2 },
  spec: { replicas: 3, ...spec },
  status: { observedGeneration: 2, ...status },
});

test('rollout status: each stage has its sentence', () => {
  const done = { replicas: 3, updatedReplicas: 3, availableReplicas: 3 };
  const judge = (object: JsonObject): string => judgeRollout(object).message;
  assert.match(judge(deployment({ ...done, observedGeneration: 1 })), /until the change is seen/);
  assert.match(judge(deployment({ ...done, updatedReplicas: 1 })), /1 of 3 new pods/);
  assert.match(judge(deployment({ ...done, replicas: 4 })), /1 old pods/);
  assert.match(judge(deployment({ ...done, availableReplicas: 2 })), /2 of 3 pods are available/);
  assert.deepEqual(judgeRollout(deployment(done)), { done: true, message: 'successfully rolled out' });
  assert.equal(judgeRollout(deployment({}, { replicas: 0 })).done, true);
  const conditions = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'stuck' }];
  assert.throws(() => judgeRollout(deployment({ ...done, conditions })), /progress deadline: stuck/);
});

test('rollout status of a partitioned StatefulSet and of a DaemonSet', () => {
  const set = {
    kind: 'StatefulSet',
    metadata: { generation: 1 },
    spec: { replicas: 3, updateStrategy: { rollingUpdate: { partition: 2 } } },
    status: { observedGeneration: 1, updatedReplicas: 1, availableReplicas: 3 },
  };
  assert.equal(judgeRollout(set).done, true);
  const daemon = {
    kind: 'DaemonSet',
    metadata: { generation: 1 },
    spec: {},
    status: { observedGeneration: 1, desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 1 },
  };
  assert.match(judgeRollout(daemon).message, /1 of 2 pods are available/);
});

test('wait: conditions, values of paths, being there and being gone', () => {
  const pod = {
    metadata: { generation: 1 },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  };
  const holds = (text: string, object: JsonObject | undefined = pod): boolean => parseCondition(text)(object);
  assert.equal(holds('condition=ready'), true);
  assert.equal(holds('condition=Ready=false'), false);
  assert.equal(holds('condition=Gone'), false);
  assert.equal(holds('jsonpath={.status.phase}=Running'), true);
  assert.equal(holds("jsonpath='{.status.phase}'=Pending"), false);
  assert.equal(holds('jsonpath={.status.phase}'), true);
  assert.equal(parseCondition('delete')(undefined), true);
  assert.equal(holds('create'), true);
  assert.equal(
    holds('condition=Ready', { ...pod, metadata: { generation: 2 }, status: { ...pod.status, observedGeneration: 1 } }),
    false,
  );
  assert.throws(() => parseCondition('Ready'), Failure);
});

test('drain: what would be lost is said, and wanted flags let it go', () => {
  const pod = (name: string, kind: string | undefined, spec: JsonObject = {}, phase = 'Running'): JsonObject => ({
    metadata: {
      name,
      namespace: 'x',
      uid: name,
      ownerReferences: kind === undefined ? [] : [{ kind, controller: true }],
    },
    spec,
    status: { phase },
  });
  const pods = [
    pod('web', 'ReplicaSet'),
    pod('probe', 'DaemonSet'),
    pod('alone', undefined),
    pod('cache', 'ReplicaSet', { volumes: [{ name: 'v', emptyDir: {} }] }),
    pod('over', undefined, {}, 'Succeeded'),
  ];
  const cautious = judgePods(pods, {});
  assert.equal(cautious.troubles.length, 3);
  assert.match(cautious.troubles.join(), /x\/probe.*x\/cache.*x\/alone/s);
  const bold = judgePods(pods, { ignoreDaemonsets: true, deleteEmptydirData: true, force: true });
  assert.deepEqual(bold.troubles, []);
  assert.deepEqual(
    bold.evict.map(({ name }) => name),
    ['web', 'alone', 'cache', 'over'],
  );
});

test('cp: which side is in a pod', () => {
  assert.deepEqual(parseRemote('web-1:/srv'), { pod: 'web-1', path: '/srv' });
  assert.deepEqual(parseRemote('shop/web-1:log'), { pod: 'web-1', path: 'log', namespace: 'shop' });
  assert.equal(parseRemote('./web-1:/srv'), undefined);
  assert.equal(parseRemote('/tmp/file'), undefined);
});

test('exec: how a program ended', () => {
  const failure = {
    status: 'Failure',
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: '7' }] },
  };
  assert.equal(readExitCode('{"status":"Success"}'), 0);
  assert.equal(readExitCode(JSON.stringify(failure)), 7);
  assert.throws(() => readExitCode('{"status":"Failure","message":"no such file"}'), /no such file/);
  assert.throws(() => readExitCode(''), /broke off/);
});

test('describe: conditions as a table, values of Secrets never', () => {
  const text = renderObject({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's', namespace: 'x', labels: { a: 'b', c: 'd' } },
    data: { password: 'Z2VoZWlt' },
    status: { conditions: [{ type: 'Ready', status: 'True', reason: 'Good', message: '' }] },
  });
  assert.match(text, /^Name: +s$/m);
  assert.match(text, /^Labels: +a=b\n +c=d$/m);
  assert.match(text, /password: +6 bytes/);
  assert.doesNotMatch(text, /Z2Vo|geheim/);
  assert.match(text, /^ +TYPE +STATUS +REASON +MESSAGE\n +Ready +True +Good +-$/m);
  assert.ok(!renderObject({ metadata: { name: 'a\u001b[31m' } }).includes('\u001b'));
});

test('apply: what controllers write meanwhile is no change; what the manifest says, and says no longer, is', () => {
  const applied = (fieldsV1: JsonObject): JsonObject => ({ manager: 'bramble', operation: 'Apply', fieldsV1 });
  const object = (resourceVersion: string, more: JsonObject = {}, metadata: JsonObject = {}): JsonObject => ({
    kind: 'Deployment',
    metadata: { name: 'web', resourceVersion, managedFields: [applied({ 'f:spec': {} })], ...metadata },
    spec: { replicas: 2 },
    ...more,
  });
  const wanted = { metadata: { name: 'web', annotations: { note: 'x' } } };
  const same = (changed: JsonObject): boolean => isSame(object('7'), changed, wanted);
  assert.ok(same(object('7')));
  assert.ok(
    same(object('8', { status: { replicas: 1 } }, { annotations: { 'deployment.kubernetes.io/revision': '1' } })),
  );
  assert.ok(!same(object('8', { spec: { replicas: 3 } })));
  assert.ok(!same(object('8', {}, { labels: { a: 'b' } })));
  assert.ok(!same(object('8', {}, { annotations: { note: 'x' } })));
  assert.ok(!same(object('8', {}, { managedFields: [applied({})] })));
});
