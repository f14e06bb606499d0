/**
 * A board as its kernel shows it, with a dongle, under a real engine: the dongle is a resource that the scheduler counts, its pod
 * has just that device, and when it is pulled out the pod ends. Heat and voltage become conditions, and a quiet board is quiet.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createSystemDevices } from '../../node-agent/kubelet/devices/system-devices.ts';
import { NodeSensorsKind } from '../../shared/api/node-sensors.ts';
import { getCondition } from '../../shared/machinery/conditions.ts';
import { hasDocker, startTestEngine, type TestEngine } from '../support/docker.ts';
import { type RealNode, startRealNode } from '../support/real-node.ts';
import { BOARDS, type BoardRoot, type Tree, usbDevice, writeBoard } from '../unit/node-agent/boards.ts';

const PORT = '1-1.4';
const DONGLE = usbDevice(PORT, { vendor: '10c4', product: 'ea60', serial: '0001', nodes: ['tty/ttyUSB0'] });
const LINK = '/dev/serial/by-id/usb-Silicon_Labs_CP2102_0001-if00-port0';
const ZIGBEE = { resources: { limits: { 'bramble.dev/zigbee': '1' } } };

if (await hasDocker()) {
  describe('devices and sensors of a board', () => {
    let engine: TestEngine;
    let board: BoardRoot;
    let node: RealNode;
    let samples = 0;

    before(async () => {
      engine = await startTestEngine();
      board = writeBoard(BOARDS.PI4);
      mkdirSync(join(board.root, 'dev/serial/by-id'), { recursive: true });
      plug();
      const namesFile = join(board.root, 'names');
      writeFileSync(namesFile, `zigbee: ${LINK}\n`);
      const { root } = board;
      const guard = { devices: createSystemDevices({ root, namesFile }) };
      node = await startRealNode({ engine, root, guard, onSample: () => (samples += 1) });
    });
    after(async () => {
      await node?.stop();
      await engine?.stop();
    });

    /** Zeros can be read from it: it is the kernel's /dev/zero under another name. */
    function plug(): void {
      for (const [path, entry] of Object.entries<Tree[string]>(DONGLE)) board.write(path, entry);
      const path = join(board.root, 'dev/ttyUSB0');
      rmSync(path);
      execFileSync('mknod', [path, 'c', '1', '5']);
      symlinkSync(path, join(board.root, LINK));
    }

    function unplug(): void {
      for (const path of Object.keys(DONGLE)) board.remove(path);
      board.remove(LINK);
    }

    const allocatable = async () => (await node.getNode()).status.allocatable?.['bramble.dev/zigbee'];

    async function inMain(name: string, script: string): Promise<string> {
      const [main] = (await node.getPod(name)).status.containerStatuses ?? [];
      return engine.docker('exec', (main?.containerID ?? '').replace('docker://', ''), 'sh', '-c', script);
    }

    it('tells of the dongle by its name, of the board by its labels', async () => {
      await node.until('the resource', async () => (await allocatable()) === '1');
      const { metadata, status } = await node.getNode();
      assert.equal(metadata.labels?.['device.bramble.dev/zigbee'], '0001');
      assert.equal(metadata.labels?.['bramble.dev/model'], 'raspberry-pi-4-model-b-rev-1.4');
      assert.equal(status.capacity?.['bramble.dev/gpio'], '8');
    });

    it('gives the device to one pod, without privileges, and lets the next one wait', async () => {
      await node.createPod('first', { container: ZIGBEE });
      await node.becomes('first', 'Running');
      assert.equal(await inMain('first', 'echo $BRAMBLE_DEVICE_ZIGBEE'), '/dev/bramble/zigbee');
      assert.equal(await inMain('first', 'head -c 3 /dev/bramble/zigbee | od -An -tx1 | tr -d " "'), '000000');
      assert.equal(await inMain('first', 'ls /dev/ttyUSB0 /dev/gpiochip0 2>/dev/null | wc -l'), '0');
      const [main] = (await node.getPod('first')).status.containerStatuses ?? [];
      const id = (main?.containerID ?? '').replace('docker://', '');
      assert.equal(await engine.docker('inspect', '-f', '{{.HostConfig.Privileged}}', id), 'false');
      await node.createPod('second', { container: ZIGBEE });
      const told = await node.until('the event', async () => (await node.events('FailedScheduling')).at(0));
      assert.match(told, /^0\/1 nodes are available: 1 Insufficient bramble\.dev\/zigbee\.$/);
    });

    it('ends the pod when the dongle is pulled out, and gives the dongle to the next when it is back', async () => {
      unplug();
      const failed = await node.becomes('first', 'Failed');
      assert.match(failed.status.message ?? '', /zigbee/);
      await node.until('there is none', async () => (await allocatable()) === '0');
      plug();
      await node.becomes('second', 'Running');
      assert.equal(await inMain('second', 'head -c 1 /dev/bramble/zigbee | od -An -tx1 | tr -d " "'), '00');
    });

    it('shows heat, throttling and low voltage as conditions', async () => {
      await node.shows('bramble.dev/UnderVoltage', 'True');
      await node.shows('bramble.dev/Overheating', 'False');
      board.remove('sys/class/thermal/thermal_zone0/temp');
      board.write('sys/class/thermal/thermal_zone0/temp', '86000\n');
      board.remove('sys/devices/platform/soc/soc:firmware/get_throttled');
      board.write('sys/devices/platform/soc/soc:firmware/get_throttled', '4\n');
      await node.shows('bramble.dev/Overheating', 'True');
      await node.shows('bramble.dev/Throttled', 'True');
      const { conditions } = (await node.getNode()).status;
      assert.match(getCondition(conditions, 'bramble.dev/Overheating')?.message ?? '', /80/);
    });

    it('is measured by the same samples, and quiet while nothing changes', async () => {
      const sensorsNow = () => node.client.get(NodeSensorsKind, { name: node.name });
      /** Whether nothing was written during so many readings. */
      const quietFor = (readings: number) => {
        const last = { version: '', seen: 0 };
        return async (): Promise<boolean> => {
          const { resourceVersion: version } = (await sensorsNow()).metadata;
          if (version !== last.version) Object.assign(last, { version, seen: samples });
          return samples > last.seen + readings;
        };
      };
      const read = async (path: string) => {
        const request = { method: 'GET' as const, path, query: {}, headers: {}, signal: new AbortController().signal };
        const response = await node.handle(request);
        return response.type === 'object' ? JSON.stringify(response.body) : '';
      };
      await node.until('pods are measured', async () =>
        (await read('/apis/metrics.k8s.io/v1beta1/namespaces/default/pods')).includes('"second"'),
      );
      assert.match(await read('/apis/metrics.k8s.io/v1beta1/nodes'), /"memory":"1884000Ki"/);
      await node.until('the heat is told', async () => (await sensorsNow()).temperatureCelsius === 86);
      await node.until('the last change is told', quietFor(1));
      const { metadata } = await sensorsNow();
      const seen = samples;
      await node.until('three more readings', async () => samples >= seen + 3);
      assert.equal((await sensorsNow()).metadata.resourceVersion, metadata.resourceVersion, 'nothing was written');
    });
  });
}
