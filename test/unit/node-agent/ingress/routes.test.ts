/** Which Ingress, which backend, which endpoints, which headers: tables. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Balancer, MAX_TRIES } from '../../../../node-agent/ingress/balancer.ts';
import { computeSecretKeys } from '../../../../node-agent/ingress/certificates.ts';
import { findTargets } from '../../../../node-agent/ingress/endpoints.ts';
import {
  computeRequestHeaders,
  computeResponseHeaders,
  hostOf,
  renderRedirect,
} from '../../../../node-agent/ingress/headers.ts';
import { computeRoutes, findRoute } from '../../../../node-agent/ingress/route-table.ts';
import { readSettings } from '../../../../node-agent/ingress/settings.ts';
import type { IngressClass } from '../../../../shared/api/ingress-class.ts';
import { isOurs } from '../../../../shared/api/ingress-owner.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';
import { service, slice } from '../dns/zone-fixture.ts';
import { ingress } from './ingress-fixture.ts';

describe('routes', () => {
  const ask = (rules: Record<string, string>, url: string, fallback?: string): string | undefined => {
    const table = computeRoutes([ingress('default/one', { rules, ...(fallback ? { fallback } : {}) })]);
    const [host = '', ...path] = url.split('/');
    return findRoute(table, host, `/${path.join('/')}`)?.backend.service?.name;
  };

  /** The table of Kubernetes' documentation of path types. */
  const PATHS: readonly (readonly [string, string, boolean])[] = [
    ['/', '/anything', true],
    ['=/foo', '/foo', true],
    ['=/foo', '/bar', false],
    ['=/foo', '/foo/', false],
    ['=/foo/', '/foo', false],
    ['/foo', '/foo', true],
    ['/foo', '/foo/', true],
    ['/foo/', '/foo', true],
    ['/foo/', '/foo/', true],
    ['/aaa/bb', '/aaa/bbb', false],
    ['/aaa/bbb', '/aaa/bbb', true],
    ['/aaa/bbb/', '/aaa/bbb', true],
    ['/aaa/bbb', '/aaa/bbb/', true],
    ['/aaa/bbb', '/aaa/bbb/ccc', true],
    ['/aaa/bbb', '/aaa/bbbxyz', false],
  ];
  for (const [path, url, expected] of PATHS) {
    it(`${path} ${expected ? 'leads' : 'does not lead'} from ${url}`, () => {
      assert.equal(ask({ [path]: 'web:80' }, `any.example${url}`), expected ? 'web' : undefined);
    });
  }

  it('the longest path counts, then the exact one', () => {
    const rules = { 'h/': 'root:80', 'h/foo': 'foo:80', 'h=/foo': 'exact:80', 'h/foo/bar': 'bar:80' };
    assert.deepEqual(
      ['h/x', 'h/foo', 'h/foo/', 'h/foo/bar/x'].map((url) => ask(rules, url)),
      ['root', 'exact', 'foo', 'bar'],
    );
  });

  it('the exact host counts, then the wildcard of one level, then all hosts', () => {
    const rules = { 'a.example.org/': 'a:80', '*.example.org/': 'some:80', '/': 'all:80' };
    assert.deepEqual(
      ['a.example.org/', 'b.example.org/', 'x.b.example.org/', 'example.org/'].map((url) => ask(rules, url)),
      ['a', 'some', 'all', 'all'],
    );
  });

  it('what nothing leads from goes to the default backend', () => {
    assert.equal(ask({ 'h/foo': 'foo:80' }, 'h/bar', 'last:80'), 'last');
    assert.equal(ask({ 'h/foo': 'foo:80' }, 'h/bar'), undefined);
  });

  it('the older of two Ingresses counts', () => {
    const table = computeRoutes([
      ingress('a/young', { rules: { 'h/': 'young:80' }, created: '2026-02-01T00:00:00Z' }),
      ingress('z/old', { rules: { 'h/': 'old:80' } }),
    ]);
    assert.equal(findRoute(table, 'h', '/')?.ingress, 'z/old');
  });
});

describe('classes', () => {
  const CLASSES = ['bramble.dev/ingress', 'other.example/ingress'].map(
    (controller, index): IngressClass => ({
      ...{ apiVersion: 'networking.k8s.io/v1', kind: 'IngressClass', spec: { controller } },
      metadata: {
        ...{ name: ['bramble', 'other'][index] ?? '', uid: '', resourceVersion: '', creationTimestamp: '' },
        annotations: { 'ingressclass.kubernetes.io/is-default-class': String(index === 0) },
      },
    }),
  );
  const TABLE: readonly [string, Parameters<typeof ingress>[1], boolean][] = [
    ['ours', { className: 'bramble' }, true],
    ['another', { className: 'other' }, false],
    ['one that is not there', { className: 'none' }, false],
    ['none: ours is the default', {}, true],
    ['ours, in the old way', { annotations: { 'kubernetes.io/ingress.class': 'bramble' } }, true],
    ['another, in the old way', { annotations: { 'kubernetes.io/ingress.class': 'nginx' } }, false],
  ];
  for (const [what, short, expected] of TABLE) {
    it(what, () => assert.equal(isOurs(ingress('a/b', short), CLASSES), expected));
  }
  it('none, and there is no default', () => assert.equal(isOurs(ingress('a/b', {}), []), false));
});

describe('endpoints', () => {
  const web = service('a/web', {
    clusterIP: '10.43.0.1',
    ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 }],
  });
  const endpoints = [
    { addresses: ['10.42.1.1'], nodeName: 'pi-1', conditions: { ready: true } },
    { addresses: ['10.42.2.1'], nodeName: 'pi-2', conditions: {} },
    { addresses: ['10.42.1.2'], nodeName: 'pi-1', conditions: { ready: false } },
  ];
  const find = (given: typeof endpoints, port: object, services = [web]) => {
    const source = {
      service: (key: string) => services.find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === key),
      slices: () => [slice('a/web', given, { ports: [{ name: 'http', protocol: 'TCP', port: 8080 }] })],
    };
    const groups = findTargets(source, { namespace: 'a', backend: { service: { name: 'web', port } } }, 'pi-1');
    return groups.map((group) => group.map(({ address, port: number }) => `${address}:${number}`));
  };

  it('on this node come first, only the ready ones', () => {
    assert.deepEqual(find(endpoints, { number: 80 }), [['10.42.1.1:8080'], ['10.42.2.1:8080']]);
    assert.deepEqual(find(endpoints, { name: 'http' }), [['10.42.1.1:8080'], ['10.42.2.1:8080']]);
  });
  it('are none of a port or service that is not there', () => {
    assert.deepEqual(find(endpoints, { number: 81 }), []);
    assert.deepEqual(find(endpoints, { number: 80 }, []), []);
  });
  it('on their way out are better than none', () => {
    const leaving = endpoints.map((one) => ({
      ...one,
      conditions: { ready: false, serving: true, terminating: true },
    }));
    assert.equal(find(leaving, { number: 80 }).flat().length, 3);
  });
  it('may be a name outside', () => {
    const outside = service('a/web', { type: 'ExternalName', externalName: 'nas.example' });
    assert.deepEqual(find([], { number: 5000 }, [outside]), [['nas.example:5000']]);
  });

  it('take turns, and who refused is tried last for a while', async () => {
    const clock = createVirtualClock();
    const balancer = new Balancer(clock);
    const group = ['a', 'b', 'c', 'd'].map((address) => ({ address, port: 1 }));
    const firsts = [1, 2, 3, 4].map(() => balancer.order([group])[0]?.address);
    assert.deepEqual(firsts.sort(), ['a', 'b', 'c', 'd']);
    for (const address of ['a', 'b', 'c']) balancer.avoid({ address, port: 1 });
    assert.equal(balancer.order([group])[0]?.address, 'd');
    assert.equal(balancer.order([group]).length, MAX_TRIES);
    await clock.advance(6_000);
    const again = new Set([1, 2, 3, 4].map(() => balancer.order([group])[0]?.address));
    assert.equal(again.size, 4);
  });
});

describe('headers', () => {
  const arrival = {
    rawHeaders: [
      ...[
        'Host',
        'h.example:8080',
        'Connection',
        'keep-alive, X-Mine',
        'X-Mine',
        'secret',
        'Accept',
        '*/*',
        'TE',
        'gzip',
      ],
      ...['X-Forwarded-For', '6.6.6.6', 'Cookie', 'a=1', 'Cookie', 'b=2', 'Transfer-Encoding', 'chunked'],
    ],
    headers: { host: 'h.example:8080', connection: 'keep-alive, X-Mine', 'transfer-encoding': 'chunked' },
    ...{ clientAddress: '192.0.2.7', port: 8080, isTls: false },
  };
  it('of neighbours stay with them, and what the client says of itself is not believed', () => {
    assert.deepEqual(computeRequestHeaders(arrival), [
      ...['Host', 'h.example:8080', 'Accept', '*/*', 'Cookie', 'a=1', 'Cookie', 'b=2'],
      ...['X-Forwarded-For', '192.0.2.7', 'X-Real-IP', '192.0.2.7', 'X-Forwarded-Host', 'h.example:8080'],
      ...['X-Forwarded-Port', '8080', 'X-Forwarded-Proto', 'http', 'Transfer-Encoding', 'chunked'],
    ]);
  });
  it('ask for another protocol anew', () => {
    assert.deepEqual(computeRequestHeaders({ ...arrival, isTls: true }, 'websocket').slice(-6), [
      ...['X-Forwarded-Proto', 'https', 'Connection', 'Upgrade', 'Upgrade', 'websocket'],
    ]);
  });
  it('of answers lose what was between us and the backend', () => {
    const raw = ['Connection', 'close', 'Keep-Alive', 'timeout=5', 'Set-Cookie', 'a', 'Set-Cookie', 'b'];
    assert.deepEqual(computeResponseHeaders(raw, 'close'), ['Set-Cookie', 'a', 'Set-Cookie', 'b']);
  });
  it('name hosts in several ways', () => {
    assert.deepEqual(['H.Example:80', 'h.example.', '[::1]:80', undefined].map(hostOf), [
      'h.example',
      'h.example',
      '[::1]',
      '',
    ]);
    assert.equal(renderRedirect('h', 443, '/a?b'), 'https://h/a?b');
    assert.equal(renderRedirect('h', 8443, '/'), 'https://h:8443/');
  });
});

describe('annotations and Secrets', () => {
  it('are read, and what makes no sense is as if it were not there', () => {
    const read = (annotations: Record<string, string>) => readSettings(ingress('a/b', { annotations }));
    assert.deepEqual(read({}), { redirectHttps: false, timeoutMs: 60_000 });
    assert.deepEqual(read({ 'bramble.dev/redirect-https': 'true', 'bramble.dev/timeout-seconds': '5' }), {
      redirectHttps: true,
      timeoutMs: 5_000,
    });
    assert.equal(read({ 'bramble.dev/timeout-seconds': '-1' }).timeoutMs, 60_000);
  });
  it('belong to the hosts that are named, or else to those of the rules', () => {
    const keys = computeSecretKeys([
      ingress('a/one', {
        rules: { 'x.example/': 's:80' },
        tls: [{ hosts: ['Y.example'], secretName: 'y' }, { secretName: 'x' }],
      }),
      ingress('b/two', {
        fallback: 's:80',
        tls: [{ secretName: 'all' }, { hosts: ['y.example'], secretName: 'late' }],
      }),
    ]);
    assert.deepEqual(Object.fromEntries(keys), { 'y.example': 'a/y', 'x.example': 'a/x', '': 'b/all' });
  });
});
