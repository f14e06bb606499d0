/**
 * Which filters match a topic (MQTT 3.1.1, section 4.7), for many filters: one walk down the levels. Knows nothing of the
 * special place of `$` topics; who asks does.
 */
interface Level<V> {
  below: Map<string, Level<V>>;
  /** Of filters that end here. */
  values: Set<V>;
}

export class TopicTrie<V> {
  readonly #root: Level<V> = emptyLevel();

  add(filter: string, value: V): void {
    let level = this.#root;
    for (const word of filter.split('/')) {
      let next = level.below.get(word);
      if (next === undefined) {
        next = emptyLevel();
        level.below.set(word, next);
      }
      level = next;
    }
    level.values.add(value);
  }

  /** Fine when it is not there. Levels that nothing needs any more go too. */
  remove(filter: string, value: V): void {
    removeBelow(this.#root, filter.split('/'), { index: 0, value });
  }

  /** In no particular order; a value of several filters that match comes several times. */
  match(topic: string): V[] {
    const found: V[] = [];
    matchBelow(this.#root, topic.split('/'), { index: 0, found });
    return found;
  }
}

function emptyLevel<V>(): Level<V> {
  return { below: new Map(), values: new Set() };
}

function removeBelow<V>(level: Level<V>, words: readonly string[], at: { index: number; value: V }): void {
  const word = words[at.index];
  if (word === undefined) {
    level.values.delete(at.value);
    return;
  }
  const next = level.below.get(word);
  if (next === undefined) return;
  removeBelow(next, words, { index: at.index + 1, value: at.value });
  if (next.values.size === 0 && next.below.size === 0) level.below.delete(word);
}

function matchBelow<V>(level: Level<V>, words: readonly string[], at: { index: number; found: V[] }): void {
  const { index, found } = at;
  // 4.7.1.2: `a/#` matches `a` too.
  const rest = level.below.get('#');
  if (rest !== undefined) found.push(...rest.values);
  const word = words[index];
  if (word === undefined) {
    found.push(...level.values);
    return;
  }
  const below = { index: index + 1, found };
  const exact = level.below.get(word);
  if (exact !== undefined) matchBelow(exact, words, below);
  const one = level.below.get('+');
  if (one !== undefined) matchBelow(one, words, below);
}
