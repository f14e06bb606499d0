/** Addresses of pods: each given once, none that is taken, and one that has become free rests. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PodAddresses } from '../../../../node-agent/container-runtime/pod-addresses.ts';

const FIRST = '10.42.1.2';

test('the range, its first and its last address are not for pods; both families go together', async () => {
  const addresses = new PodAddresses(async () => new Set());
  const given: string[][] = [];
  for (let count = 0; count < 13; count += 1)
    given.push((await addresses.take(['10.42.1.0/28', 'fd42::/64'])).addresses);
  assert.deepEqual(given[0], [FIRST, 'fd42::2']);
  assert.deepEqual(given.at(-1), ['10.42.1.14', 'fd42::e']);
  await assert.rejects(addresses.take(['10.42.1.0/28', 'fd42::/64']), { reason: 'failed' });
});

test('those of sandboxes on the engine are not given; what has become free is given last', async () => {
  const taken = new Set(['10.42.1.2', '10.42.1.4']);
  const addresses = new PodAddresses(async () => taken);
  const take = async (): Promise<string> => {
    const lease = await addresses.take(['10.42.1.0/29']);
    lease.settle();
    return lease.addresses.join();
  };
  assert.deepEqual([await take(), await take(), await take()], ['10.42.1.3', '10.42.1.5', '10.42.1.6']);
  taken.delete('10.42.1.2');
  assert.deepEqual([await take(), await take()], ['10.42.1.2', '10.42.1.3']);
});

test('another slice: nothing of the old one is given any more', async () => {
  const addresses = new PodAddresses(async () => new Set());
  await addresses.take(['10.42.1.0/24']);
  assert.equal((await addresses.take(['10.42.2.0/24'])).addresses[0]?.startsWith('10.42.2.'), true);
});

test('however starts and ends interleave, no address has two pods', async () => {
  const steps = fc.array(fc.record({ ends: fc.boolean(), pick: fc.nat(), settles: fc.boolean() }), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const onEngine = new Set<string>();
      const addresses = new PodAddresses(async () => new Set(onEngine));
      const held: { address: string; settle(): void }[] = [];
      for (const { ends, pick, settles } of list) {
        if (ends && held.length > 0) {
          const [gone] = held.splice(pick % held.length, 1);
          gone?.settle();
          onEngine.delete(gone?.address ?? '');
          continue;
        }
        const lease = await addresses.take(['10.42.1.0/28']).catch(() => undefined);
        if (lease === undefined) {
          assert.equal(held.length, 13);
          continue;
        }
        const [address = ''] = lease.addresses;
        assert.ok(!held.some((one) => one.address === address), address);
        onEngine.add(address);
        if (settles) lease.settle();
        held.push({ address, settle: lease.settle });
      }
    }),
    { seed: 7, numRuns: 200 },
  );
});
