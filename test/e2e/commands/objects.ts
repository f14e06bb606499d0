/** Objects in the ways that the scenes of commands.test.ts leave out, and what goes on while somebody looks. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { runProgram } from '../../../cli/setup/run-program.ts';
import { waitFor } from '../../support/wait.ts';
import { BRAMBLE, type CommandWorld, sideBySide } from './world.ts';

function configMap(name: string, data: Record<string, string>): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { set: 'sea' } }, data });
}

/** Needs the deployment `web` with three pods that run. */
export function testObjects(world: CommandWorld): void {
  const { bramble, refuses } = world;

  test('apply and diff: folders, standard input, fields of others, and JSON', async () => {
    const folder = world.path('sea');
    await mkdir(`${folder}/deep`, { recursive: true });
    await writeFile(`${folder}/one.json`, configMap('one', { a: '1' }));
    await writeFile(`${folder}/notes.txt`, 'no manifest\n');
    await writeFile(`${folder}/deep/two.json`, configMap('two', { a: '1' }));
    assert.equal(await bramble('apply', '-f', folder), 'configmap/one created\n');
    assert.equal(await bramble('apply', '-f', folder, '-R'), 'configmap/two created\nconfigmap/one unchanged\n');
    await writeFile(world.path('input'), configMap('one', { a: '2' }));
    const input = { stdin: world.path('input') };
    const told = await world.runWith(input, 'apply', '-f', '-', '--json');
    assert.deepEqual(JSON.parse(told.output), { object: 'configmap/one', namespace: 'default', result: 'configured' });
    const { code, output } = await world.runWith({ stdin: `${folder}/one.json` }, 'diff', '-f', '-', '--json');
    assert.equal(code, 1);
    assert.match(JSON.parse(output).diff, /^- {2}a: "2"\n\+ {2}a: "1"$/m);
    const patch = ['patch', 'cm', 'one', '--type=merge', '-p', '{"data":{"a":"3"}}', '--field-manager=somebody'];
    await world.cluster.kubectl.output(patch);
    await refuses(1, /conflict.*somebody/is, 'apply', '-f', `${folder}/one.json`, '--no-force-conflicts');
    await writeFile(`${folder}/broken.yaml`, 'a: [1\n');
    await refuses(66, /broken\.yaml is not YAML/, 'apply', '-f', folder);
    await writeFile(world.path('input'), 'a: 1\n');
    const empty = await world.runWith(input, 'apply', '-f', '-');
    assert.match(empty.output, /^bramble: standard input is no object of the API\n +→ it needs apiVersion/);
    assert.equal(empty.code, 66);
  });

  test('a Secret in diff: that it changes, and not what it is', async () => {
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'key' }, stringData: { password: 'anders' } };
    await writeFile(world.path('key.json'), JSON.stringify(secret));
    const { code, output } = await world.run('diff', '-f', world.path('key.json'));
    assert.equal(code, 1, output);
    assert.match(output, /^\+ +password: \(secret, as it is then\)$/m);
    assert.doesNotMatch(output, /geheim|anders|Z2VoZWlt|YW5kZXJz/);
    assert.equal(JSON.parse(await bramble('describe', 'secret/key', '--json')).object.data.password, '6 bytes');
  });

  test('get: all namespaces, wide, several types, JSON, a path that cannot be read, and a watch', async () => {
    const [list, several] = await Promise.all([
      bramble('get', 'pods', '-A', '-o', 'wide'),
      bramble('get', 'cm,deploy'),
    ]);
    assert.match(list, /^NAMESPACE +NAME .* NODE/);
    assert.match(several, /^configmap\/one +.*\n(.*\n)*\nNAME.*\ndeployment\.apps\/web /m);
    assert.equal(JSON.parse(await bramble('get', 'deploy/web', '--json')).kind, 'Deployment');
    await sideBySide(
      [
        [64, /^bramble: .*\n +→ write a path such as/, 'get', 'cm', '-o', 'jsonpath={.items['],
        [64, /--json and -o yaml are two things/, 'get', 'cm', '--json', '-o', 'yaml'],
        [64, /one type or one object can be watched/, 'get', 'cm,deploy', '-w'],
        [64, /use -n NAMESPACE instead of -A/, 'get', 'cm', 'one', '-A'],
      ] as const,
      ([code, message, ...words]) => refuses(code, message, ...words),
    );
    const watch = world.terminal('get', 'cm', '-w', '-l', 'set=sea', '-o', 'name');
    await waitFor('the list', () => watch.text().includes('configmap/two'));
    await writeFile(world.path('three.json'), configMap('three', {}));
    await bramble('apply', '-f', world.path('three.json'));
    await waitFor('the change', () => watch.text().includes('configmap/three'));
    watch.write('\u0003');
    assert.equal(await watch.ended, 130, watch.text());
  });

  test('wait: for what comes, goes, and has a value', async () => {
    const late = bramble('wait', 'cm/late', '--for', 'create', '--timeout', '60s');
    await writeFile(world.path('late.json'), configMap('late', { a: '1' }));
    await bramble('apply', '-f', world.path('late.json'));
    assert.equal(await late, 'configmap/late condition met\n');
    assert.match(
      await bramble('wait', 'cm', '-l', 'set=sea', '--for', 'jsonpath={.metadata.name}', '--json'),
      /^\{"object":"configmap\/late","result":"condition met"\}$/m,
    );
    const gone = bramble('wait', 'cm/late', '--for', 'delete', '--timeout', '60s');
    await bramble('delete', '-f', world.path('late.json'));
    assert.equal(await gone, 'configmap/late deleted\n');
    await refuses(1, /no objects to wait for/, 'wait', 'cm', '-l', 'set=nothing', '--for', 'delete');
  });

  test('explain-placement: the scores of the boards, and a pod that fits nowhere', async () => {
    const pod = await bramble('get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[0].metadata.name}');
    assert.match(await bramble('explain-placement', pod), new RegExp(`^Pod default/${pod} is on `));
    assert.equal(JSON.parse(await bramble('explain-placement', pod, '--json')).kind, 'Placement');
    const spec = { nodeSelector: { room: 'nowhere' }, containers: [{ name: 'main', image: 'none' }] };
    await writeFile(
      world.path('stray.json'),
      JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'stray' }, spec }),
    );
    await bramble('apply', '-f', world.path('stray.json'));
    await waitFor('an answer', async () =>
      /fits nowhere[\s\S]*REFUSED +BY +BECAUSE/.test(await bramble('explain-placement', 'stray')),
    );
    await refuses(1, /"nobody" not found/, 'explain-placement', 'nobody');
    await bramble('delete', 'pod', 'stray', '--grace-period', '0');
  });

  test('logs -f of several pods: a colour for each on a terminal; of one pod as bytes; as JSON', async () => {
    const follow = world.terminal('logs', '-f', '-l', 'app=web', '--tail', '5');
    await waitFor('three colours', () => new Set(follow.text().match(/\[3\dm(?=web-)/g)).size === 3);
    follow.write('\u0003');
    assert.equal(await follow.ended, 130, follow.text());
    const [line = ''] = (await bramble('logs', 'deploy/web', '--json', '--tail', '1')).split('\n');
    assert.deepEqual(Object.keys(JSON.parse(line)), ['namespace', 'pod', 'line']);
    assert.match(await bramble('logs', 'deploy/web', '--timestamps', '--since', '1h'), /^20\d\d-\S+Z first$/m);
  });

  test('top --live: goes on in place until Ctrl-C', async () => {
    const live = world.terminal('top', 'nodes', '--live', '--sort-by', 'cpu');
    await waitFor('a second picture', () => live.text().split('\u001b[H').length > 2);
    live.write('\u0003');
    assert.equal(await live.ended, 130, live.text());
  });

  test('what is not there is said by every command that looks for it', async () => {
    const node = ['cordon', 'uncordon'].map((verb) => [verb, 'nowhere']);
    const rollouts = ['history', 'restart', 'pause', 'resume', 'undo'].map((verb) => [
      'rollout',
      verb,
      'deploy/nobody',
    ]);
    const objects = [
      ['scale', 'deploy/nobody', '--replicas', '1'],
      ['annotate', 'cm/nobody', 'a=b'],
      ['delete', 'cm', 'nobody'],
      ['exec', 'nobody', '--', 'true'],
      ['port-forward', 'nobody', '80'],
      ['cp', world.path('input'), 'nobody:/tmp'],
    ];
    await sideBySide([...node, ...rollouts, ...objects], (words) =>
      refuses(
        1,
        /^bramble: .*"(nobody|nowhere)" not found\n +→ is that the name, and the namespace\? bramble get TYPE -A/m,
        ...words,
      ),
    );
    const { code, output } = await world.run('scale', 'deploy/nobody', '--replicas', '1', '--json');
    assert.deepEqual([code, JSON.parse(output).exitCode], [1, 1]);
  });

  test('what changes says so as JSON, one object a line', async () => {
    const node = world.cluster.nodes[0] ?? '';
    const cases: [string[], object][] = [
      [['cordon', node], { object: `node/${node}`, result: 'cordoned' }],
      [['scale', 'deploy/web', '--replicas', '3'], { object: 'deployment.apps/web', result: 'scaled', replicas: 3 }],
      [['label', 'cm/two', 'x=y'], { object: 'configmap/two', result: 'labeled' }],
      [['delete', 'cm', 'three'], { object: 'configmap/three', result: 'deleted' }],
    ];
    await sideBySide(cases, async ([words, expected]) =>
      assert.deepEqual(JSON.parse(await bramble(...words, '--json')), expected),
    );
    await bramble('uncordon', node);
  });

  test('output that nobody reads any more ends the command', async () => {
    const line = `"${BRAMBLE}" get cm -A -o yaml | head -n 1; echo "\${PIPESTATUS[0]}"`;
    const { output } = await runProgram('bash', ['--norc', '-c', line], { env: world.environment() });
    assert.match(output, /^apiVersion: v1\n0\n$/);
  });
}
