/**
 * When a node is under pressure: absolute amounts by the size of memory and card, as 15 % of a 512 MB board or of a 1 TB disk
 * are both the wrong amount. Pure. The form of the flags is Kubernetes' (--eviction-hard, --eviction-minimum-reclaim).
 */
import { QuantityError, quantityToBytes } from '../../../shared/machinery/quantity.ts';
import { type Observation, type Observations, SIGNALS, type Signal } from './signals.ts';

export interface Threshold {
  /** Less than this is pressure. */
  minimum: number;
  /** So much more must be there before the pressure is over. */
  reclaim: number;
}

export type Thresholds = ReadonlyMap<Signal, Threshold>;

/** As asked for: an amount, or a share of what there is. */
export type Amount = { type: 'amount'; value: number } | { type: 'share'; share: number };

export interface EvictionSettings {
  /** In place of the node's own minimum; a minimum of nothing switches the signal off. */
  hard: ReadonlyMap<Signal, Amount>;
  minimumReclaim: ReadonlyMap<Signal, Amount>;
}

export const DEFAULT_EVICTION_SETTINGS: EvictionSettings = { hard: new Map(), minimumReclaim: new Map() };

export class EvictionSettingsError extends Error {
  override readonly name = 'EvictionSettingsError';
}

const MIB = 1024 * 1024;

interface Rule {
  /** Share of the capacity, kept between two amounts. */
  share: number;
  least: number;
  most: number;
  /** Share of the minimum that must be won back beyond it. */
  reclaim: number;
}

/** 512 MB: 25 MiB of memory; 1 GB: 51; from 2 GB: 100. A card of 8 GB: 400 MiB; from 20 GB: 1 GiB. */
const RULES: Readonly<Record<Signal, Rule>> = {
  'memory.available': { share: 0.05, least: 16 * MIB, most: 100 * MIB, reclaim: 0.25 },
  'nodefs.available': { share: 0.05, least: 16 * MIB, most: 1024 * MIB, reclaim: 0.25 },
  'imagefs.available': { share: 0.05, least: 16 * MIB, most: 1024 * MIB, reclaim: 0.25 },
  'pid.available': { share: 0.05, least: 100, most: 1_000, reclaim: 0.25 },
};

/** No rule takes more than this of what there is: a tiny disk is not under pressure for being tiny. */
const MAX_SHARE = 0.25;

export function computeThresholds(observations: Observations, settings: EvictionSettings): Thresholds {
  return new Map([...observations].map(([signal, seen]) => [signal, computeThreshold(signal, seen, settings)]));
}

function computeThreshold(signal: Signal, { capacity }: Observation, settings: EvictionSettings): Threshold {
  const { share, least, most, reclaim } = RULES[signal];
  const usual = Math.min(Math.max(share * capacity, least), most, MAX_SHARE * capacity);
  const minimum = amountOf(settings.hard.get(signal), capacity) ?? Math.floor(usual);
  return { minimum, reclaim: amountOf(settings.minimumReclaim.get(signal), capacity) ?? Math.floor(minimum * reclaim) };
}

function amountOf(amount: Amount | undefined, capacity: number): number | undefined {
  if (amount === undefined) return undefined;
  return amount.type === 'amount' ? amount.value : Math.floor(amount.share * capacity);
}

/** `memory.available<100Mi,nodefs.available<10%`. Throws EvictionSettingsError. */
export function parseEvictionHard(text: string): Map<Signal, Amount> {
  return parsePairs(text, '<');
}

/** `imagefs.available=500Mi`. Throws EvictionSettingsError. */
export function parseMinimumReclaim(text: string): Map<Signal, Amount> {
  return parsePairs(text, '=');
}

function parsePairs(text: string, separator: string): Map<Signal, Amount> {
  const parts = text.split(',').map((part) => part.trim());
  return new Map(parts.filter((part) => part !== '').map((part) => parsePair(part, separator)));
}

function parsePair(text: string, separator: string): [Signal, Amount] {
  const [name, value, ...rest] = text.split(separator).map((part) => part.trim());
  const signal = SIGNALS.find((candidate) => candidate === name);
  if (signal === undefined || value === undefined || rest.length > 0) {
    throw new EvictionSettingsError(
      `'${text}' is no threshold: write ${SIGNALS.map((known) => `${known}${separator}100Mi`).join(' or ')}`,
    );
  }
  return [signal, parseAmount(value)];
}

function parseAmount(text: string): Amount {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text);
  if (percent !== null && Number(percent[1]) <= 100) return { type: 'share', share: Number(percent[1]) / 100 };
  try {
    const value = quantityToBytes(text);
    if (value >= 0) return { type: 'amount', value };
  } catch (error) {
    if (!(error instanceof QuantityError)) throw error;
  }
  throw new EvictionSettingsError(`'${text}' is no amount: write 100Mi, 1Gi or 10%`);
}
