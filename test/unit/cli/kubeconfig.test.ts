/** Profiles: which file, and what is in it. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { defaultDataDir, findKubeconfig, parseProfile } from '../../../cli/api/kubeconfig.ts';
import { profilePath, removeProfile, saveProfile, writeCurrentProfile } from '../../../cli/api/profile-store.ts';
import { replaceHost } from '../../../cli/commands/kubeconfig.ts';
import { Failure } from '../../../cli/failure.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function kubeconfig(extension = ''): string {
  return `
apiVersion: v1
kind: Config
current-context: bramble
contexts: [{name: bramble, context: {cluster: c, user: admin, namespace: garden}}]
clusters:
- name: c
  cluster:
    server: https://192.0.2.7:6443
    certificate-authority-data: ${base64('CA')}
${extension}
users: [{name: admin, user: {client-certificate-data: ${base64('CERT')}, client-key-data: ${base64('KEY')}}}]
`;
}

describe('parseProfile', () => {
  test('the MQTT door is beside the API unless the file says where', () => {
    const profile = parseProfile(kubeconfig(), 'f');
    assert.equal(profile.mqttHost, '192.0.2.7');
    assert.equal(profile.mqttPort, 8883);
    assert.equal(profile.namespace, 'garden');
    assert.deepEqual([profile.caCertificate, profile.clientCertificate, profile.clientKey], ['CA', 'CERT', 'KEY']);
    const extension = "    extensions: [{name: bramble.dev/mqtt, extension: {server: 'mqtts://192.0.2.8:1884'}}]";
    const other = parseProfile(kubeconfig(extension), 'f');
    assert.deepEqual([other.mqttHost, other.mqttPort], ['192.0.2.8', 1884]);
  });

  test('what is missing is named', () => {
    assert.throws(() => parseProfile('current-context: x\n', 'f'), /f has no entry "x" in contexts/);
    assert.throws(() => parseProfile(kubeconfig().replace(/server: .*/, ''), 'f'), /f lacks server/);
  });
});

describe('which file', () => {
  const root = { isRoot: true, env: { XDG_CONFIG_HOME: '/nowhere' } };
  const user = { isRoot: false, env: { HOME: '/home/pi', XDG_CONFIG_HOME: '/nowhere' } };
  const withEnv = (env: Record<string, string>) => ({ isRoot: true, env: { ...root.env, ...env } });
  for (const [what, found, expected] of [
    ['root', findKubeconfig(root, {}), '/var/lib/bramble/admin.kubeconfig'],
    ['somebody', findKubeconfig(user, {}), '/home/pi/.local/share/bramble/admin.kubeconfig'],
    ['--data-dir', findKubeconfig(root, { dataDir: '/d' }), '/d/admin.kubeconfig'],
    ['--kubeconfig', findKubeconfig(root, { kubeconfig: '/k', dataDir: '/d' }), '/k'],
    ['BRAMBLE_KUBECONFIG', findKubeconfig(withEnv({ BRAMBLE_KUBECONFIG: '/k' }), {}), '/k'],
    [
      'flags before it',
      findKubeconfig(withEnv({ BRAMBLE_KUBECONFIG: '/k' }), { dataDir: '/d' }),
      '/d/admin.kubeconfig',
    ],
  ] as const) {
    test(what, async () => assert.equal(await found, expected));
  }
  test('BRAMBLE_DATA_DIR', () => assert.equal(defaultDataDir({ ...user, env: { BRAMBLE_DATA_DIR: '/d' } }), '/d'));
});

describe('profiles', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bramble-profiles-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test('kept for their owner, found by name, by the environment and as the one in use', async () => {
    const world = { isRoot: true, env: { XDG_CONFIG_HOME: folder } };
    await saveProfile(world, 'shed', kubeconfig());
    const path = join(folder, 'bramble/profiles/shed.kubeconfig');
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.equal(await findKubeconfig(world, { profile: 'shed', dataDir: '/d' }), path);
    assert.equal(await findKubeconfig(world, {}), '/var/lib/bramble/admin.kubeconfig');
    assert.equal(await findKubeconfig({ ...world, env: { ...world.env, BRAMBLE_PROFILE: 'shed' } }, {}), path);
    await writeCurrentProfile(world, 'shed');
    assert.equal(await findKubeconfig(world, {}), path);
    assert.equal(await findKubeconfig(world, { dataDir: '/d' }), '/d/admin.kubeconfig');
    await assert.rejects(saveProfile(world, 'shed', ''), /there is a profile shed already/);
    await assert.rejects(findKubeconfig(world, { profile: 'attic' }), /there is no profile attic/);
    for (const name of ['../shed', '', 'a/b', '.x', 'X']) assert.throws(() => profilePath(world, name), Failure);
    await removeProfile(world, 'shed');
    assert.equal(await findKubeconfig(world, {}), '/var/lib/bramble/admin.kubeconfig');
  });
});

test('a kubeconfig for another machine names the master as that machine knows it', () => {
  const text = "server: https://127.0.0.1:6443\nextension: {server: 'mqtts://[::1]:8883'}\n";
  const wanted = "server: https://pi.local:6443\nextension: {server: 'mqtts://pi.local:8883'}\n";
  assert.equal(replaceHost(text, 'pi.local'), wanted);
  assert.equal(replaceHost(text, undefined), text);
  assert.match(replaceHost(text, 'fd00::17'), /https:\/\/\[fd00::17\]:6443/);
});
