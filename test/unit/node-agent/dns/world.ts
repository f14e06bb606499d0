/** A small cluster with one service of each sort. */
import { service, slice, type World } from './zone-fixture.ts';

export const WORLD: World = {
  services: [
    service('default/kubernetes', {
      clusterIP: '10.43.0.1',
      clusterIPs: ['10.43.0.1'],
      ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: 6443 }],
    }),
    service('shop/web', {
      clusterIP: '10.43.7.9',
      clusterIPs: ['10.43.7.9', 'fd43::79'],
      ports: [
        { name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 },
        { name: 'quic', protocol: 'UDP', port: 443, targetPort: 8443 },
      ],
    }),
    service('shop/plain', {
      clusterIP: '10.43.7.10',
      ports: [{ protocol: 'TCP', port: 80, targetPort: 80 }],
    }),
    service('shop/db', {
      clusterIP: 'None',
      clusterIPs: ['None'],
      ports: [{ name: 'sql', protocol: 'TCP', port: 5432, targetPort: 5432 }],
    }),
    service('shop/empty', { clusterIP: 'None', ports: [{ name: 'x', protocol: 'TCP', port: 1, targetPort: 1 }] }),
    service('shop/mirror', { type: 'ExternalName', externalName: 'Archive.Example.org.' }),
    service('shop/alias', { type: 'ExternalName', externalName: 'web.shop.svc.cluster.local' }),
    service('shop/address', { type: 'ExternalName', externalName: '192.0.2.1' }),
  ],
  slices: [
    slice('shop/web', [{ addresses: ['10.42.1.5'], conditions: { ready: true } }], {
      ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
    }),
    slice(
      'shop/db',
      [
        { addresses: ['10.42.1.7'], hostname: 'db-0', conditions: { ready: true } },
        { addresses: ['10.42.2.7'], hostname: 'db-1', conditions: {} },
        { addresses: ['10.42.2.8'], conditions: { ready: true } },
        { addresses: ['10.42.2.9'], hostname: 'db-9', conditions: { ready: false } },
      ],
      { ports: [{ name: 'sql', protocol: 'TCP', port: 5432 }] },
    ),
    slice('shop/db', [{ addresses: ['fd42::7'], hostname: 'db-0', conditions: { ready: true } }], {
      part: '2',
      addressType: 'IPv6',
      ports: [{ name: 'sql', protocol: 'TCP', port: 5432 }],
    }),
    slice('shop/empty', [{ addresses: ['10.42.2.11'], conditions: { ready: false } }]),
  ],
};

const MQTT = { name: 'mqtt', protocol: 'TCP', port: 1883 } as const;
const COAP = { name: 'coap', protocol: 'UDP', port: 5683 } as const;

/** Both families in every order, alone, and mixed in a StatefulSet's headless service; ports of both protocols. */
export const DUAL_STACK: World = {
  services: [
    service('home/six-first', {
      clusterIP: 'fd43::6',
      clusterIPs: ['fd43::6', '10.43.0.6'],
      ports: [{ ...MQTT, targetPort: 1883 }],
    }),
    service('home/six-only', { clusterIP: 'fd43::7', clusterIPs: ['fd43::7'], ports: [{ ...COAP, targetPort: 5683 }] }),
    service('home/broker', {
      clusterIP: 'None',
      clusterIPs: ['None'],
      ports: [
        { ...MQTT, targetPort: 1883 },
        { ...COAP, targetPort: 5683 },
        { protocol: 'TCP', port: 9000, targetPort: 9000 },
      ],
    }),
    // A headless service without ports has names of its pods all the same.
    service('home/quiet', { clusterIP: 'None', clusterIPs: ['None'] }),
  ],
  slices: [
    slice(
      'home/broker',
      [
        {
          addresses: ['10.42.0.7'],
          hostname: 'Broker-0',
          conditions: { ready: true, serving: true, terminating: false },
        },
        {
          addresses: ['10.42.1.7'],
          hostname: 'broker-1',
          conditions: { ready: false, serving: true, terminating: true },
        },
        { addresses: ['10.42.2.7'], conditions: {} },
      ],
      { ports: [MQTT, COAP, { name: '', protocol: 'TCP', port: 9000 }] },
    ),
    slice(
      'home/broker',
      [
        { addresses: ['fd42::7'], hostname: 'broker-0', conditions: {} },
        { addresses: ['fd42:0:0:2::7'], conditions: {} },
      ],
      {
        part: '2',
        addressType: 'IPv6',
        ports: [MQTT, COAP],
      },
    ),
    slice('home/quiet', [{ addresses: ['10.42.0.8'], hostname: 'quiet-0', conditions: { ready: true } }]),
  ],
};
