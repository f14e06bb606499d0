/** Profiles: which file, and what is in it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { defaultDataDir, kubeconfigPath, parseProfile } from '../../../cli/api/kubeconfig.ts';
import { replaceHost } from '../../../cli/commands/kubeconfig.ts';

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
  const root = { isRoot: true, env: {} };
  const user = { isRoot: false, env: { HOME: '/home/pi' } };
  for (const [what, actual, expected] of [
    ['root', kubeconfigPath(root, {}), '/var/lib/bramble/admin.kubeconfig'],
    ['somebody', kubeconfigPath(user, {}), '/home/pi/.local/share/bramble/admin.kubeconfig'],
    ['--data-dir', kubeconfigPath(root, { dataDir: '/d' }), '/d/admin.kubeconfig'],
    ['--kubeconfig', kubeconfigPath(root, { kubeconfig: '/k', dataDir: '/d' }), '/k'],
    ['BRAMBLE_KUBECONFIG', kubeconfigPath({ ...root, env: { BRAMBLE_KUBECONFIG: '/k' } }, {}), '/k'],
    ['BRAMBLE_DATA_DIR', defaultDataDir({ ...user, env: { BRAMBLE_DATA_DIR: '/d' } }), '/d'],
  ] as const) {
    test(what, () => assert.equal(actual, expected));
  }
});

test('a kubeconfig for another machine names the master as that machine knows it', () => {
  const text = "server: https://127.0.0.1:6443\nextension: {server: 'mqtts://[::1]:8883'}\n";
  const wanted = "server: https://pi.local:6443\nextension: {server: 'mqtts://pi.local:8883'}\n";
  assert.equal(replaceHost(text, 'pi.local'), wanted);
  assert.equal(replaceHost(text, undefined), text);
  assert.match(replaceHost(text, 'fd00::17'), /https:\/\/\[fd00::17\]:6443/);
});
