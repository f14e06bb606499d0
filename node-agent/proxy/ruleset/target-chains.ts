/**
 * Pure: the chain that sends a connection to one of some targets. Without affinity that is one rule with a random number;
 * with it, each target has a chain of its own that remembers its clients in a set that forgets by itself.
 */
import type { Portal, Target } from '../services/portal.ts';
import { type NamedSet, setOf } from './ruleset.ts';
import { FAMILY_WORDS } from './words.ts';

export interface TargetChains {
  /** The chain to go to. */
  name: string;
  chains: ReadonlyMap<string, readonly string[]>;
  sets: readonly NamedSet[];
}

export interface TargetChainOptions {
  name: string;
  /** Tells the portal's own chains and sets from those of others. */
  suffix: string;
  /** At least one. */
  targets: readonly Target[];
}

export function renderTargets(portal: Portal, options: TargetChainOptions): TargetChains {
  return portal.affinitySeconds > 0 ? withSessions(portal, options) : atRandom(portal, options);
}

function atRandom(portal: Portal, { name, targets }: TargetChainOptions): TargetChains {
  return { name, chains: new Map([[name, [renderNat(portal, targets)]]]), sets: [] };
}

/** `meta l4proto tcp dnat ip addr . port to numgen random mod 2 map { 0 : 10.42.0.5 . 80, 1 : 10.42.1.6 . 80 }` */
function renderNat({ protocol, family }: Portal, targets: readonly Target[]): string {
  const { header, nfproto } = FAMILY_WORDS[family];
  const start = `meta nfproto ${nfproto} meta l4proto ${protocol.toLowerCase()} dnat ${header}`;
  const [only] = targets;
  if (targets.length === 1 && only !== undefined) return `${start} to ${renderAddress(only)}`;
  const map = targets.map(({ address, port }, index) => `${index} : ${address} . ${port}`);
  return `${start} addr . port to numgen random mod ${targets.length} map { ${map.join(', ')} }`;
}

function renderAddress({ address, port }: Target): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function withSessions(portal: Portal, { name, suffix, targets }: TargetChainOptions): TargetChains {
  const { header, type } = FAMILY_WORDS[portal.family];
  const members = targets.map((target) => {
    const id = `${suffix}/${renderId(target)}`;
    // A set cannot change its timeout: another one has another name.
    return { target, chain: `to-${id}`, set: `seen-${portal.affinitySeconds}-${id}` };
  });
  const choices = members.map(({ chain }, index) => `${index} : goto ${chain}`);
  const rules = [
    ...members.map(({ chain, set }) => `${header} saddr @${set} goto ${chain}`),
    `numgen random mod ${members.length} vmap { ${choices.join(', ')} }`,
  ];
  const chains = members.map(({ target, chain, set }): [string, readonly string[]] => {
    return [chain, [`update @${set} { ${header} saddr }`, renderNat(portal, [target])]];
  });
  return {
    name,
    chains: new Map([[name, rules], ...chains]),
    sets: members.map(({ set }) => setOf(set, type, { timeoutSeconds: portal.affinitySeconds })),
  };
}

/** Names hold letters, digits, `/`, `-`, `_` and `.`: no colons. */
function renderId({ address, port }: Target): string {
  return `${address.replaceAll(':', '-')}_${port}`;
}
