/**
 * Names and Ingresses on a LAN of two boards: asked for from inside pods, from the boards and from a machine that is no member;
 * with the outside world gone, with the master gone, and after a new certificate.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bundlePath, PROGRAM_FLAGS, programEnv } from '../../cli/setup/bundles.ts';
import { defined } from '../../shared/platform/assert.ts';
import { createTestContext } from '../support/cluster.ts';
import { TEST_IMAGE } from '../support/docker.ts';
import { ROOT } from '../support/kubectl.ts';
import { type LanCluster, startLanCluster } from '../support/lan/lan-cluster.ts';
import { createTestPki, type TestPki } from '../support/test-pki.ts';
import { waitFor } from '../support/wait.ts';

const SUPPORT = join(import.meta.dirname, '../support');
const HOST = 'whoami.bramble.local';
const ECHO_PORT = 9090;
/** The certificates of tests are for this name. */
const TLS_HOST = 'bramble-master';

const pod = (name: string, node: number): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: {app: web}}
spec:
  nodeName: host${node}
  hostname: ${name}
  subdomain: peers
  terminationGracePeriodSeconds: 0
  tolerations: [{operator: Exists}]
  containers:
    - name: main
      image: ${TEST_IMAGE}
      command: [sh, -c, 'mkdir -p /www; hostname >/www/index.html; exec httpd -f -p 8080 -h /www']
---`;

const WORLD = (outside: string): string => `${pod('web-1', 1)}${pod('web-2', 2)}
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: peers}
spec: {clusterIP: None, selector: {app: web}, ports: [{name: http, port: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: balanced}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 8089, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: elsewhere}
spec: {type: ExternalName, externalName: archive.test}
---
apiVersion: v1
kind: Service
metadata: {name: echo}
spec: {ports: [{name: ws, port: 80, targetPort: ${ECHO_PORT}}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: echo-1, labels: {kubernetes.io/service-name: echo}}
addressType: IPv4
ports: [{name: ws, port: ${ECHO_PORT}}]
endpoints: [{addresses: [${outside}], conditions: {ready: true}}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, annotations: {bramble.dev/redirect-https: 'true'}}
spec:
  ingressClassName: bramble
  tls: [{hosts: [${TLS_HOST}], secretName: tls}]
  rules:
    - host: ${TLS_HOST}
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: echo, port: {name: ws}}}}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: plain}
spec:
  rules:
    - host: ${HOST}
      http:
        paths:
          - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
          - {path: /echo, pathType: Prefix, backend: {service: {name: echo, port: {number: 80}}}}
`;

const secret = ({ server }: TestPki): string => `
apiVersion: v1
kind: Secret
metadata: {name: tls}
type: kubernetes.io/tls
data:
  tls.crt: ${Buffer.from(server.cert).toString('base64')}
  tls.key: ${Buffer.from(server.key).toString('base64')}
`;

describe('names and Ingresses of two boards', { concurrency: false }, () => {
  let cluster: LanCluster;
  let upstream: ChildProcess;
  const containers = new Map<string, string>();
  const gateways = new Map<number, string>();
  const pkis: TestPki[] = [];

  const host = (number: number) => cluster.lan.host(number);
  const startAgent = (number: number): void => {
    const words = [process.execPath, ...PROGRAM_FLAGS.agent, bundlePath(createTestContext(), 'agent')];
    // Nobody says where the master is.
    host(number).start(
      'agent',
      ['sh', '-c', 'echo $$ >/run/agent.pid; exec "$@"', 'sh', ...words],
      programEnv('agent'),
    );
  };

  before(async () => {
    cluster = await startLanCluster({ hosts: 2 });
    const { stranger } = cluster.lan;
    const program = (name: string, ...args: string[]): string[] => [process.execPath, join(SUPPORT, name), ...args];
    upstream = stranger.spawn(program('name-server.ts'), { stdio: 'ignore' });
    stranger.spawn(program('echo-server.ts', `${ECHO_PORT}`), { stdio: 'ignore' });
    for (let index = 0; index < 2; index += 1) pkis.push(await createTestPki());
    await cluster.apply(WORLD(stranger.address));
    await cluster.apply(secret(defined(pkis[0], 'a certificate')));
    await writeFile(join(host(2).folder, 'resolv.conf'), `nameserver ${stranger.address}\n`);
    await host(2).output('mount', '--bind', join(host(2).folder, 'resolv.conf'), '/etc/resolv.conf');
    await cluster.kill('agent 2', 'SIGTERM');
    startAgent(2);
    await cluster.kubectl(['wait', '--for=condition=Ready', 'pod', '--all', '--timeout=60s']);
    for (const number of [1, 2]) {
      const filter = ['--filter', 'label=io.kubernetes.container.name=main'];
      containers.set(`web-${number}`, await host(number).docker('ps', '-q', ...filter));
      const path = '{.metadata.annotations.bramble\\.dev/present-pod-cidrs}';
      const slice = await cluster.kubectl(['get', 'node', `host${number}`, '-o', `jsonpath=${path}`]);
      gateways.set(number, slice.replace(/\.0\/24$/, '.1'));
    }
  });
  after(() => cluster?.stop());

  /** What a program in the pod finds out, by the pod's own resolv.conf. */
  const lookup = (number: number, name: string): Promise<string> =>
    host(number)
      .docker('exec', containers.get(`web-${number}`) ?? '', 'nslookup', name)
      .catch((error) => String(error.stdout));
  /** What the name server of the board says to somebody in the pod's network. */
  const ask = async (number: number, name: string, type: string, ...more: string[]): Promise<string[]> => {
    const script = join(SUPPORT, 'dns-client.ts');
    const words = [process.execPath, script, gateways.get(number) ?? '', name, type, ...more];
    const pid = await host(number).docker('inspect', '-f', '{{.State.Pid}}', containers.get(`web-${number}`) ?? '');
    const { stdout } = await host(number).run(['nsenter', '-t', pid, '-n', 'timeout', '10', ...words]);
    return stdout.trim().split('\n');
  };
  const podIp = (name: string): Promise<string> =>
    cluster.kubectl(['get', 'pod', name, '-o', 'jsonpath={.status.podIP}']);
  const curl = async (...args: string[]): Promise<string> =>
    (await cluster.lan.stranger.run(['curl', '-sS', '-m', '10', ...args])).stdout.trim();
  const stranger = async (script: string, ...args: string[]): Promise<string> =>
    (await cluster.lan.stranger.run([process.execPath, join(SUPPORT, script), ...args])).stdout.trim();

  test('an agent that was not told where the master is has found it', async () => {
    await waitFor('the master is found', async () =>
      (await host(2).log('agent')).includes('found the master on the LAN'),
    );
    await cluster.whenReady();
  });

  test('the command line finds the master too: a laptop with a kubeconfig that says where it was', async () => {
    const { stranger } = cluster.lan;
    const master = await host(1).output('cat', '/var/lib/bramble/admin.kubeconfig');
    const kubeconfig = master.replace(/mqtts:\/\/[^"'\s]+/, 'mqtts://127.0.0.1:8883');
    const path = join(host(1).folder, 'laptop.kubeconfig');
    const bramble = (...args: string[]) => stranger.run([join(ROOT, 'cli/bramble'), ...args, '--kubeconfig', path]);
    await writeFile(path, kubeconfig);
    const { code, stdout, stderr } = await bramble('get', 'nodes');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^host1 +Ready.*\nhost2 +Ready/m);
    assert.equal(stderr, `the master does not answer at 127.0.0.1; found it at ${host(1).address}\n`);
    // Another cluster's is not meant, whatever it calls itself.
    const { authority } = defined(pkis[0], 'another CA');
    const ca = Buffer.from(authority.certificate).toString('base64');
    await writeFile(path, kubeconfig.replace(/certificate-authority-data: .*/, `certificate-authority-data: ${ca}`));
    const lost = await bramble('get', 'nodes');
    assert.equal(lost.code, 69);
    assert.match(lost.stderr, /^bramble: the master at 127\.0\.0\.1:8883 does not answer.*\n +→ is it running\?/);
  });

  test('services by short and by full names, from pods of both boards', async () => {
    const address = await cluster.kubectl(['get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}']);
    for (const number of [1, 2]) {
      for (const name of ['web', 'web.default.svc.cluster.local']) {
        await waitFor(`${name} on board ${number}`, async () => (await lookup(number, name)).includes(address));
      }
      const told = await lookup(number, 'kubernetes.default.svc.cluster.local');
      assert.match(told, /10\.43\.0\.1/);
      // The board itself is asked, not the engine.
      assert.match(told, new RegExp(`Server:\\s+${gateways.get(number)}`));
    }
  });

  test('pods by their host names, ports by SRV, addresses by PTR, answers by TCP', async () => {
    const [first, second] = [await podIp('web-1'), await podIp('web-2')];
    const name = 'peers.default.svc.cluster.local';
    const all = await waitFor('both pods are told', async () => {
      const told = await ask(1, name, 'A');
      return told.length === 3 && told;
    });
    assert.deepEqual(all.slice(1).sort(), [first, second].map((ip) => `${name}. 5 IN A ${ip}`).sort());
    assert.deepEqual(await ask(2, `web-1.${name}`, 'A', 'tcp'), ['NOERROR', `web-1.${name}. 5 IN A ${first}`]);
    const ports = await ask(2, `_http._tcp.${name}`, 'SRV');
    assert.deepEqual(
      ports.slice(1).sort(),
      [1, 2].map((number) => `_http._tcp.${name}. 5 IN SRV 0 100 8080 web-${number}.${name}.`),
    );
    const reverse = `${first.split('.').reverse().join('.')}.in-addr.arpa`;
    assert.deepEqual(await ask(2, reverse, 'PTR'), ['NOERROR', `${reverse}. 5 IN PTR web-1.${name}.`]);
    assert.deepEqual(await ask(2, `nobody.${name}`, 'A'), ['NXDOMAIN']);
  });

  test('names of the outside world, also when it has gone; the own ones need nobody', async () => {
    const alias = 'elsewhere.default.svc.cluster.local';
    assert.match((await ask(2, 'archive.test', 'A')).join(), /192\.0\.2\.80/);
    assert.match((await ask(2, alias, 'A')).join(), /CNAME archive\.test\..*192\.0\.2\.80/);
    upstream.kill('SIGKILL');
    await cluster.lan.stranger.run(['sh', '-c', 'kill -9 $(pgrep -f name-server.ts)']);
    // The answer held for two seconds: an old one is told after that.
    await waitFor('the old answer is told', async () =>
      (await ask(2, 'archive.test', 'A')).join().includes(' 30 IN A 192.0.2.80'),
    );
    assert.deepEqual(await ask(2, 'never-heard.test', 'A'), ['SERVFAIL']);
    assert.match(await lookup(2, 'web.default.svc.cluster.local'), /10\.43\./);
  });

  test('an Ingress, at every board, by the pod of that board, with who asked', async () => {
    for (const number of [1, 2]) {
      const at = `http://${host(number).address}/`;
      await waitFor(`board ${number} serves`, async () => (await curl('-H', `Host: ${HOST}`, at)) === `web-${number}`);
      const told = JSON.parse(await curl('-H', `Host: ${HOST}`, '-d', 'body', `${at}echo/x?y=z`));
      assert.deepEqual([told.method, told.url, told.body], ['POST', '/echo/x?y=z', 'body']);
      assert.equal(told.headers['x-forwarded-for'], cluster.lan.stranger.address);
      assert.equal(await curl('-o', '/dev/null', '-w', '%{http_code}', at), '404');
    }
    const path = 'jsonpath={.status.loadBalancer.ingress[*].ip}';
    const addresses = cluster.lan.hosts.map(({ address }) => address).join(' ');
    await waitFor(
      'its addresses are told',
      async () => (await cluster.kubectl(['get', 'ingress', 'plain', '-o', path])) === addresses,
    );
  });

  const caFile = async (index: number): Promise<string> => {
    const path = join(host(1).folder, `ca-${index}.pem`);
    await writeFile(path, defined(pkis[index], 'a certificate').server.ca);
    return path;
  };
  const curlTls = async (number: number, ca: string): Promise<string> =>
    curl('--cacert', ca, '--resolve', `${TLS_HOST}:443:${host(number).address}`, `https://${TLS_HOST}/secure`);

  test('TLS and WebSockets through it, a redirect to them, and a new certificate', async () => {
    const ca = await caFile(0);
    for (const number of [1, 2]) {
      await waitFor(`board ${number} has the certificate`, async () => (await curlTls(number, ca)).includes('/secure'));
      const url = `wss://${host(number).address}/`;
      assert.equal(await stranger('ws-client.ts', url, TLS_HOST, ca, 'hello'), 'echo hello');
      const where = ['-o', '/dev/null', '-w', '%{http_code} %{redirect_url}', '-H', `Host: ${TLS_HOST}`];
      assert.equal(await curl(...where, `http://${host(number).address}/a?b`), `308 https://${TLS_HOST}/a?b`);
    }
    await cluster.apply(secret(defined(pkis[1], 'another certificate')));
    const next = await caFile(1);
    for (const number of [1, 2]) {
      await waitFor(`board ${number} has the new one`, async () => (await curlTls(number, next)).includes('/secure'));
    }
  });

  test('names below bramble.local are told to the LAN', async () => {
    const all = cluster.lan.hosts.map(({ address }) => address).join(' ');
    for (const name of [HOST, 'balanced.bramble.local', 'balanced.default.bramble.local']) {
      await waitFor(`${name} is told`, async () => (await stranger('mdns-client.ts', name)) === all);
    }
    assert.equal(await stranger('mdns-client.ts', 'nobody.bramble.local'), '');
  });

  test('all of it without the master, by an agent that starts anew', async () => {
    await cluster.kill('master 1');
    await host(2).output('sh', '-c', 'kill -9 $(cat /run/agent.pid)');
    startAgent(2);
    const ca = await caFile(1);
    await waitFor('names are answered', async () =>
      (await lookup(2, 'web.default.svc.cluster.local')).includes('10.43.'),
    );
    await waitFor('the Ingress is served', async () => (await curlTls(2, ca)).includes('/secure'));
    assert.equal(await curl('-H', `Host: ${HOST}`, `http://${host(2).address}/`), 'web-2');
    await waitFor('its name is told', async () => (await stranger('mdns-client.ts', HOST)).includes(host(2).address));
  });
});
