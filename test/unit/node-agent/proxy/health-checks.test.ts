/** What a health check node port answers, and that it opens and closes with its service. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { computeHealthCheck, renderHealthAnswer } from '../../../../node-agent/proxy/health-checks/health-check.ts';
import { HealthChecks } from '../../../../node-agent/proxy/health-checks/health-checks.ts';
import type { EndpointSlice } from '../../../../shared/api/endpoint-slice.ts';
import { systemClock } from '../../../../shared/platform/clock.ts';
import { silentLogger } from '../../../../shared/platform/logger.ts';
import { seededRandom } from '../../../../shared/platform/random.ts';
import { findFreePorts } from '../../../support/cluster.ts';
import { waitFor } from '../../../support/wait.ts';
import { service, slice } from '../dns/zone-fixture.ts';

const HERE = { nodes: new Set(['here']), zone: '' };

function slices(...states: [node: string, ready: boolean][]): EndpointSlice[] {
  const endpoints = states.map(([nodeName, ready], index) => {
    return { addresses: [`10.42.0.${index + 1}`], nodeName, conditions: { ready } };
  });
  return [
    { ...slice('web', []), addressType: 'IPv4', endpoints },
    { ...slice('web', []), addressType: 'IPv6', endpoints },
  ];
}

it('counts the ready pods of this machine, each once', () => {
  const balancer = service('web', { healthCheckNodePort: 32_000, ipFamilies: ['IPv4', 'IPv6'] });
  const count = (...states: [string, boolean][]): number | undefined =>
    computeHealthCheck(balancer, slices(...states), HERE)?.localEndpoints;
  assert.equal(count(['here', true], ['here', true], ['here', false], ['there', true]), 2);
  assert.equal(count(['there', true]), 0);
  assert.equal(computeHealthCheck(service('web', {}), [], HERE), undefined);
});

it('answers as kube-proxy does', () => {
  const check = { namespace: 'default', name: 'web', port: 32_000, localEndpoints: 2 };
  const { code, headers, body } = renderHealthAnswer(check, true);
  assert.equal(code, 200);
  assert.equal(headers['x-load-balancing-endpoint-weight'], '2');
  const said = '{"service":{"namespace":"default","name":"web"},"localEndpoints":2,"serviceProxyHealthy":true}';
  assert.deepEqual(JSON.parse(body), JSON.parse(said));
  assert.equal(renderHealthAnswer({ ...check, localEndpoints: 0 }, true).code, 503);
  assert.equal(renderHealthAnswer(check, false).code, 503);
});

it('a port is open for as long as a service has it, and tells what is true when it is asked', async () => {
  const [port = 0] = await findFreePorts(1);
  const checks = new HealthChecks({
    load: () => import('../../../../node-agent/proxy/health-checks/health-server.ts'),
    isHealthy: () => true,
    ...{ clock: systemClock, random: seededRandom(1), logger: silentLogger },
  });
  await checks.start();
  const ask = (): Promise<number> =>
    fetch(`http://127.0.0.1:${port}/healthz`).then(
      ({ status }) => status,
      () => 0,
    );
  const put = (localEndpoints: number): void =>
    checks.put('default/web', { namespace: 'default', name: 'web', port, localEndpoints });
  put(1);
  await waitFor('it answers', async () => (await ask()) === 200);
  put(0);
  assert.equal(await ask(), 503);
  checks.put('default/web', undefined);
  await waitFor('it is closed', async () => (await ask()) === 0);
  await checks.stop();
});
