/**
 * Each alert in all the places where alerts are told, as stock clients see them: an event, a retained message, a webhook; and that it
 * is over in all of them. The API server, the alerts, the broker and the snapshots are real; boards and pods are what is written of
 * them.
 */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createAlertSources } from '../../master/alert-sources.ts';
import { createApiServer } from '../../master/apiserver/api-server.ts';
import { componentUser } from '../../master/apiserver/user-info.ts';
import { createSnapshotFiles } from '../../master/snapshots/snapshot-files.ts';
import { SnapshotKeeper } from '../../master/snapshots/snapshot-keeper.ts';
import { openSqliteStore, type SqliteStore } from '../../master/store/sqlite-store.ts';
import { NodeKind } from '../../shared/api/node.ts';
import { NodeSensorsKind } from '../../shared/api/node-sensors.ts';
import { PodKind } from '../../shared/api/pod.ts';
import { ALL_KINDS } from '../../shared/api/registry.ts';
import type { Client } from '../../shared/client/client.ts';
import { createClient } from '../../shared/client/create-client.ts';
import { systemClock } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import { silentLogger } from '../../shared/platform/logger.ts';
import { systemRandom } from '../../shared/platform/random.ts';
import { createCertificateRequest } from '../../shared/protocol/x509/certificate-request.ts';
import { generatePrivateKey } from '../../shared/protocol/x509/keys.ts';
import { VERSION } from '../conformance/api-fixture.ts';
import { type AlertWitness, startAlerts, startAlertWitness } from '../support/alert-witness.ts';
import { createTestPki } from '../support/test-pki.ts';
import { waitFor } from '../support/wait.ts';

const BASE = { clock: systemClock, random: systemRandom, logger: silentLogger };
const DAY_MS = 86_400_000;
const AT_ONCE = { badMs: 0, goodMs: 0 };
const PATIENCE = { BoardLost: AT_ONCE, BoardHot: AT_ONCE, UnderVoltage: AT_ONCE, DiskNearlyFull: AT_ONCE };

describe('alerts', () => {
  let folder: string;
  let store: SqliteStore;
  let server: ReturnType<typeof createApiServer>;
  let client: Client;
  let keeper: SnapshotKeeper;
  let witness: AlertWitness;
  let alerts: Component;
  let certificates: { soon: string; later: string };
  let presented = '';

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bramble-alerts-'));
    store = await openSqliteStore({ ...BASE, path: join(folder, 'store.db'), schedule: queueMicrotask });
    server = createApiServer({ ...BASE, store, kinds: ALL_KINDS, version: VERSION });
    await server.start();
    client = createClient((request) => server.handle(request, componentUser('admin')));
    const files = createSnapshotFiles(join(folder, 'snapshots'));
    keeper = new SnapshotKeeper({ ...BASE, store, files, intervalMs: 0, keep: 3 });
    const { authority } = await createTestPki();
    const request = createCertificateRequest({ commonName: 'bramble-master', organizations: [] }, generatePrivateKey());
    const sign = (days: number) =>
      authority.signCertificateRequest(request, { usages: ['server auth'], validityMs: days * DAY_MS });
    certificates = { soon: sign(10), later: sign(300) };
    presented = certificates.later;
    const certificate = { current: () => ({ cert: presented, key: '' }) };
    const sources = createAlertSources({
      options: { alertWebhook: undefined },
      authority,
      certificate,
      snapshots: keeper,
    });
    witness = await startAlertWitness(client, { ...sources, patience: PATIENCE });
    alerts = await startAlerts(client, witness);
  });
  after(async () => {
    await alerts?.stop();
    await witness?.stop();
    await keeper?.stop();
    await server?.stop();
    await store?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const pi = { kind: 'Node', name: 'pi-1' };
  const master = { kind: 'Namespace', name: 'kube-system' };
  const pod = { kind: 'Pod', namespace: 'default', name: 'web' };

  const setReady = (status: string) =>
    client.patch(NodeKind, pi, {
      ...{ type: 'merge', subresource: 'status' },
      body: { status: { conditions: [{ type: 'Ready', status, message: 'its link is down' }] } },
    });
  const sense = (body: object) => client.patch(NodeSensorsKind, pi, { type: 'merge', body: { ...body } });

  it('of a board: heat, voltage, disk; and of one that is lost', async () => {
    await client.create(NodeKind, { metadata: { name: 'pi-1' } });
    const well = { temperatureCelsius: 45, underVoltage: false, diskTotalBytes: 1000, diskAvailableBytes: 900 };
    await client.create(NodeSensorsKind, { metadata: { name: 'pi-1' }, ...well });
    await sense({ temperatureCelsius: 82, underVoltage: true, diskAvailableBytes: 50 });
    assert.match(await witness.begins('BoardHot', pi), /^82\.0 °C; it slows itself down at 80 °C$/);
    assert.match(await witness.begins('UnderVoltage', pi), /^the supply voltage is too low/);
    assert.equal(await witness.begins('DiskNearlyFull', pi), '5 % of its disk are free');
    await sense(well);
    for (const alert of ['BoardHot', 'UnderVoltage', 'DiskNearlyFull'] as const) await witness.isOver(alert, pi);
    await setReady('Unknown');
    assert.equal(await witness.begins('BoardLost', pi), 'the board does not answer: its link is down');
    await setReady('True');
    assert.equal(await witness.isOver('BoardLost', pi), 'the board answers again');
  });

  it('of a program that ends again and again, until its pod is gone', async () => {
    const containers = [{ name: 'main', image: 'example.com/web:1' }];
    await client.create(PodKind, { metadata: pod, spec: { containers } });
    const waiting = { reason: 'CrashLoopBackOff' };
    const main = { ...{ name: 'main', image: '', imageID: '', ready: false }, restartCount: 3, state: { waiting } };
    const body = { status: { phase: 'Running', containerStatuses: [main] } };
    await client.patch(PodKind, pod, { type: 'merge', subresource: 'status', body });
    assert.match(
      await witness.begins('CrashLoop', pod),
      /^container main ended again, 3 restarts: bramble logs -p web$/,
    );
    await client.delete(PodKind, pod, { gracePeriodSeconds: 0 });
    assert.equal(await witness.isOver('CrashLoop', pod), 'it is not there any more');
  });

  it('of a snapshot that fails, until one is taken', async () => {
    await writeFile(join(folder, 'snapshots'), 'no folder');
    await assert.rejects(keeper.take());
    assert.match(await witness.begins('SnapshotFailed', master), /^the snapshot failed: /);
    await rm(join(folder, 'snapshots'));
    await mkdir(join(folder, 'snapshots'));
    await keeper.take();
    await witness.isOver('SnapshotFailed', master);
  });

  it("of the master's certificate, until it is renewed", async () => {
    presented = certificates.soon;
    await sense({ temperatureCelsius: 46 });
    assert.match(await witness.begins('CertificateNearEnd', master), /^the certificate of the master ends on 20/);
    presented = certificates.later;
    await sense({ temperatureCelsius: 45 });
    await witness.isOver('CertificateNearEnd', master);
  });

  it('reach an address that was away, once it is back', async () => {
    const other = { kind: 'Node', name: 'pi-2' };
    const goHome = await witness.leave();
    const conditions = [{ type: 'Ready', status: 'Unknown', message: 'its link is down' }];
    await client.create(NodeKind, { metadata: { name: 'pi-2' } });
    await client.patch(NodeKind, other, { type: 'merge', subresource: 'status', body: { status: { conditions } } });
    await waitFor('it was not heard', () => witness.problems() > 0);
    await goHome();
    await witness.begins('BoardLost', other);
    await client.delete(NodeKind, other);
    assert.equal(await witness.isOver('BoardLost', other), 'it is not there any more');
  });

  it('that are over are nowhere, and none was told twice', () => witness.isQuiet());
});
