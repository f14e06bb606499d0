import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { it } from 'node:test';
import fc from 'fast-check';
import {
  addressIn,
  countSubnets,
  formatIp,
  formatRange,
  parseIp,
  parseRange,
  rangeContains,
  rangesOverlap,
  subnetAt,
} from '../../../shared/machinery/ip-range.ts';
import { defined } from '../../../shared/platform/assert.ts';

const range = (text: string) => defined(parseRange(text), text);
const ip = (text: string) => defined(parseIp(text), text);

it('addresses are read and written as RFC 5952 has it', () => {
  const table: [string, string | undefined][] = [
    ['10.42.0.1', '10.42.0.1'],
    ['255.255.255.255', '255.255.255.255'],
    ['10.042.0.1', undefined],
    ['10.42.0.256', undefined],
    ['10.42.0', undefined],
    ['', undefined],
    ['::', '::'],
    ['::1', '::1'],
    ['FD42:0:0:1::', 'fd42:0:0:1::'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['::ffff:10.0.0.1', '::ffff:a00:1'],
    ['1::2::3', undefined],
    ['1:2:3:4:5:6:7:8:9', undefined],
    ['1:2:3:4:5:6::8', '1:2:3:4:5:6:0:8'],
    ['1:2:3:4:5:6:7::8', undefined],
    ['fe80::1%eth0', undefined],
    ['12345::', undefined],
    [':1:2:3:4:5:6:7', undefined],
  ];
  for (const [text, expected] of table) {
    const address = parseIp(text);
    assert.equal(address && formatIp(address), expected, text);
  }
});

it('what is an address for us is one for Node, and is written so that it is read as the same', () => {
  const family = fc.oneof(fc.ipV4(), fc.ipV6());
  fc.assert(
    fc.property(family, (text) => {
      const address = parseIp(text);
      assert.equal(address === undefined, isIP(text) === 0);
      if (address !== undefined) assert.deepEqual(parseIp(formatIp(address)), address);
    }),
    { seed: 11 },
  );
});

it('ranges', () => {
  assert.equal(formatRange(range('10.42.3.7/24')), '10.42.3.0/24');
  assert.equal(formatRange(range('fd42::1/64')), 'fd42::/64');
  for (const bad of ['10.42.0.0', '10.42.0.0/33', 'fd42::/129', '10.42.0.0/', '/24', '10.42.0.0/024', 'x/1']) {
    assert.equal(parseRange(bad), undefined, bad);
  }
  assert.ok(rangeContains(range('10.42.0.0/16'), ip('10.42.255.1')));
  assert.ok(!rangeContains(range('10.42.0.0/16'), ip('10.43.0.0')));
  assert.ok(!rangeContains(range('0.0.0.0/0'), ip('::1')));
  assert.ok(rangesOverlap(range('10.42.3.0/24'), range('10.42.0.0/16')));
  assert.ok(!rangesOverlap(range('10.42.3.0/24'), range('10.42.4.0/24')));
  assert.equal(countSubnets(range('10.42.0.0/16'), 24), 256);
  assert.equal(countSubnets(range('10.42.0.0/24'), 16), 0);
  assert.equal(formatRange(subnetAt(range('10.42.0.0/16'), 24, 7)), '10.42.7.0/24');
  assert.equal(formatRange(subnetAt(range('fd42::/48'), 64, 258)), 'fd42:0:0:102::/64');
  assert.equal(addressIn(range('10.42.7.0/24'), 1), '10.42.7.1');
});
