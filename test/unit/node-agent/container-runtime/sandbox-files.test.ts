/** The files that the containers of a sandbox share. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SandboxConfig } from '../../../../node-agent/container-runtime/runtime.ts';
import {
  mountsOfSandboxFiles,
  renderHosts,
  renderSandboxResolver,
} from '../../../../node-agent/container-runtime/sandbox-files.ts';

const CONFIG: SandboxConfig = {
  pod: { namespace: 'default', name: 'web', uid: 'u' },
  attempt: 0,
  hostname: 'web',
  domainname: '',
  hostNetwork: false,
  hostPid: false,
  hostIpc: false,
  ports: [],
  dns: undefined,
  hostAliases: [],
  sysctls: {},
  annotations: {},
};

test('hosts: localhost, the pod by its names, and the aliases', () => {
  const aliases = [{ ip: '192.0.2.9', hostnames: ['printer', 'printer.home'] }];
  const config = { ...CONFIG, domainname: 'team.default.svc.cluster.local', hostAliases: aliases };
  const lines = renderHosts(config, ['10.42.1.7', 'fd42::7']).split('\n');
  assert.equal(lines[0], '127.0.0.1\tlocalhost');
  assert.ok(lines.includes('10.42.1.7\tweb.team.default.svc.cluster.local web'));
  assert.ok(lines.includes('fd42::7\tweb.team.default.svc.cluster.local web'));
  assert.equal(lines.at(-2), '192.0.2.9\tprinter printer.home');
  assert.ok(renderHosts(CONFIG, ['10.42.1.7']).includes('\n10.42.1.7\tweb\n'));
});

test("resolv.conf: the pod's own, or the node's without what a pod cannot reach", () => {
  const node = 'search lan\nnameserver 127.0.0.53\nnameserver ::1\nnameserver 192.0.2.1\noptions edns0\n';
  assert.equal(renderSandboxResolver(undefined, node), 'search lan\nnameserver 192.0.2.1\noptions edns0\n');
  const own = { servers: ['10.42.1.1'], searches: ['a.svc'], options: ['ndots:5'] };
  assert.equal(renderSandboxResolver(own, node), 'search a.svc\nnameserver 10.42.1.1\noptions ndots:5\n');
  const serverless = { ...own, servers: [] };
  assert.equal(renderSandboxResolver(serverless, node), 'search a.svc\nnameserver 192.0.2.1\noptions ndots:5\n');
});

test('what the pod mounts there itself comes before ours', () => {
  const [own, ...others] = mountsOfSandboxFiles('/f', [], true);
  assert.deepEqual([own?.hostPath, own?.containerPath, own?.readOnly], ['/f/hosts', '/etc/hosts', true]);
  assert.equal(others.length, 1);
  const mount = { hostPath: '/x', containerPath: '/etc/hosts', readOnly: false, recursiveReadOnly: false } as const;
  const rest = mountsOfSandboxFiles('/f', [{ ...mount, propagation: 'private' }], false);
  assert.deepEqual(
    rest.map(({ containerPath }) => containerPath),
    ['/etc/resolv.conf'],
  );
});
