/**
 * A watch with any selector, begun at any revision, at any time, rebuilt into a map, is always the list with that selector.
 * The model is the definition of a watch; the seed is fixed, so that a failure comes back.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Any, CONFIG_MAPS, configMap, startApi } from '../../conformance/api-fixture.ts';

type Op = { name: string; do: 'put' | 'delete' | 'label' | 'unlabel' };

const op: fc.Arbitrary<Op> = fc.record({
  name: fc.constantFrom('a', 'b', 'c'),
  do: fc.constantFrom('put' as const, 'delete' as const, 'label' as const, 'unlabel' as const),
});

const SELECTORS = ['', 'labelSelector=on%3Dyes', 'fieldSelector=metadata.name%3Db', 'labelSelector=!on'];

test('list and watch agree', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(op, { maxLength: 30 }),
      fc.nat(29),
      fc.nat(SELECTORS.length - 1),
      async (ops, at, which) => {
        const api = await startApi();
        try {
          const selector = SELECTORS[which] ?? '';
          await run(api, ops.slice(0, at));
          const { body: start } = await api.get(`${CONFIG_MAPS}?${selector}`);
          await run(api, ops.slice(at));
          const watch = await api.watch(
            `${CONFIG_MAPS}?watch=true&${selector}&resourceVersion=${start.metadata.resourceVersion}`,
          );
          const { body: end } = await api.get(`${CONFIG_MAPS}?${selector}`);
          const seen = new Map<string, string>(start.items.map(entry));
          const wanted = new Map<string, string>(end.items.map(entry));
          const reading = (async () => {
            for (let event = await watch.next(); event !== undefined; event = await watch.next()) apply(seen, event);
          })();
          await api.clock.settle();
          await watch.stop();
          await reading;
          assert.deepEqual(seen, wanted);
        } finally {
          await api.stop();
        }
      },
    ),
    { seed: 4, numRuns: 40 },
  );
});

function entry(object: Any): [string, string] {
  return [object.metadata.name, object.metadata.resourceVersion];
}

/** An event that does not fit what was seen before is a broken watch. */
function apply(seen: Map<string, string>, { type, object }: Any): void {
  const [name, revision] = entry(object);
  assert.equal(seen.has(name), type !== 'ADDED', `${type} ${name}`);
  if (type === 'DELETED') seen.delete(name);
  else seen.set(name, revision);
}

async function run(api: Awaited<ReturnType<typeof startApi>>, ops: readonly Op[]): Promise<void> {
  for (const [index, { name, do: action }] of ops.entries()) {
    const path = `${CONFIG_MAPS}/${name}`;
    const labels = { metadata: { labels: { on: action === 'label' ? 'yes' : null } } };
    if (action === 'delete') await api.delete(path);
    else if (action !== 'put') await api.patch(path, 'merge', labels);
    else if ((await api.post(CONFIG_MAPS, configMap(name))).code === 409) {
      await api.patch(path, 'merge', { data: { index: String(index) } });
    }
  }
}
