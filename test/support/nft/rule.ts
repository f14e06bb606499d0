/** The part of nft's language that we render, as steps that a packet can be led through. Anything else is an error. */
import { NftError } from './errors.ts';

export type Verdict = { type: 'accept' | 'drop' | 'reject' } | { type: 'jump' | 'goto'; chain: string };

/** What a match looks at: `ip saddr`, `th dport`, … ; several for a concatenation. */
export type Field =
  | 'ip saddr'
  | 'ip daddr'
  | 'ip6 saddr'
  | 'ip6 daddr'
  | 'meta l4proto'
  | 'th dport'
  | 'meta nfproto'
  | 'ct state'
  | 'fib saddr type'
  | 'fib daddr type'
  | 'oifname';

export type Step =
  | { type: 'match'; fields: Field[]; not: boolean; values: string[] }
  | { type: 'match-set'; fields: Field[]; not: boolean; set: string }
  | { type: 'vmap'; fields: Field[]; map: string }
  | { type: 'match-mark'; mask: number; value: number }
  | { type: 'mark-or'; value: number }
  | { type: 'mark-and'; value: number }
  | { type: 'verdict'; verdict: Verdict }
  | { type: 'random-verdict'; verdicts: Verdict[] }
  | { type: 'dnat'; targets: { address: string; port: number }[] }
  | { type: 'masquerade' }
  | { type: 'remember'; set: string; field: Field }
  | { type: 'syn' }
  | { type: 'neighbours' }
  | { type: 'nothing' };

export interface Rule {
  text: string;
  steps: Step[];
  /** Chains and sets that it names. */
  chains: string[];
  sets: string[];
}

const FIELDS: readonly Field[] = [
  'ip saddr',
  'ip daddr',
  'ip6 saddr',
  'ip6 daddr',
  'meta l4proto',
  'th dport',
  'meta nfproto',
  'ct state',
  'fib saddr type',
  'fib daddr type',
  'oifname',
];

/** The same rules come again and again. */
const parsed = new Map<string, Rule>();

export function parseRule(text: string): Rule {
  const known = parsed.get(text) ?? readRule(text);
  parsed.set(text, known);
  return known;
}

function readRule(text: string): Rule {
  const steps: Step[] = [];
  let rest = text;
  while (rest !== '') {
    const { step, length } = parseStep(rest, text);
    steps.push(step);
    rest = rest.slice(length).trimStart();
  }
  checkFamilies(steps, text);
  return { text, steps, chains: steps.flatMap(chainsOf), sets: steps.flatMap(setsOf) };
}

/** As nft: "conflicting protocols specified". */
function checkFamilies(steps: readonly Step[], text: string): void {
  const fields = steps.flatMap((step) => ('fields' in step ? step.fields : 'field' in step ? [step.field] : []));
  const families = new Set(fields.flatMap((field) => /^(ip6?) /.exec(field)?.[1] ?? []));
  if (families.size > 1) throw new NftError(`conflicting protocols in: ${text}`);
}

type Parser = [RegExp, (match: RegExpExecArray) => Step];

const PARSERS: readonly Parser[] = [
  [/^(accept|drop|reject)\b/, ([, type]) => ({ type: 'verdict', verdict: asVerdict(type ?? '') })],
  [/^(jump|goto) (\S+)/, ([all]) => ({ type: 'verdict', verdict: asVerdict(all) })],
  [/^masquerade( fully-random)?/, () => ({ type: 'masquerade' })],
  [
    /^meta mark & (\S+) == (\S+)/,
    ([, mask, value]) => ({ type: 'match-mark', mask: Number(mask), value: Number(value) }),
  ],
  [/^meta mark set meta mark \| (\S+)/, ([, value]) => ({ type: 'mark-or', value: Number(value) })],
  [/^meta mark set meta mark & (\S+)/, ([, value]) => ({ type: 'mark-and', value: Number(value) })],
  [/^update @(\S+) \{ (ip6? saddr) \}/, ([, set = '', field]) => ({ type: 'remember', set, field: asField(field) })],
  [/^dnat ip6? addr \. port to numgen random mod (\d+) map \{ ([^}]*) \}/, ([, n, body = '']) => asRandomNat(n, body)],
  [/^dnat ip6? to (\S+)/, ([, address = '']) => ({ type: 'dnat', targets: [parseEndpoint(address)] })],
  [/^numgen random mod (\d+) vmap \{ ([^}]*) \}/, ([, n, body = '']) => asRandomVerdict(n, body)],
  [/^tcp flags & \(syn \| rst\) == syn/, () => ({ type: 'syn' })],
  [/^icmpv6 type \{ (?:nd-[a-z-]+(?:, )?)+ \}/, () => ({ type: 'neighbours' })],
  [/^tcp option maxseg size set rt mtu/, () => ({ type: 'nothing' })],
  [matcher('vmap @(\\S+)'), ([, fields = '', map = '']) => ({ type: 'vmap', fields: asFields(fields), map })],
  [
    matcher('(!= )?@(\\S+)'),
    ([, fields = '', not, set = '']) => ({ type: 'match-set', fields: asFields(fields), not: not !== undefined, set }),
  ],
  [
    matcher('(!= )?(\\S+)'),
    ([, fields = '', not, value = '']) => ({
      type: 'match',
      fields: asFields(fields),
      not: not !== undefined,
      values: value.replaceAll('"', '').split(','),
    }),
  ],
];

function matcher(tail: string): RegExp {
  const field = `(?:${FIELDS.join('|')})`;
  return new RegExp(`^(${field}(?: \\. ${field})*) ${tail}`);
}

function parseStep(rest: string, text: string): { step: Step; length: number } {
  for (const [pattern, build] of PARSERS) {
    const match = pattern.exec(rest);
    if (match !== null) return { step: build(match), length: match[0].length };
  }
  throw new NftError(`cannot read "${rest}" in: ${text}`);
}

function asFields(text: string): Field[] {
  return text.split(' . ').map(asField);
}

function asField(text: string | undefined): Field {
  const field = FIELDS.find((known) => known === text);
  if (field === undefined) throw new NftError(`unknown field ${text}`);
  return field;
}

export function asVerdict(text: string): Verdict {
  const [word = '', chain = ''] = text.split(' ');
  if (word === 'accept' || word === 'drop' || word === 'reject') return { type: word };
  if ((word === 'jump' || word === 'goto') && chain !== '') return { type: word, chain };
  throw new NftError(`no verdict: ${text}`);
}

function asRandomNat(count: string | undefined, body: string): Step {
  const targets = choices(count, body).map((text) => {
    const [address = '', port = ''] = text.split(' . ');
    return { address, port: Number(port) };
  });
  return { type: 'dnat', targets };
}

function asRandomVerdict(count: string | undefined, body: string): Step {
  return { type: 'random-verdict', verdicts: choices(count, body).map(asVerdict) };
}

/** `0 : a, 1 : b`: all numbers below `count`, each once. */
function choices(count: string | undefined, body: string): string[] {
  const parts = body.split(', ').map((part) => part.split(' : '));
  const isWhole = parts.length === Number(count) && parts.every(([index], at) => Number(index) === at);
  if (!isWhole) throw new NftError(`holes in a random map: ${body}`);
  return parts.map(([, value = '']) => value);
}

function parseEndpoint(text: string): { address: string; port: number } {
  const [, address = '', port = ''] = /^\[?([^\]]+?)\]?:(\d+)$/.exec(text) ?? [];
  if (address === '') throw new NftError(`no address and port: ${text}`);
  return { address, port: Number(port) };
}

function chainsOf(step: Step): string[] {
  const verdicts = step.type === 'verdict' ? [step.verdict] : step.type === 'random-verdict' ? step.verdicts : [];
  return verdicts.flatMap((verdict) => ('chain' in verdict ? [verdict.chain] : []));
}

function setsOf(step: Step): string[] {
  if (step.type === 'match-set' || step.type === 'remember') return [step.set];
  return step.type === 'vmap' ? [step.map] : [];
}
