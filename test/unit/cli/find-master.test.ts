/** A master that has got another address is found by its certificate, and no other one is. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { findMaster } from '../../../cli/api/find-master.ts';
import type { Profile } from '../../../cli/api/kubeconfig.ts';
import { systemClock } from '../../../shared/platform/clock.ts';
import { computeCaHash } from '../../../shared/protocol/join-token.ts';
import { renderMaster } from '../../../shared/protocol/mdns/bramble-service.ts';
import { type FoundService, readServices, type SearchOptions } from '../../../shared/protocol/mdns/find-service.ts';
import { renderResponse } from '../../../shared/protocol/mdns/mdns-record.ts';
import { createTestPki } from '../../support/test-pki.ts';

test('found where the LAN says, when its certificate is the one of the kubeconfig', async () => {
  const [own, other] = await Promise.all([createTestPki(), createTestPki()]);
  const tell = (ca: string, address: string, hostname: string): Buffer => {
    const caHash = computeCaHash(new X509Certificate(ca).raw);
    const master = { hostname, attempt: 0, mqttPort: 8883, apiPort: 6443, caHash, addresses: [address] };
    return renderResponse(renderMaster(master).map(({ record }) => record));
  };
  const lan = [tell(other.server.ca, '10.77.0.8', 'pi-8'), tell(own.server.ca, '10.77.0.9', 'pi-9')];
  const search = async ({ service, accept }: SearchOptions): Promise<FoundService | undefined> =>
    lan.flatMap((packet) => readServices(packet, service)).find(accept);
  const profile = (caCertificate: string, mqttHost: string): Profile => ({
    ...{ kubeconfigPath: '', server: '', mqttHost, mqttPort: 8883, caCertificate },
    ...{ clientCertificate: '', clientKey: '', namespace: 'default' },
  });
  const find = (ca: string, host: string) => findMaster(systemClock, profile(ca, host), search);
  assert.deepEqual(await find(own.server.ca, '10.77.0.1'), { mqttHost: '10.77.0.9', mqttPort: 8883 });
  assert.equal(await find(own.server.ca, '10.77.0.9'), undefined);
  const stranger = await createTestPki();
  assert.equal(await find(stranger.server.ca, '10.77.0.1'), undefined);
});
