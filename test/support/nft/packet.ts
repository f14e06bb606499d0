/**
 * Leads a packet through a table as the kernel would: the hooks of its way in their order, chains by priority, NAT once a
 * connection. Where a rule throws dice, the caller does.
 */
import { parseIp, parseRange, rangeContains } from '../../../shared/machinery/ip-range.ts';
import { NftError } from './errors.ts';
import type { ElementSet, Table } from './kernel.ts';
import { asVerdict, type Field, type Step, type Verdict } from './rule.ts';

export interface Packet {
  source: string;
  destination: string;
  /** `neighbour`: IPv6's search for the hardware address of a neighbour; it has no port. */
  protocol: 'tcp' | 'udp' | 'sctp' | 'neighbour';
  port: number;
  /** Made on this machine; otherwise it came in by a cable or from a pod. */
  isOwn?: boolean;
  /** Of a connection that was let through before. */
  isEstablished?: boolean;
}

export interface Surroundings {
  /** Addresses of the machine itself. */
  ownAddresses: readonly string[];
  /** A number below `count`, for rules that throw dice. */
  dice(count: number): number;
  /** Nothing is remembered of the packet. */
  isRehearsal?: boolean;
}

export interface Outcome {
  verdict: 'accept' | 'drop' | 'reject';
  destination: string;
  port: number;
  /** It leaves with an address of this machine in place of its own. */
  hasNewSource: boolean;
}

interface Journey {
  table: Table;
  surroundings: Surroundings;
  packet: Packet;
  destination: string;
  port: number;
  mark: number;
  hasNewSource: boolean;
  /** NAT of a kind happens once. */
  isTranslated: boolean;
}

export function sendPacket(table: Table, packet: Packet, surroundings: Surroundings): Outcome {
  const { destination, port } = packet;
  const journey: Journey = {
    ...{ table, packet, surroundings, destination, port },
    mark: 0,
    hasNewSource: false,
    isTranslated: false,
  };
  const isToUs = (): boolean => surroundings.ownAddresses.includes(journey.destination);
  const way = function* (): Generator<string> {
    yield packet.isOwn ? 'output' : 'prerouting';
    if (!packet.isOwn && isToUs()) {
      yield 'input';
      return;
    }
    if (!packet.isOwn) yield 'forward';
    yield 'postrouting';
  };
  for (const hook of way()) {
    const verdict = runHook(journey, hook);
    if (verdict !== 'accept') return { ...outcomeOf(journey), verdict };
  }
  return { ...outcomeOf(journey), verdict: 'accept' };
}

function outcomeOf({ destination, port, hasNewSource }: Journey): Omit<Outcome, 'verdict'> {
  return { destination, port, hasNewSource };
}

type Final = 'accept' | 'drop' | 'reject';

function runHook(journey: Journey, hook: string): Final {
  const bases = [...journey.table.chains.entries()].filter(([, chain]) => chain.hook === hook);
  bases.sort(([, a], [, b]) => a.priority - b.priority);
  for (const [name, { type }] of bases) {
    // Only the first packet of a connection sees chains of NAT.
    if (type === 'nat' && journey.packet.isEstablished) continue;
    const verdict = runChain(journey, name);
    if (verdict === 'drop' || verdict === 'reject') return verdict;
    if (type === 'nat') journey.isTranslated = false;
  }
  return 'accept';
}

/** undefined: the chain came to its end. */
function runChain(journey: Journey, name: string): Final | undefined {
  const chain = journey.table.chains.get(name);
  if (chain === undefined) throw new NftError(`no chain ${name}`);
  for (const { steps } of chain.rules) {
    const verdict = runSteps(journey, steps);
    if (verdict === undefined) continue;
    if (!('chain' in verdict)) return verdict.type;
    const inner = runChain(journey, verdict.chain);
    if (inner !== undefined || verdict.type === 'goto') return inner;
  }
  return undefined;
}

/** The rule's verdict; undefined: it does not match, or has none. */
function runSteps(journey: Journey, steps: readonly Step[]): Verdict | undefined {
  for (const step of steps) {
    const result = runStep(journey, step);
    if (result === 'no match') return undefined;
    if (result !== 'go on') return result;
  }
  return undefined;
}

function runStep(journey: Journey, step: Step): Verdict | 'go on' | 'no match' {
  switch (step.type) {
    case 'match':
      return goOnIf(matches(journey, step) !== step.not && fieldsApply(journey, step.fields));
    case 'match-set':
      return goOnIf(
        fieldsApply(journey, step.fields) &&
          contains(setOf(journey, step.set), keyOf(journey, step.fields)) !== step.not,
      );
    case 'vmap': {
      if (!fieldsApply(journey, step.fields)) return 'no match';
      const verdict = setOf(journey, step.map).elements.get(keyOf(journey, step.fields));
      return verdict === undefined ? 'no match' : asVerdict(verdict);
    }
    case 'match-mark':
      return goOnIf((journey.mark & step.mask) === step.value);
    case 'syn':
      return goOnIf(journey.packet.protocol === 'tcp' && !journey.packet.isEstablished);
    case 'neighbours':
      return goOnIf(journey.packet.protocol === 'neighbour');
    case 'verdict':
      return step.verdict;
    case 'random-verdict':
      return pick(journey, step.verdicts);
    default:
      return act(journey, step);
  }
}

type Deed = Extract<Step, { type: 'mark-or' | 'mark-and' | 'dnat' | 'masquerade' | 'remember' | 'nothing' }>;

function act(journey: Journey, step: Deed): Verdict | 'go on' {
  switch (step.type) {
    case 'mark-or':
      journey.mark |= step.value;
      return 'go on';
    case 'mark-and':
      journey.mark &= step.value;
      return 'go on';
    case 'dnat': {
      const { address, port } = pick(journey, step.targets);
      journey.destination = address;
      journey.port = port;
      return { type: 'accept' };
    }
    case 'masquerade':
      journey.hasNewSource = true;
      return { type: 'accept' };
    case 'remember':
      if (!journey.surroundings.isRehearsal) setOf(journey, step.set).elements.set(fieldValue(journey, step.field), '');
      return 'go on';
    case 'nothing':
      return 'go on';
  }
}

function goOnIf(condition: boolean): 'go on' | 'no match' {
  return condition ? 'go on' : 'no match';
}

function pick<T>({ surroundings }: Journey, choices: readonly T[]): T {
  const choice = choices[surroundings.dice(choices.length)];
  if (choice === undefined) throw new NftError('the dice show too much');
  return choice;
}

function setOf({ table }: Journey, name: string): ElementSet {
  const set = table.sets.get(name);
  if (set === undefined) throw new NftError(`no set ${name}`);
  return set;
}

function keyOf(journey: Journey, fields: readonly Field[]): string {
  return fields.map((field) => fieldValue(journey, field)).join(' . ');
}

/** A rule about one family's header does not match packets of the other. */
function fieldsApply({ destination }: Journey, fields: readonly Field[]): boolean {
  const isIpv6 = destination.includes(':');
  return fields.every((field) => !/^ip6? /.test(field) || field.startsWith('ip6 ') === isIpv6);
}

function fieldValue({ packet, destination, port, surroundings }: Journey, field: Field): string {
  const typeOf = (address: string): string => (surroundings.ownAddresses.includes(address) ? 'local' : 'unicast');
  const values: Record<Field, () => string> = {
    'ip saddr': () => packet.source,
    'ip6 saddr': () => packet.source,
    'ip daddr': () => destination,
    'ip6 daddr': () => destination,
    'meta l4proto': () => packet.protocol,
    'th dport': () => String(port),
    'meta nfproto': () => (destination.includes(':') ? 'ipv6' : 'ipv4'),
    'ct state': () => (packet.isEstablished ? 'established' : 'new'),
    'fib saddr type': () => typeOf(packet.source),
    'fib daddr type': () => typeOf(destination),
    oifname: () => '',
  };
  return values[field]();
}

function matches(journey: Journey, { fields, values }: Extract<Step, { type: 'match' }>): boolean {
  const value = keyOf(journey, fields);
  return values.some((wanted) => isSame(value, wanted));
}

function isSame(value: string, wanted: string): boolean {
  if (value === wanted) return true;
  const [, first, last] = /^(\d+)-(\d+)$/.exec(wanted) ?? [];
  if (first !== undefined) return Number(value) >= Number(first) && Number(value) <= Number(last);
  return inRange(value, wanted);
}

function inRange(value: string, wanted: string): boolean {
  const address = parseIp(value);
  const range = parseRange(wanted);
  return address !== undefined && range !== undefined && rangeContains(range, address);
}

function contains({ elements, isInterval }: ElementSet, key: string): boolean {
  return isInterval ? [...elements.keys()].some((range) => isSame(key, range)) : elements.has(key);
}
