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
