/**
 * A small card under a real engine: it fills, the node says so, frees what nobody needs, ends the pod that takes most beyond what
 * it asked for, and recovers. Images that pods need stay, and logs keep to their size. An alert tells of the card while it is full.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseEvictionHard } from '../../node-agent/kubelet/eviction/thresholds.ts';
import { PodKind } from '../../shared/api/pod.ts';
import { getCondition } from '../../shared/machinery/conditions.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import { type AlertWitness, startAlerts, startAlertWitness } from '../support/alert-witness.ts';
import { hasDocker, startTestEngine, TEST_IMAGE, type TestEngine } from '../support/docker.ts';
import { type RealNode, startRealNode } from '../support/real-node.ts';

const MIB = 1024 * 1024;
const CARD_MIB = 240;
const MINIMUM_MIB = 60;

/** Leaves less than a tenth of the card beside what the engine has there. */
const GREEDY_MIB = 155;

/** Writes so much, tells it, and stays. */
const writer = (mib: number) => [
  'sh',
  '-c',
  `dd if=/dev/zero of=/fill bs=1M count=${mib} 2>/dev/null; trap "exit 0" TERM; while :; do sleep 1 & wait $!; done`,
];

if (await hasDocker()) {
  describe('a card that fills', () => {
    let card: string;
    let engine: TestEngine;
    let node: RealNode;
    let witness: AlertWitness;
    let alerts: Component;
    const usualFolder = process.env['TMPDIR'];

    before(async () => {
      // The engine with all its files lies on a card of its own: this machine's disk is not filled.
      card = mkdtempSync(join(tmpdir(), 'bc-'));
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${CARD_MIB}m`, 'tmpfs', card]);
      process.env['TMPDIR'] = card;
      engine = await startTestEngine({ isolated: true });
      if (usualFolder === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = usualFolder;
      await engine.docker('tag', TEST_IMAGE, 'bramble-test/needed:1');
      const eviction = { hard: parseEvictionHard(`imagefs.available<${MINIMUM_MIB}Mi`), minimumReclaim: new Map() };
      const guard = { eviction, pressureTransitionMs: 3_000 };
      node = await startRealNode({ engine, storagePath: card, guard });
      witness = await startAlertWitness(node.client, { patience: { DiskNearlyFull: { badMs: 0, goodMs: 0 } } });
      alerts = await startAlerts(node.client, witness);
    });
    after(async () => {
      await alerts?.stop();
      await witness?.stop();
      await node?.stop();
      await engine?.stop();
      execFileSync('umount', ['-l', card]);
      rmSync(card, { recursive: true, force: true });
    });

    it('keeps the log of a container to its size', async () => {
      const command = ['sh', '-c', 'yes 0123456789012345678901234567890123456789 | head -c 26000000'];
      await node.createPod('talker', { restartPolicy: 'Never', container: { command } });
      const { status } = await node.becomes('talker', 'Succeeded');
      const id = (status.containerStatuses?.[0]?.containerID ?? '').replace('docker://', '');
      const path = await engine.docker('inspect', '-f', '{{.LogPath}}', id);
      const folder = join(path, '..');
      const logs = readdirSync(folder).filter((name) => name.includes('-json.log'));
      const bytes = logs.reduce((total, name) => total + statSync(join(folder, name)).size, 0);
      assert.ok(logs.length === 2 && bytes <= 21 * MIB, `${logs.length} files of ${bytes} bytes`);
      await node.client.delete(PodKind, { namespace: 'default', name: 'talker' });
    });

    it('is told, and the pod that takes most beyond its request is ended, no other', async () => {
      await node.createPod('modest', { container: { command: writer(5) } });
      const asked = { requests: { 'ephemeral-storage': '100Mi' } };
      await node.createPod('entitled', { container: { command: writer(60), resources: asked } });
      await node.becomes('modest', 'Running');
      await node.becomes('entitled', 'Running');
      await node.shows('DiskPressure', 'False');
      await node.createPod('greedy', { container: { command: writer(GREEDY_MIB), image: 'bramble-test/needed:1' } });
      const { status } = await node.becomes('greedy', 'Failed');
      assert.equal(status.reason, 'Evicted');
      assert.match(status.message ?? '', /^The node was low on resource: ephemeral-storage\./);
      const disruption = getCondition(status.conditions, 'DisruptionTarget');
      assert.equal(disruption?.status, 'True');
      await node.shows('DiskPressure', 'True');
      for (const name of ['modest', 'entitled']) assert.equal((await node.getPod(name)).status.phase, 'Running');
      await node.until('the event', async () => (await node.events('EvictionThresholdMet')).length > 0);
      assert.match(
        await witness.begins('DiskNearlyFull', { kind: 'Node', name: node.name }),
        /^\d % of its disk are free$/,
      );
    });

    it('recovers, with the images of its pods still there', async () => {
      await node.shows('DiskPressure', 'False');
      assert.notEqual(await engine.docker('images', '-q', TEST_IMAGE), '');
      for (const name of ['modest', 'entitled']) assert.equal((await node.getPod(name)).status.phase, 'Running');
      await node.createPod('late', { container: { command: writer(1) } });
      await node.becomes('late', 'Running');
      await witness.isOver('DiskNearlyFull', { kind: 'Node', name: node.name });
    });
  });
}
