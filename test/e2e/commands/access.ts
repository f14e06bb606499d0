/** Who may do what, from where: profiles of several clusters, users of the broker, tokens, and a person with few rights. */
import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { parse, stringify } from 'yaml';
import { createCertificateRequest } from '../../../shared/protocol/x509/certificate-request.ts';
import { generatePrivateKey } from '../../../shared/protocol/x509/keys.ts';
import { createTestPki } from '../../support/test-pki.ts';
import { waitFor } from '../../support/wait.ts';
import { type CommandWorld, sideBySide } from './world.ts';

interface Kubeconfig {
  clusters: { cluster: { 'certificate-authority-data': string } }[];
  users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** The administrator's kubeconfig with something else in it. */
async function writeKubeconfig(
  world: CommandWorld,
  name: string,
  change: (config: Kubeconfig) => void,
): Promise<string> {
  const config: Kubeconfig = parse(await readFile(world.cluster.folder.kubeconfig, 'utf8'));
  change(config);
  await writeFile(world.path(name), stringify(config));
  return world.path(name);
}

const REQUESTS = '/apis/certificates.k8s.io/v1/certificatesigningrequests';

/** As `kubectl certificate approve` would do it; resolves with the certificate. */
async function signRequest({ cluster }: CommandWorld, name: string, request: string): Promise<string> {
  const spec = { request: base64(request), signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] };
  const identity = { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest' };
  const { code, body } = await cluster.https('POST', REQUESTS, { ...identity, metadata: { name }, spec });
  assert.equal(code, 201, JSON.stringify(body));
  const conditions = [{ type: 'Approved', status: 'True', reason: 'Test', message: 'of a test' }];
  await cluster.https('PUT', `${REQUESTS}/${name}/approval`, { ...body, status: { conditions } });
  return waitFor('the certificate', async () => {
    const { body: signed } = await cluster.https('GET', `${REQUESTS}/${name}`);
    const { certificate } = signed['status'] as { certificate?: string };
    return certificate;
  });
}

export function testAccess(world: CommandWorld): void {
  const { bramble, refuses } = world;

  test('profiles: clusters by name, the one in use, flags before the environment', async () => {
    const { kubeconfig, path: dataDir } = world.cluster.folder;
    await writeFile(world.path('words'), 'no: kubeconfig\n');
    assert.equal(await bramble('profile', 'add', 'house', kubeconfig), 'profile/house added\n');
    assert.equal((await stat(world.path('config/bramble/profiles/house.kubeconfig'))).mode & 0o777, 0o600);
    await refuses(
      1,
      /there is a profile house already\n +→ bramble profile remove house/,
      'profile',
      'add',
      'house',
      kubeconfig,
    );
    await refuses(66, /words has no entry "undefined" in contexts/, 'profile', 'add', 'words', world.path('words'));
    const shed = await world.runWith({ stdin: kubeconfig }, 'profile', 'add', 'shed', '-', '--json');
    assert.deepEqual(JSON.parse(shed.output), { object: 'profile/shed', result: 'added' });
    await refuses(66, /there is no profile attic\n +→ there are: house, shed/, 'profile', 'use', 'attic');
    await bramble('profile', 'use', 'shed');
    const port = world.cluster.state.mqttPort;
    assert.match(await bramble('profile', 'list'), new RegExp(`\\n +house +127\\.0\\.0\\.1:${port}\\n\\* +shed +127`));
    const gone = { env: { BRAMBLE_KUBECONFIG: '' } };
    assert.match((await world.runWith(gone, 'get', 'ns')).output, /kube-system/, 'the one in use');
    assert.equal((await world.runWith({ env: { BRAMBLE_KUBECONFIG: '/nowhere' } }, 'get', 'ns')).code, 69);
    for (const flag of [
      ['--profile', 'house'],
      ['--data-dir', dataDir],
    ]) {
      const { output } = await world.runWith({ env: { BRAMBLE_KUBECONFIG: '/nowhere' } }, 'get', 'ns', ...flag);
      assert.match(output, /kube-system/, flag[0]);
    }
    assert.equal(await bramble('profile', 'remove', 'shed', 'house'), 'profile/shed removed\nprofile/house removed\n');
    await refuses(66, /there is no profile shed\n +→ bramble profile add/, 'profile', 'remove', 'shed');
    const broken = await world.runWith({ env: { XDG_CONFIG_HOME: world.path('words') } }, 'profile', 'list');
    assert.match(broken.output, /^bramble: ENOTDIR/);
    assert.equal(broken.code, 1);
  });

  test('version, kubeconfig and token: of the master, or a sentence why not', async () => {
    assert.match(await bramble('version'), /^bramble \d+\.\d+\.\d+.*\nmaster v1\.\d+/);
    assert.match(await bramble('kubeconfig', '--host', 'pi.local'), /server: "https:\/\/pi\.local:\d+"\n/);
    assert.equal(JSON.parse(await bramble('kubeconfig', '--json')).kind, 'Config');
    assert.match(await bramble('token', 'create', '--ttl', '1h'), /^bramble:[0-9a-f]{64}:[a-z0-9]{6}\.[a-z0-9]{16}\n$/);
    await refuses(64, /Write a duration such as 90s/, 'token', 'create', '--ttl', 'soon');
    await refuses(
      69,
      /there is no cluster at .*\n +→ start one with: bramble up/,
      'kubeconfig',
      '--kubeconfig',
      '/nowhere',
    );
    const pki = await createTestPki();
    const other = await writeKubeconfig(world, 'other', ({ clusters: [one] }) => {
      if (one !== undefined) one.cluster['certificate-authority-data'] = base64(pki.authority.certificate);
    });
    await refuses(
      77,
      /is not the one of this kubeconfig: its certificate is from another CA.*\n +→ use/,
      'version',
      '--kubeconfig',
      other,
    );
  });

  test('a person with few rights is refused by name, and JSON says so too', async () => {
    const key = generatePrivateKey();
    const certificate = await signRequest(
      world,
      'guest',
      createCertificateRequest({ commonName: 'guest', organizations: [] }, key),
    );
    const guest = await writeKubeconfig(world, 'guest', ({ users: [one] }) => {
      if (one !== undefined) one.user = { 'client-certificate-data': certificate, 'client-key-data': base64(key) };
    });
    const cases = [
      ['token', 'create'],
      ['snapshot', 'list'],
      ['snapshot', 'save'],
      ['mqtt', 'user', 'list'],
      ['mqtt', 'bridge', 'list'],
      ['top', 'nodes'],
      ['top', 'pods'],
      ['events'],
      ['node', 'approve'],
    ];
    await sideBySide(cases, (words) =>
      refuses(
        77,
        /guest.* cannot \w+ (resource|.*).*\n +→ an administrator can give the right/,
        ...words,
        '--kubeconfig',
        guest,
      ),
    );
    const { code, output } = await world.run('top', 'pods', '--kubeconfig', guest, '--json');
    const told = JSON.parse(output) as Record<string, unknown>;
    assert.deepEqual([code, told['exitCode']], [77, 77]);
    assert.match(String(told['error']), /guest/);
  });

  test('mqtt: users and bridges that are not there, or not right', async () => {
    await writeFile(world.path('password'), 'a-new-one\n');
    const file = ['--password-file', world.path('password')];
    assert.equal(await bramble('mqtt', 'user', 'add', 'lamp', ...file), 'mqtt user lamp added\n');
    await sideBySide(
      [
        [1, /the user lamp exists already\n +→ remove it first/, 'mqtt', 'user', 'add', 'lamp'],
        [1, /there is no user ghost\n +→ see: bramble mqtt user list/, 'mqtt', 'user', 'remove', 'ghost'],
        [66, /cannot be read \(ENOENT\)/, 'mqtt', 'user', 'passwd', 'lamp', '--password-file', world.path('none')],
        [64, /no broker/, 'mqtt', 'bridge', 'add', 'attic', '--in', '#', '--url', 'what'],
        [1, /there is no bridge attic/, 'mqtt', 'bridge', 'remove', 'attic'],
      ] as const,
      ([code, message, ...words]) => refuses(code, message, ...words),
    );
    const removed = await bramble('mqtt', 'user', 'remove', 'lamp', '--json');
    assert.deepEqual(JSON.parse(removed), { object: 'mqtt-user/lamp', result: 'removed' });
  });
}
