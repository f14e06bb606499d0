/** Ingresses are told at which nodes they are served, and nodes may read the certificates that they need for it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Ingress, IngressKind } from '../../../shared/api/ingress.ts';
import { IngressClassKind } from '../../../shared/api/ingress-class.ts';
import { INGRESS_PORTS_ANNOTATION } from '../../../shared/api/ingress-names.ts';
import { NodeKind } from '../../../shared/api/node.ts';
import { SecretKind } from '../../../shared/api/secret.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { type LiveCluster, startLiveCluster } from './live-cluster.ts';

describe('Ingresses', () => {
  let cluster: LiveCluster;
  before(async () => {
    cluster = await startLiveCluster();
    for (const name of ['pi-1', 'pi-2']) await cluster.addNode({ name });
    for (const name of ['tls', 'other']) {
      await cluster.client.create(SecretKind, { metadata: { name, namespace: 'default' }, type: 'Opaque', data: {} });
    }
    await create('ours', {});
    await create('theirs', { ingressClassName: 'nginx' });
  });
  after(() => cluster.stop());

  const create = (name: string, spec: Partial<Ingress['spec']>) =>
    cluster.client.create(IngressKind, {
      metadata: { name, namespace: 'default' },
      spec: {
        defaultBackend: { service: { name: 'web', port: { number: 80 } } },
        tls: name === 'ours' ? [{ secretName: 'tls' }] : [],
        ...spec,
      },
    });
  const addresses = async (name: string): Promise<string> => {
    const { status } = await cluster.client.get(IngressKind, { name, namespace: 'default' });
    return (status.loadBalancer.ingress ?? []).map(({ ip }) => ip).join(' ');
  };
  const setPorts = async (name: string, ports: string): Promise<void> => {
    const body = {
      metadata: { annotations: { [INGRESS_PORTS_ANNOTATION]: ports } },
    };
    await cluster.client.patch(NodeKind, { name }, { type: 'merge', body });
    const status = { status: { addresses: [{ type: 'InternalIP', address: `192.0.2.${name.slice(3)}` }] } };
    await cluster.client.patch(NodeKind, { name }, { type: 'strategic', body: status, subresource: 'status' });
  };

  it('have the class that every cluster begins with', async () => {
    const { spec } = await cluster.client.get(IngressClassKind, { name: 'bramble' });
    assert.equal(spec.controller, 'bramble.dev/ingress');
  });

  it('are told the nodes that serve, as these come and go, and those of others are left alone', async () => {
    await setPorts('pi-1', '80,443');
    await cluster.until('one address', async () => (await addresses('ours')) === '192.0.2.1');
    await setPorts('pi-2', '80');
    await cluster.until('two addresses', async () => (await addresses('ours')) === '192.0.2.1 192.0.2.2');
    await setPorts('pi-1', '');
    await cluster.until('the other address', async () => (await addresses('ours')) === '192.0.2.2');
    assert.equal(await addresses('theirs'), '');
  });

  it('let nodes read the Secrets that they name, and no others', async () => {
    const node = cluster.as('system:node:pi-1', ['system:nodes']);
    const { metadata } = await node.get(SecretKind, { name: 'tls', namespace: 'default' });
    assert.equal(metadata.name, 'tls');
    await assert.rejects(node.get(SecretKind, { name: 'other', namespace: 'default' }), (error) =>
      isStatusError(error, 'Forbidden'),
    );
    assert.equal((await node.list(IngressKind)).items.length, 2);
  });
});
