/** Every command that talks to a master, over real MQTT, with its success and a failure that people meet. */
import assert from 'node:assert/strict';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runProgram } from '../../cli/setup/run-program.ts';
import type { TestCluster } from '../support/cluster.ts';
import { TEST_IMAGE } from '../support/docker.ts';
import { ROOT } from '../support/kubectl.ts';
import { checkTranscript, type Step } from '../support/transcript.ts';
import { waitFor } from '../support/wait.ts';
import { testAccess } from './commands/access.ts';
import { testEveryCommand } from './commands/every-command.ts';
import { testObjects } from './commands/objects.ts';
import { testPrograms } from './commands/programs.ts';
import { CommandWorld, PATIENCE } from './commands/world.ts';

function manifest(replicas: number, text: string): string {
  const script = `echo ${text}; trap 'exit 0' TERM; while true; do sleep 1 & wait $!; done`;
  const container = { name: 'main', image: TEST_IMAGE, imagePullPolicy: 'Never', command: ['sh', '-c', script] };
  const template = {
    metadata: { labels: { app: 'web' } },
    spec: { containers: [container], terminationGracePeriodSeconds: 2 },
  };
  const spec = { replicas, selector: { matchLabels: { app: 'web' } }, template };
  const labels = { set: 'one' };
  const objects = [
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', labels }, spec },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', labels }, data: { text } },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'key', labels }, stringData: { password: 'geheim' } },
  ];
  return objects.map((object) => JSON.stringify(object)).join('\n---\n');
}

describe('commands', { concurrency: false }, () => {
  const world = new CommandWorld();
  const { run, bramble, refuses } = world;
  let cluster: TestCluster;
  let folder: string;
  let file: string;
  let server: Server;

  before(async () => {
    await world.start(2);
    ({ cluster, folder } = world);
    file = join(folder, 'web.yaml');
    await writeFile(file, manifest(2, 'first'));
  });
  after(async () => {
    server?.close();
    await world.stop();
  });

  const firstPod = async (): Promise<string> =>
    bramble(
      'get',
      'pods',
      '-l',
      'app=web',
      '--field-selector',
      'status.phase=Running',
      '-o',
      'jsonpath={.items[0].metadata.name}',
    );

  test('diff and apply: what would change, and what has', async () => {
    await refuses(1, /^\+ +replicas: 2$/m, 'diff', '-f', file);
    assert.match(await bramble('apply', '-f', file), /deployment\.apps\/web created\nconfigmap\/settings created/);
    assert.equal(await bramble('diff', '-f', file), '');
    assert.match(await bramble('apply', '-f', file), /deployment\.apps\/web unchanged/);
    await refuses(66, /cannot be read/, 'diff', '-f', join(folder, 'gone.yaml'));
  });

  test('apply from an address', async () => {
    server = createServer(async (_, response) => response.end(await readFile(file)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/web.yaml`;
    assert.match(await bramble('apply', '-f', url), /configmap\/settings unchanged/);
    await refuses(69, /cannot be reached/, 'apply', '-f', 'http://127.0.0.1:1/web.yaml');
  });

  test('rollout status and wait', async () => {
    assert.match(await bramble('rollout', 'status', 'deploy/web', PATIENCE), /successfully rolled out/);
    assert.match(await bramble('wait', 'deploy/web', '--for', 'condition=Available', PATIENCE), /condition met/);
    await refuses(
      124,
      /did not come true\n +→ bramble describe/,
      'wait',
      'cm/settings',
      '--for',
      'delete',
      '--timeout',
      '1s',
    );
    await refuses(64, /cannot be read\n +→ write condition=/, 'wait', 'deploy/web', '--for', 'Ready');
    await refuses(64, /does not roll out/, 'rollout', 'status', 'cm/settings');
  });

  test('the session in the README is what the commands print', async () => {
    const pods = ['get', 'pods', '-l', 'app=web'];
    const commands = [
      ['get', 'nodes'],
      ['rollout', 'status', 'deploy/web'],
      ['get', 'deploy/web'],
      pods,
      ['exec', 'deploy/web', '--', 'echo', 'hello from a pod'],
      ['scale', 'deploy/web', '--replicas', '2'],
      ['get', 'deploy/web', '-o', 'jsonpath={.status.readyReplicas}'],
    ];
    const steps: Step[] = [];
    for (const words of commands) {
      const line = words.map((word) => (/[ {]/.test(word) ? `'${word}'` : word)).join(' ');
      const printed = await bramble(...words);
      // Names of the test's boards are long; columns stay where they are.
      const shorten = (text: string, name: string, index: number): string =>
        text.replaceAll(name, `pi-${index + 1}`.padEnd(name.length));
      const output = cluster.nodes.reduce(shorten, printed);
      steps.push({ command: `bramble ${line}`, output: output.endsWith('\n') ? output : `${output}\n` });
    }
    await checkTranscript(join(ROOT, 'README.md'), steps);
  });

  test('get with templates', async () => {
    assert.equal(await bramble('get', 'deploy/web', '-o', 'jsonpath={.spec.replicas}'), '2');
    const columns = 'custom-columns=NAME:.metadata.name,IMAGE:.spec.template.spec.containers[*].image';
    assert.equal(await bramble('get', 'deploy', 'web', '-o', columns), `NAME   IMAGE\nweb    ${TEST_IMAGE}\n`);
    await refuses(64, /It must be table/, 'get', 'deploy', '-o', 'xml');
  });

  test('describe: the object, its events, and no secrets', async () => {
    assert.match(
      await bramble('describe', 'pod', await firstPod()),
      /Events:\n +AGE +TYPE +REASON +MESSAGE\n.*Scheduled/s,
    );
    const secret = await bramble('describe', 'secret/key');
    assert.match(secret, /password: +6 bytes/);
    assert.doesNotMatch(secret, /geheim|Z2VoZWlt/);
    await refuses(1, /not found/, 'describe', 'pod', 'nobody');
  });

  test('events, of everything and of one object', async () => {
    assert.match(await bramble('events'), /OBJECT +AGE +TYPE +REASON +MESSAGE\n/);
    assert.match(await bramble('events', '--for', 'deploy/web'), /^deployment\/web .*ScalingReplicaSet/m);
    assert.equal(JSON.parse((await bramble('events', '--json')).split('\n')[0] ?? '').kind, 'Event');
    const terminal = world.terminal('events', '-w');
    try {
      await waitFor('the list', () => terminal.text().includes('OBJECT'));
      await bramble('scale', 'deploy/web', '--replicas', '3');
      await waitFor('a new event', () => /Scaled up .* from 2 to 3|to 3/.test(terminal.text()));
    } finally {
      terminal.kill();
    }
    await bramble('rollout', 'status', 'deploy/web', PATIENCE);
  });

  test('label and annotate', async () => {
    assert.equal(await bramble('label', 'deploy/web', 'room=shed'), 'deployment.apps/web labeled\n');
    await refuses(1, /has room=shed already\n +→ add --overwrite/, 'label', 'deploy/web', 'room=attic');
    await bramble('label', 'deploy/web', 'room=attic', '--overwrite');
    await bramble('label', 'deploy/web', 'room-');
    assert.equal(await bramble('get', 'deploy', '-l', 'room', '-o', 'name'), '');
    assert.equal(await bramble('annotate', 'deploy', 'web', 'note=two words'), 'deployment.apps/web annotated\n');
    await refuses(64, /nothing to change/, 'label', 'deploy/web');
  });

  test('exec: output, input and exit codes are those of the program', async () => {
    const pod = await firstPod();
    assert.equal(await bramble('exec', pod, '--', 'echo', 'in a pod'), 'in a pod\n');
    assert.equal((await run('exec', 'deploy/web', '--', 'sh', '-c', 'exit 7')).code, 7);
    const terminal = world.terminal('exec', '-it', pod, '--', 'sh');
    try {
      await waitFor('a prompt', () => /[#$] /.test(terminal.text()));
      terminal.write('echo $((6 * 7)); exit 3\n');
      assert.equal(await terminal.ended, 3);
      assert.match(terminal.text(), /^42/m);
    } finally {
      terminal.kill();
    }
    await refuses(64, /which program/, 'exec', pod);
  });

  test('cp: files and folders, in and out', async () => {
    const pod = await firstPod();
    await mkdir(join(folder, 'site/sub'), { recursive: true });
    await writeFile(join(folder, 'site/sub/page'), 'page\n');
    const large = Buffer.alloc(2_000_000, 'abcdefg');
    await writeFile(join(folder, 'large'), large);
    await bramble('cp', join(folder, 'site'), `${pod}:/tmp/site`);
    await bramble('cp', join(folder, 'large'), `${pod}:/tmp`);
    assert.equal(await bramble('exec', pod, '--', 'cat', '/tmp/site/sub/page'), 'page\n');
    await bramble('cp', `${pod}:/tmp/large`, join(folder, 'back'));
    assert.ok((await readFile(join(folder, 'back'))).equals(large));
    await bramble('cp', `${pod}:/tmp/site`, join(folder, 'copy'));
    assert.equal(await readFile(join(folder, 'copy/sub/page'), 'utf8'), 'page\n');
    await writeFile(join(folder, 'empty'), '');
    await bramble('cp', join(folder, 'empty'), `${pod}:/tmp`);
    assert.equal(await bramble('exec', pod, '--', 'stat', '-c', '%s', '/tmp/empty'), '0\n');
    await refuses(1, /No such file/, 'cp', `${pod}:/nowhere`, join(folder, 'x'));
    await refuses(64, /one of both must be in a pod/, 'cp', 'a', 'b');
  });

  test('cp that is cut off leaves no half of a file, and says on a terminal how far it is', async () => {
    const pod = await firstPod();
    const huge = await open(join(folder, 'huge'), 'w');
    await huge.truncate(500_000_000);
    await huge.close();
    const terminal = world.terminal('cp', join(folder, 'huge'), `${pod}:/tmp`);
    try {
      await waitFor(
        'a part of it is there',
        async () => (await run('exec', pod, '--', 'test', '-s', '/tmp/huge.part')).code === 0,
      );
      await waitFor('how far it is', () => /Copying .*huge.*: [0-9.]+ MB/.test(terminal.text()));
    } finally {
      terminal.kill();
    }
    await waitFor(
      'the part is gone',
      async () => (await run('exec', pod, '--', 'test', '-e', '/tmp/huge.part')).code === 1,
    );
    assert.equal((await run('exec', pod, '--', 'test', '-e', '/tmp/huge')).code, 1);
  });

  test('logs of all pods, each line with its pod', async () => {
    const lines = (await bramble('logs', 'deploy/web', '--all-pods')).trim().split('\n');
    assert.equal(lines.length, 3);
    for (const line of lines) assert.match(line, /^web-\S+ first$/);
    assert.equal(await bramble('logs', '-l', 'app=web', '--tail', '1').then((text) => text.split('\n').length), 4);
    await refuses(1, /no pods have the labels/, 'logs', '-l', 'app=nothing');
  });

  test('port-forward: kubectl and bramble, a pod and a service, loopback too, and a port where nobody listens', async () => {
    const script = 'hostname > /tmp/name; httpd -p 0.0.0.0:8080 -h /tmp; exec httpd -f -p 127.0.0.1:8081 -h /tmp';
    const ports = [{ name: 'http', containerPort: 8080 }];
    const spec = {
      containers: [{ ...container, command: ['sh', '-c', script], ports }],
      terminationGracePeriodSeconds: 1,
    };
    const service = { spec: { selector: { app: 'page' }, ports: [{ port: 80, targetPort: 'http' }] } };
    const named = { name: 'page', labels: { app: 'page' } };
    await writeFile(
      join(folder, 'page.yaml'),
      [
        { apiVersion: 'v1', kind: 'Pod', metadata: named, spec },
        { apiVersion: 'v1', kind: 'Service', metadata: named, ...service },
      ]
        .map((object) => JSON.stringify(object))
        .join('\n---\n'),
    );
    await bramble('apply', '-f', join(folder, 'page.yaml'));
    await bramble('wait', 'pod/page', '--for', 'condition=Ready', PATIENCE);
    const nameBehind = async (text: () => string, remote: number): Promise<string> => {
      const line = new RegExp(`^Forwarding from 127\\.0\\.0\\.1:(\\d+) -> ${remote}`, 'm');
      await waitFor('the port', () => line.test(text()));
      const answers = [1, 2, 3].map(async () =>
        (await fetch(`http://127.0.0.1:${line.exec(text())?.[1]}/name`)).text(),
      );
      return [...new Set(await Promise.all(answers))].join();
    };
    const stock = cluster.kubectl.start(['port-forward', 'pod/page', ':8080', ':8081', ':9']);
    const own = world.terminal('port-forward', 'svc/page', ':80');
    const lonely = world.terminal('port-forward', 'page', ':9');
    try {
      for (const remote of [8080, 8081]) assert.equal(await nameBehind(stock.text, remote), 'page\n');
      assert.equal(await nameBehind(own.text, 8080), 'page\n');
      await assert.rejects(nameBehind(lonely.text, 9));
      await waitFor('the reason', () => lonely.text().includes('port 9: connection refused'));
      await assert.rejects(nameBehind(stock.text, 9));
      await waitFor('the reason', () => stock.text().includes('port 9: connection refused'));
      own.write('\u0003');
      assert.equal(await own.ended, 130);
    } finally {
      for (const one of [stock, own, lonely]) one.kill();
    }
    await refuses(64, /svc\/page has no port 81\n +→ it has 80/, 'port-forward', 'svc/page', '81');
    await refuses(64, /is no port\n +→ write LOCAL:REMOTE/, 'port-forward', 'page', '80:');
    await bramble('delete', '-f', join(folder, 'page.yaml'));
  });

  testObjects(world);
  testAccess(world);

  test('doctor: this machine and every board', async () => {
    const { output } = await run('doctor', '--docker', cluster.engine.socketPath, '--data-dir', cluster.folder.path);
    for (const name of cluster.nodes) {
      const section = output.split(`node/${name}\n`)[1] ?? '';
      assert.match(section, /^✓ Version: v1\.\S+\n✓ Clock: right\n✓ Docker: \d/, output);
      assert.match(section, /[✓!] Disk: .*% of \d+ GB are free/);
    }
    assert.doesNotMatch((await run('doctor', '--no-boards')).output, /node\//);
    await refuses(
      1,
      /✗ Master: there is no cluster at .*gone\n +→ start one/,
      'doctor',
      '--kubeconfig',
      join(folder, 'gone'),
    );
  });

  test('metrics and health of master and boards', async () => {
    const { kubectl, nodes } = cluster;
    const master = await kubectl.output(['get', '--raw', '/metrics']);
    for (const line of [
      /^apiserver_request_total\{verb="LIST",group="",version="v1",resource="pods",.*code="200"\} \d+$/m,
      /^apiserver_request_duration_seconds_bucket\{verb="GET",.*le="0.1"\} \d+$/m,
      /^workqueue_adds_total\{name="deployment"\} \d+$/m,
      /^scheduler_schedule_attempts_total\{result="scheduled",profile="default-scheduler"\} \d+$/m,
      /^scheduler_pending_pods\{queue="active"\} 0$/m,
      /^bramble_node_disk_available_bytes\{node="[^"]+"\} \d+$/m,
      /^process_resident_memory_bytes \d+$/m,
    ]) {
      assert.match(master, line);
    }
    const board = await kubectl.output(['get', '--raw', `/api/v1/nodes/${nodes[0]}/proxy/metrics`]);
    assert.match(board, /^kubelet_running_pods [1-9]/m);
    assert.match(
      board,
      /^container_memory_working_set_bytes\{container="main",namespace="default",pod="web-[^"]+"\} [1-9]/m,
    );
    assert.equal(await kubectl.output(['get', '--raw', `/api/v1/nodes/${nodes[0]}/proxy/healthz`]), 'ok');
    const ready = await kubectl.output(['get', '--raw', '/readyz?verbose']);
    for (const check of ['ping', 'etcd', 'server-certificate'])
      assert.match(ready, new RegExp(`^\\[\\+\\]${check} ok$`, 'm'));
  });

  test('snapshot: saved while the master runs, refused where one runs', async () => {
    assert.match(
      await bramble('snapshot', 'save', join(folder, 'copy.db')),
      /^snapshot \d{8}t\d{6}z taken, \d+ KB\nwritten to /,
    );
    assert.match(await bramble('snapshot', 'list'), /^NAME +TAKEN +SIZE\n\d{8}t\d{6}z +20\S+ +\d+ KB\n$/);
    await refuses(73, /gone\/copy\.db cannot be written/, 'snapshot', 'save', join(folder, 'gone/copy.db'));
    const copy = await readFile(join(folder, 'copy.db'));
    await refuses(
      1,
      /in use by process \d+\n +→ end the master/,
      'snapshot',
      'restore',
      join(folder, 'copy.db'),
      '--data-dir',
      cluster.folder.path,
    );
    await writeFile(join(folder, 'cut.db'), copy.subarray(0, copy.length / 2));
    await refuses(66, /cut off or damaged/, 'snapshot', 'restore', join(folder, 'cut.db'), '--data-dir', folder);
    assert.match(
      await bramble('snapshot', 'restore', join(folder, 'copy.db'), '--data-dir', folder),
      /is ready in .*: the master takes it over when it starts/,
    );
    assert.ok((await readFile(join(folder, 'store.db.restore'))).equals(copy));
  });

  test('node: reboot and shutdown only where the agent may, and after a question', async () => {
    const [node = ''] = cluster.nodes;
    await refuses(77, /may not do that: it runs without --power-control on/, 'node', 'reboot', node, '--yes');
    await refuses(64, /nobody to answer/, 'node', 'shutdown', node);
    await refuses(1, /not found/, 'node', 'reboot', 'nowhere', '--yes');
    assert.equal(await bramble('node', 'approve'), 'no board waits to be approved\n');
    await refuses(1, /no board waits under pi-9/, 'node', 'approve', 'pi-9');
  });

  test('rollout: restart, history, undo, pause and resume', async () => {
    await writeFile(file, manifest(3, 'second'));
    await bramble('apply', '-f', file);
    await bramble('rollout', 'status', 'deploy/web', PATIENCE);
    assert.match(await bramble('rollout', 'history', 'deploy/web'), /REVISION +IMAGES +CHANGE-CAUSE\n1 .*\n2 /);
    assert.match(await bramble('rollout', 'undo', 'deploy/web'), /rolled back to revision 1/);
    await refuses(1, /no revision 9\n +→ it has/, 'rollout', 'undo', 'deploy/web', '--to-revision', '9');
    assert.match(await bramble('rollout', 'pause', 'deploy/web'), /paused/);
    assert.equal(await bramble('get', 'deploy/web', '-o', 'jsonpath={.spec.paused}'), 'true');
    assert.match(await bramble('rollout', 'resume', 'deploy/web'), /resumed/);
    assert.match(await bramble('rollout', 'restart', 'deploy/web'), /restarted/);
    await bramble('rollout', 'status', 'deploy/web', PATIENCE);
    assert.match(await bramble('logs', 'deploy/web'), /first/);
  });

  test('top: boards and pods from the samples', async () => {
    await waitFor('readings', async () => /^\S+ +\d+m +\d+%/m.test(await bramble('top', 'nodes')));
    await waitFor('readings of pods', async () => /^web-\S+ +\d+m +\d+Mi/m.test(await bramble('top', 'pods')), 60_000);
    const { items } = JSON.parse(await bramble('top', 'nodes', '--json')) as { items: unknown[] };
    assert.equal(items.length, 2);
    await refuses(64, /Allowed choices/, 'top', 'nodes', '--sort-by', 'age');
  });

  test('drain: says what would be lost, then moves the pods away', async () => {
    const [node = ''] = cluster.nodes;
    const lonely = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'lonely' },
      spec: { nodeName: node, containers: [container] },
    };
    await writeFile(join(folder, 'lonely.json'), JSON.stringify(lonely));
    await bramble('apply', '-f', join(folder, 'lonely.json'));
    await refuses(1, /nothing would bring back: default\/lonely\n +→ .*--force/, 'drain', node);
    assert.match(await bramble('drain', node, '--force', '--grace-period', '1', PATIENCE), /drained/);
    const left = await bramble('get', 'pods', '--field-selector', `spec.nodeName=${node}`, '-o', 'name');
    assert.equal(left, '');
    await bramble('uncordon', node);
    await refuses(1, /not found/, 'drain', 'nowhere');
  });

  test('apply --prune deletes what no manifest has any more, and delete by labels the rest', async () => {
    await writeFile(file, `${manifest(1, 'third').split('\n---\n').slice(0, 2).join('\n---\n')}`);
    await refuses(64, /needs -l LABELS/, 'apply', '-f', file, '--prune');
    await bramble('apply', '-f', file, '--prune', '-l', 'set=one');
    assert.match(
      await bramble('get', 'secret', '-l', 'set=one', '-o', 'name'),
      /secret\/key/,
      'no manifest has Secrets',
    );
    await writeFile(file, manifest(1, 'third').split('\n---\n')[0] ?? '');
    const two = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'two', labels: { set: 'one' } } };
    await writeFile(join(folder, 'two.json'), JSON.stringify(two));
    await bramble('apply', '-f', join(folder, 'two.json'));
    assert.match(
      await bramble('apply', '-f', join(folder, 'two.json'), '--prune', '-l', 'set=one'),
      /configmap\/settings pruned/,
    );
    assert.match(await bramble('delete', 'secret', '-l', 'set=one'), /secret\/key deleted/);
  });

  test('completion for three shells', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) assert.match(await bramble('completion', shell), /explain-placement/);
    const script = join(folder, 'completion');
    await writeFile(script, await bramble('completion', 'bash'));
    assert.equal((await runProgram('bash', ['-n', script], { env: process.env })).code, 0);
    await refuses(64, /Allowed choices/, 'completion', 'csh');
  });

  testPrograms(world);
  testEveryCommand(world);

  const container = { name: 'main', image: TEST_IMAGE, imagePullPolicy: 'Never', command: ['sleep', '1000'] };
});
