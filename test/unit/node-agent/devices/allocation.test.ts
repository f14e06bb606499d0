/** Who gets which device, what a container sees of it, and what the Node tells. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Allocations, allocatePod, type DeviceGrant } from '../../../../node-agent/kubelet/devices/allocation.ts';
import { renderContainerDevices } from '../../../../node-agent/kubelet/devices/container-devices.ts';
import type { Device } from '../../../../node-agent/kubelet/devices/device.ts';
import { DEVICES_ANNOTATION, parseDeviceAnnotation } from '../../../../node-agent/kubelet/devices/device-annotation.ts';
import {
  applyNames,
  parseDeviceNames,
  readNameAnnotations,
} from '../../../../node-agent/kubelet/devices/named-devices.ts';
import { renderDevices } from '../../../../node-agent/kubelet/devices/render-devices.ts';
import type { Pod } from '../../../../shared/api/pod.ts';
import { container, pod } from '../kubelet/builders.ts';

function dongle(number: number, over: Partial<Device> = {}): Device {
  const path = `/dev/ttyUSB${number}`;
  return {
    id: `usb-10c4-ea60-000${number}`,
    names: ['serial', 'usb-10c4-ea60'],
    nodes: [{ hostPath: path, containerPath: undefined }],
    shares: 1,
    serial: `000${number}`,
    paths: [path, `/dev/serial/by-id/usb-Silicon_Labs_${number}`],
    ...over,
  };
}

const I2C: Device = {
  id: 'i2c-1',
  names: ['i2c-1'],
  nodes: [{ hostPath: '/dev/i2c-1', containerPath: '/dev/i2c-1' }],
  shares: 8,
  serial: '',
  paths: ['/dev/i2c-1'],
};

type Wish = Record<string, number>;

function limits(wish: Wish): { resources: { limits: Record<string, string> } } {
  return {
    resources: {
      limits: Object.fromEntries(Object.entries(wish).map(([name, count]) => [`bramble.dev/${name}`, `${count}`])),
    },
  };
}

function asking(uid: string, mains: Wish[], inits: (Wish & { sidecar?: number })[] = []): Pod {
  return pod({
    metadata: { uid, name: uid },
    spec: {
      containers: mains.map((wish, index) => container(`main-${index}`, limits(wish))),
      initContainers: inits.map(({ sidecar, ...wish }, index) =>
        container(`init-${index}`, { ...limits(wish), ...(sidecar ? { restartPolicy: 'Always' } : {}) }),
      ),
    },
  });
}

function allocate(wanted: Pod, devices: readonly Device[], allocations = new Allocations()) {
  const result = allocatePod(wanted, devices, allocations);
  if ('grants' in result) allocations.set(wanted.metadata.uid, result.grants);
  return result;
}

const shown = (result: ReturnType<typeof allocatePod>): string[] =>
  'grants' in result
    ? result.grants.map(({ container: name, name: resource, deviceId }) => `${name} ${resource} ${deviceId}`)
    : [`short of ${result.shortage.name}: ${result.shortage.available} of ${result.shortage.requested}`];

describe('allocation', () => {
  it('gives each pod a device of its own', () => {
    const allocations = new Allocations();
    const devices = [dongle(1), dongle(2)];
    assert.deepEqual(shown(allocate(asking('a', [{ serial: 1 }]), devices, allocations)), [
      'main-0 serial usb-10c4-ea60-0001',
    ]);
    assert.deepEqual(shown(allocate(asking('b', [{ serial: 1 }]), devices, allocations)), [
      'main-0 serial usb-10c4-ea60-0002',
    ]);
    assert.deepEqual(shown(allocate(asking('c', [{ serial: 1 }]), devices, allocations)), ['short of serial: 0 of 1']);
    allocations.delete('a');
    assert.deepEqual(shown(allocate(asking('c', [{ serial: 1 }]), devices, allocations)), [
      'main-0 serial usb-10c4-ea60-0001',
    ]);
  });
  it('a device has one owner, whatever it is asked for by', () => {
    const allocations = new Allocations();
    allocate(asking('a', [{ 'usb-10c4-ea60': 1 }]), [dongle(1)], allocations);
    assert.deepEqual(shown(allocate(asking('b', [{ serial: 1 }]), [dongle(1)], allocations)), [
      'short of serial: 0 of 1',
    ]);
  });
  it('serves special wishes first', () => {
    const zigbee = dongle(1, { names: ['serial', 'zigbee'] });
    assert.deepEqual(shown(allocate(asking('a', [{ serial: 2, zigbee: 1 }]), [zigbee, dongle(2)])), [
      'main-0 zigbee usb-10c4-ea60-0001',
      'main-0 serial usb-10c4-ea60-0001',
      'main-0 serial usb-10c4-ea60-0002',
    ]);
  });
  it('one container may ask for one dongle by two names', () => {
    assert.deepEqual(shown(allocate(asking('a', [{ serial: 1, 'usb-10c4-ea60': 1 }]), [dongle(1)])), [
      'main-0 serial usb-10c4-ea60-0001',
      'main-0 usb-10c4-ea60 usb-10c4-ea60-0001',
    ]);
  });
  it('two containers of a pod do not share', () => {
    assert.deepEqual(shown(allocate(asking('a', [{ serial: 1 }, { serial: 1 }]), [dongle(1)])), [
      'short of serial: 0 of 1',
    ]);
  });
  it('init containers use what the main ones will have, sidecars have their own', () => {
    assert.deepEqual(shown(allocate(asking('a', [{ serial: 1 }], [{ serial: 1 }]), [dongle(1)])), [
      'main-0 serial usb-10c4-ea60-0001',
      'init-0 serial usb-10c4-ea60-0001',
    ]);
    assert.deepEqual(shown(allocate(asking('a', [{ serial: 1 }], [{ serial: 1, sidecar: 1 }]), [dongle(1)])), [
      'short of serial: 0 of 1',
    ]);
  });
  it('buses are shared', () => {
    const allocations = new Allocations();
    for (let count = 0; count < 8; count += 1) {
      assert.equal(shown(allocate(asking(`p${count}`, [{ 'i2c-1': 1 }]), [I2C], allocations)).length, 1);
    }
    assert.deepEqual(shown(allocate(asking('late', [{ 'i2c-1': 1 }]), [I2C], allocations)), ['short of i2c-1: 0 of 1']);
  });

  const wish = fc.record({ serial: fc.nat(2), 'usb-10c4-ea60': fc.nat(2), 'i2c-1': fc.nat(3) });
  it('never gives one share to two pods, and tells the scheduler what is left', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ wish, leaves: fc.boolean() }), { maxLength: 12 }), (arrivals) => {
        const devices = [dongle(1), dongle(2), { ...I2C, shares: 3 }];
        const allocations = new Allocations();
        const asked = new Map<string, Wish>();
        arrivals.forEach(({ wish: wanted, leaves }, index) => {
          const uid = `p${index}`;
          const result = allocate(asking(uid, [wanted]), devices, allocations);
          if ('grants' in result && leaves) allocations.delete(uid);
          else if ('grants' in result) asked.set(uid, wanted);
          const owners = new Map<string, string>();
          for (const [owner, grants] of allocations.entries()) {
            for (const { deviceId, share } of grants) {
              const key = `${deviceId} ${share}`;
              assert.ok((owners.get(key) ?? owner) === owner, `${key} has two owners`);
              owners.set(key, owner);
            }
          }
          checkLeft(devices, allocations, asked);
        });
      }),
      { seed: 1, numRuns: 200 },
    );
  });
});

/** What a scheduler that adds up requests takes for free can really be had. */
function checkLeft(devices: readonly Device[], allocations: Allocations, asked: ReadonlyMap<string, Wish>): void {
  const { allocatable } = renderDevices(devices, allocations);
  for (const name of ['serial', 'usb-10c4-ea60', 'i2c-1']) {
    const requested = [...asked.values()].reduce((total, wish) => total + (wish[name] ?? 0), 0);
    const left = Number(allocatable[`bramble.dev/${name}`]) - requested;
    const probe = (count: number): boolean =>
      'grants' in allocatePod(asking('probe', [{ [name]: count }]), devices, allocations);
    assert.ok(left >= 0 && (left === 0 || probe(left)), `${left} of ${name} are said to be left`);
    assert.ok(!probe(left + 1), `more than ${left} of ${name} are left`);
  }
}

describe('the Node', () => {
  it('tells of devices by labels and amounts', () => {
    const allocations = new Allocations();
    allocate(asking('a', [{ serial: 1 }]), [dongle(1), I2C], allocations);
    assert.deepEqual(renderDevices([dongle(1), I2C], allocations, ['zigbee']), {
      labels: {
        'device.bramble.dev/i2c-1': 'present',
        'device.bramble.dev/serial': '0001',
        'device.bramble.dev/usb-10c4-ea60': '0001',
      },
      capacity: {
        'bramble.dev/i2c-1': '8',
        'bramble.dev/serial': '1',
        'bramble.dev/usb-10c4-ea60': '1',
        'bramble.dev/zigbee': '0',
      },
      // The dongle is taken as `serial`: by its other name there is none left.
      allocatable: {
        'bramble.dev/i2c-1': '8',
        'bramble.dev/serial': '1',
        'bramble.dev/usb-10c4-ea60': '0',
        'bramble.dev/zigbee': '0',
      },
    });
  });
});

describe('a container', () => {
  const grant = (name: string, device: Device): DeviceGrant => ({
    ...{ container: 'main', name, deviceId: device.id, share: 0, nodes: device.nodes },
  });
  it('gets its devices under lasting paths, and variables that name them', () => {
    const { devices, env, annotations } = renderContainerDevices([grant('zigbee', dongle(3)), grant('i2c-1', I2C)]);
    assert.deepEqual(devices, [
      { hostPath: '/dev/ttyUSB3', containerPath: '/dev/bramble/zigbee', permissions: 'rw' },
      { hostPath: '/dev/i2c-1', containerPath: '/dev/i2c-1', permissions: 'rw' },
    ]);
    assert.deepEqual(env, [
      { name: 'BRAMBLE_DEVICE_ZIGBEE', value: '/dev/bramble/zigbee' },
      { name: 'BRAMBLE_DEVICE_I2C_1', value: '/dev/i2c-1' },
    ]);
    assert.deepEqual(parseDeviceAnnotation('main', annotations), [grant('zigbee', dongle(3)), grant('i2c-1', I2C)]);
  });
  it('tells several of one name apart', () => {
    const { env } = renderContainerDevices([grant('serial', dongle(1)), grant('serial', dongle(2))]);
    assert.equal(env[0]?.value, '/dev/bramble/serial,/dev/bramble/serial-1');
  });
  it('without devices gets nothing', () => {
    assert.deepEqual(renderContainerDevices([]), { devices: [], env: [], annotations: {} });
  });
  for (const text of ['', '{', '{}', '[1]', '[["a"]]', 'null']) {
    it(`an annotation that says ${JSON.stringify(text)} says nothing`, () => {
      assert.deepEqual(parseDeviceAnnotation('main', { [DEVICES_ANNOTATION]: text }), []);
    });
  }
});

describe('names', () => {
  it('come from a file', () => {
    const text = [
      '# my dongles',
      'bramble.dev/zigbee: /dev/serial/by-id/usb-Silicon_Labs_1  # the white one',
      'modem: usb:12d1:1001:ABC',
      '"quoted": "/dev/ttyAMA0"',
      'Bad_Name: /dev/ttyAMA0',
      'outside: /etc/passwd',
      'up: /dev/../etc/passwd',
      'nothing',
    ].join('\n');
    assert.deepEqual(
      [...parseDeviceNames(text)],
      [
        ['zigbee', '/dev/serial/by-id/usb-Silicon_Labs_1'],
        ['modem', 'usb:12d1:1001:ABC'],
        ['quoted', '/dev/ttyAMA0'],
      ],
    );
  });
  it('come from annotations of the Node', () => {
    const names = readNameAnnotations({ 'device.bramble.dev/zigbee': '/dev/ttyUSB0', 'bramble.dev/other': '/dev/x' });
    assert.deepEqual([...names], [['zigbee', '/dev/ttyUSB0']]);
  });
  it('are further names of what was found, or make a device of what was not', () => {
    const names = new Map([
      ['zigbee', '/dev/serial/by-id/usb-Silicon_Labs_1'],
      ['stick', 'usb:10c4:ea60:0002'],
      ['console', '/dev/ttyAMA0'],
      ['gone', '/dev/ttyAMA1'],
    ]);
    const find = (path: string) => (path === '/dev/ttyAMA0' ? { hostPath: path, containerPath: undefined } : undefined);
    const found = applyNames([dongle(1), dongle(2)], names, find);
    assert.deepEqual(
      found.map(({ id, names: own }) => `${id} ${own.join(',')}`),
      [
        'path-dev-ttyAMA0 console',
        'usb-10c4-ea60-0001 serial,usb-10c4-ea60,zigbee',
        'usb-10c4-ea60-0002 serial,usb-10c4-ea60,stick',
      ],
    );
  });
});
