/**
 * The store against a model of a few lines, under random writes, group commits, compactions, restarts, and an informer that
 * resumes and lists again as a real one does. The model keeps every state it ever had; the store may say `compacted` only
 * where the model says that it may.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { SqliteStore } from '../../master/store/sqlite-store.ts';
import { type KeyValue, StoreError, type StoreEvent, type Write } from '../../master/store/store.ts';
import { createStoreFixture, type Restart, readHistory, type StoreFixture } from '../support/store-fixture.ts';

const KEYS = ['/a/1', '/a/2', '/a/3', '/a0', '/b/1', '/b/2', '/c/x/1', '/c/x/2', '/c/y'] as const;
const PREFIXES = ['', '/', '/a', '/a/', '/b/', '/c/', '/c/x/'] as const;
/** Memory writes go here only, so that `/a/` has a history that nothing may shorten but compaction. */
const VOLATILE_KEYS: readonly string[] = ['/b/1', '/b/2', '/c/x/1'];

type State = ReadonlyMap<string, KeyValue>;

class Model {
  /** Every visible state by the revision that made it, in order. */
  readonly states: { revision: number; state: State; event: StoreEvent | undefined }[];
  durable: State = new Map();
  compacted = 0;
  /** Directories with volatile keys, and the revision at which their lost history ends. */
  readonly floors = new Map<string, number>();

  constructor(revision: number) {
    this.states = [{ revision, state: new Map(), event: undefined }];
  }

  get present(): { revision: number; state: State } {
    return this.states.at(-1) ?? assert.fail('a model has a state');
  }

  write(write: Write): { ok: boolean; revision: number } {
    const { revision, state } = this.present;
    const { key, value } = write;
    const current = state.get(key);
    if (write.expectedRevision !== undefined && write.expectedRevision !== (current?.modRevision ?? 0)) {
      return { ok: false, revision };
    }
    if (value === undefined && current === undefined) return { ok: true, revision };
    const next = revision + 1;
    const keyValue =
      value === undefined
        ? undefined
        : { key, value, modRevision: next, createRevision: current?.createRevision ?? next };
    const event = keyValue
      ? { type: 'put' as const, keyValue, previous: current }
      : { type: 'delete' as const, key, revision: next, previous: current ?? assert.fail('deleted') };
    this.states.push({ revision: next, state: withKey(state, key, keyValue), event });
    const onDisk = write.durability !== 'memory';
    if (onDisk) this.durable = withKey(this.durable, key, keyValue);
    else if (!this.floors.has(directoryOf(key))) this.floors.set(directoryOf(key), 0);
    return { ok: true, revision: next };
  }

  restart(revision: number): void {
    this.states.push({ revision, state: this.durable, event: undefined });
    for (const directory of this.floors.keys()) this.floors.set(directory, revision);
  }

  /** The oldest revision whose state the store must still know for the prefix. */
  oldest(prefix: string): number {
    const floors = [...this.floors].filter(
      ([directory]) => directory.startsWith(prefix) || prefix.startsWith(directory),
    );
    return Math.max(this.compacted, ...floors.map(([, floor]) => floor));
  }

  itemsAt(prefix: string, revision: number): KeyValue[] {
    const { state } = this.states.findLast((entry) => entry.revision <= revision) ?? assert.fail('no state');
    return sorted([...state.values()].filter(({ key }) => key.startsWith(prefix)));
  }

  eventsAfter(prefix: string, revision: number): StoreEvent[] {
    return this.states.flatMap(({ event }) =>
      event && revisionOf(event) > revision && keyOf(event).startsWith(prefix) ? [event] : [],
    );
  }
}

/** A client with a copy of a prefix: it resumes from its last revision, and lists again when it is told that it cannot. */
class Follower {
  readonly prefix: string;
  #revision = 0;
  #copy = new Map<string, KeyValue>();
  relists = 0;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  async sync(store: SqliteStore): Promise<KeyValue[]> {
    try {
      if (this.#revision === 0) await this.#relist(store);
      else for (const event of await readHistory(store, this.prefix, this.#revision)) this.#apply(event);
    } catch (error) {
      if (!isCompacted(error)) throw error;
      await this.#relist(store);
    }
    this.#revision = store.revision();
    return sorted([...this.#copy.values()]);
  }

  async #relist(store: SqliteStore): Promise<void> {
    this.relists += 1;
    const { items } = await store.list({ prefix: this.prefix });
    this.#copy = new Map(items.map((item) => [item.key, item]));
  }

  #apply(event: StoreEvent): void {
    assert.deepEqual(event.previous, this.#copy.get(keyOf(event)), 'previous is what the watcher saw last');
    if (event.type === 'put') this.#copy.set(event.keyValue.key, event.keyValue);
    else this.#copy.delete(event.key);
  }
}

interface World {
  fixture: StoreFixture<SqliteStore>;
  model: Model;
  followers: readonly Follower[];
}

type Step =
  | { do: 'write'; writes: readonly PlannedWrite[] }
  | { do: 'compact'; back: number }
  | { do: 'restart'; how: Restart }
  | { do: 'list'; prefix: string; back: number; limit: number }
  | { do: 'watch'; prefix: string; back: number }
  | { do: 'follow'; follower: number };

interface PlannedWrite {
  key: string;
  value: string | undefined;
  compare: 'never' | 'present' | 'stale' | 'absent';
  memory: boolean;
}

const plannedWrite: fc.Arbitrary<PlannedWrite> = fc.record({
  key: fc.constantFrom(...KEYS),
  value: fc.option(fc.string({ maxLength: 4 }), { nil: undefined, freq: 3 }),
  compare: fc.constantFrom('never', 'never', 'present', 'stale', 'absent'),
  memory: fc.boolean(),
});
const back = fc.nat({ max: 30 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      writes: fc.array(plannedWrite, { minLength: 1, maxLength: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('compact' as const), back }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('restart' as const),
      how: fc.constantFrom('clean' as const, 'crash' as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('list' as const),
      prefix: fc.constantFrom(...PREFIXES),
      back,
      limit: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('watch' as const), prefix: fc.constantFrom(...PREFIXES), back }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('follow' as const), follower: fc.nat({ max: PREFIXES.length - 1 }) }),
  },
);

const EXECUTORS: { [K in Step['do']]: (world: World, step: Extract<Step, { do: K }>) => Promise<void> } = {
  async write({ fixture, model }, { writes }) {
    const { state } = model.present;
    const concrete = writes.map((write) => toWrite(write, state.get(write.key)?.modRevision ?? 0));
    const results = await Promise.all(concrete.map((write) => fixture.store.write(write)));
    const expected = concrete.map((write) => model.write(write));
    results.forEach((result, index) => {
      assert.equal(result.ok, expected[index]?.ok);
      if (result.ok) assert.equal(result.revision, expected[index]?.revision);
    });
  },
  async compact({ fixture, model }, { back }) {
    const revision = revisionBack(model, back);
    await fixture.store.compact(revision);
    model.compacted = Math.max(model.compacted, revision);
  },
  async restart({ fixture, model }, { how }) {
    const store = await fixture.restart(how);
    assert.ok(store.revision() >= model.present.revision, 'revisions never go back');
    model.restart(store.revision());
  },
  async list({ fixture, model }, { prefix, back, limit }) {
    const revision = revisionBack(model, back);
    const items: KeyValue[] = [];
    const read = async (): Promise<number> => {
      const startAfter = items.at(-1)?.key;
      const page = await fixture.store.list({
        prefix,
        revision,
        limit,
        ...(startAfter === undefined ? {} : { startAfter }),
      });
      items.push(...page.items);
      return page.remaining;
    };
    if (revision < model.oldest(prefix)) return assert.rejects(read(), isCompacted);
    const expected = model.itemsAt(prefix, revision);
    for (let remaining = -1; remaining !== 0; ) {
      remaining = await read();
      assert.equal(remaining, expected.length - items.length);
    }
    assert.deepEqual(items, expected);
  },
  async watch({ fixture, model }, { prefix, back }) {
    const revision = revisionBack(model, back);
    if (revision < model.oldest(prefix))
      return assert.rejects(readHistory(fixture.store, prefix, revision), isCompacted);
    assert.deepEqual(await readHistory(fixture.store, prefix, revision), model.eventsAfter(prefix, revision));
  },
  async follow({ fixture, model, followers }, { follower }) {
    const chosen = followers[follower] ?? assert.fail('no such follower');
    assert.deepEqual(await chosen.sync(fixture.store), model.itemsAt(chosen.prefix, model.present.revision));
  },
};

async function execute<K extends Step['do']>(world: World, step: Extract<Step, { do: K }> & { do: K }): Promise<void> {
  await EXECUTORS[step.do](world, step);
}

async function runSteps(where: 'file' | 'memory', steps: readonly Step[]): Promise<void> {
  const fixture = await createStoreFixture(where);
  try {
    const model = new Model(fixture.store.revision());
    const world = { fixture, model, followers: PREFIXES.map((prefix) => new Follower(prefix)) };
    for (const step of steps) await execute(world, step);
    for (const [follower] of PREFIXES.entries()) await EXECUTORS.follow(world, { do: 'follow', follower });
    for (const prefix of PREFIXES) await EXECUTORS.watch(world, { do: 'watch', prefix, back: 10 });
    const durable = world.followers.find(({ prefix }) => prefix === '/a/');
    if (!steps.some((step) => step.do === 'compact'))
      assert.ok((durable?.relists ?? 0) <= 1, 'restarts alone cost no list');
  } finally {
    await fixture.dispose();
  }
}

const SEED = 20261122;

it('behaves as its model, in memory', async () => {
  const steps = fc.array(step, { minLength: 5, maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(steps, (list) => runSteps('memory', list)),
    { seed: SEED, numRuns: 200 },
  );
});

it('behaves as its model, on a file', async () => {
  const steps = fc.array(step, { minLength: 5, maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(steps, (list) => runSteps('file', list)),
    { seed: SEED, numRuns: 40 },
  );
});

function toWrite({ key, value, compare, memory }: PlannedWrite, modRevision: number): Write {
  const durability = memory && VOLATILE_KEYS.includes(key) ? 'memory' : 'disk';
  if (compare === 'never') return { key, value, durability };
  const expected = { present: modRevision, stale: Math.max(modRevision - 1, 1), absent: 0 };
  return { key, value, durability, expectedRevision: expected[compare] };
}

/** A revision that clients may hold: one that the store had, not one that it skipped. */
function revisionBack(model: Model, back: number): number {
  const index = Math.max(0, model.states.length - 1 - back);
  return model.states[index]?.revision ?? 0;
}

function withKey(state: State, key: string, keyValue: KeyValue | undefined): State {
  const next = new Map(state);
  if (keyValue === undefined) next.delete(key);
  else next.set(key, keyValue);
  return next;
}

function sorted(items: KeyValue[]): KeyValue[] {
  return items.sort((a, b) => (a.key < b.key ? -1 : 1));
}

function directoryOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/') + 1);
}

function keyOf(event: StoreEvent): string {
  return event.type === 'put' ? event.keyValue.key : event.key;
}

function revisionOf(event: StoreEvent): number {
  return event.type === 'put' ? event.keyValue.modRevision : event.revision;
}

function isCompacted(error: unknown): boolean {
  return error instanceof StoreError && error.reason === 'compacted';
}
