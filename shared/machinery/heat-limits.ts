/**
 * How hot a board may get: above the soft limit it takes no new pods, above the hard limit pods are moved away from it.
 * By board model, by configuration, and by annotation or label of the node, the more special before the more general. Pure;
 * scheduler and heat protection judge by the same rules.
 * Source: Raspberry Pi documentation, "Frequency management and thermal control" (throttling from 80 °C, hard from 85 °C).
 */
import { DEFAULT_THROTTLE_CELSIUS } from './temperature.ts';

export interface HeatLimits {
  readonly softCelsius: number;
  readonly hardCelsius: number;
}

/** Limits for boards whose `bramble.dev/model` label matches; `*` stands for any text. */
export interface ModelHeatLimits extends HeatLimits {
  readonly model: string;
}

export interface HeatLimitSettings {
  /** The first match counts; they go before the built-in table. */
  readonly models: readonly ModelHeatLimits[];
  /** Instead of the built-in rule for boards that no entry matches. */
  readonly fallback?: HeatLimits;
}

export interface HeatLimitFacts {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Temperature at which the board slows itself down, as it says; undefined: it does not say. */
  readonly throttleCelsius: number | undefined;
}

/** On a Node, as annotation or as label: a number of °C. */
export const SOFT_LIMIT_KEY = 'bramble.dev/heat-soft-limit-celsius';
export const HARD_LIMIT_KEY = 'bramble.dev/heat-hard-limit-celsius';
export const MODEL_LABEL = 'bramble.dev/model';

export const DEFAULT_HEAT_LIMIT_SETTINGS: HeatLimitSettings = { models: [] };

/** What a limit may be at all. */
export const HEAT_LIMIT_RANGE_CELSIUS = { min: 20, max: 120 } as const;

/** Boards that no entry matches: so far below their own throttling. */
const SOFT_DISTANCE_CELSIUS = 8;
const HARD_DISTANCE_CELSIUS = 2;

/**
 * The 3A+ and 3B+ throttle softly at 60 °C already, which costs them little and is where they live; the Pi 5 with its
 * official fan runs it at full speed from 75 °C only.
 */
const BUILT_IN: readonly ModelHeatLimits[] = [
  { model: 'raspberry-pi-3-model-*-plus-*', softCelsius: 70, hardCelsius: 78 },
  { model: 'raspberry-pi-5-*', softCelsius: 76, hardCelsius: 82 },
  { model: 'raspberry-pi-500-*', softCelsius: 76, hardCelsius: 82 },
  { model: 'raspberry-pi-compute-module-5-*', softCelsius: 76, hardCelsius: 82 },
];

/** Works the settings out once; ask the result for each board. */
export function compileHeatLimits(settings: HeatLimitSettings): (facts: HeatLimitFacts) => HeatLimits {
  const models = [...settings.models, ...BUILT_IN].map((limits) => ({ limits, matches: compilePattern(limits.model) }));
  return (facts) => {
    const model = facts.labels[MODEL_LABEL] ?? '';
    const ofModel = models.find(({ matches }) => matches(model))?.limits;
    const base = ofModel ?? settings.fallback ?? limitsBelow(facts.throttleCelsius ?? DEFAULT_THROTTLE_CELSIUS);
    const softCelsius = overrideOf(facts, SOFT_LIMIT_KEY) ?? base.softCelsius;
    const hardCelsius = overrideOf(facts, HARD_LIMIT_KEY) ?? base.hardCelsius;
    // Limits in the wrong order would move pods from a board that still takes new ones.
    return { softCelsius: Math.min(softCelsius, hardCelsius), hardCelsius };
  };
}

/** What is wrong with the node's own limits, for people; empty when nothing is. */
export function complainAboutHeatLimits({ labels, annotations }: Omit<HeatLimitFacts, 'throttleCelsius'>): string[] {
  const { min, max } = HEAT_LIMIT_RANGE_CELSIUS;
  const wrong = [SOFT_LIMIT_KEY, HARD_LIMIT_KEY].flatMap((key) => {
    const text = annotations[key] ?? labels[key];
    return text === undefined || parseLimit(text) !== undefined
      ? []
      : [`${key} must be a number of °C from ${min} to ${max}, not '${text}'`];
  });
  const [soft, hard] = [SOFT_LIMIT_KEY, HARD_LIMIT_KEY].map((key) => parseLimit(annotations[key] ?? labels[key]));
  const isReversed = soft !== undefined && hard !== undefined && soft > hard;
  return isReversed ? [...wrong, `${SOFT_LIMIT_KEY} must not be above ${HARD_LIMIT_KEY}`] : wrong;
}

/** A star stands for any text; `raspberry-pi-5-*` means the bare name too. */
function compilePattern(pattern: string): (model: string) => boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const whole = new RegExp(`^${parts.join('.*')}$`);
  return (model) => whole.test(model) || whole.test(`${model}-`);
}

function limitsBelow(throttleCelsius: number): HeatLimits {
  return {
    softCelsius: throttleCelsius - SOFT_DISTANCE_CELSIUS,
    hardCelsius: throttleCelsius - HARD_DISTANCE_CELSIUS,
  };
}

function overrideOf({ annotations, labels }: HeatLimitFacts, key: string): number | undefined {
  return parseLimit(annotations[key]) ?? parseLimit(labels[key]);
}

function parseLimit(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,3}(\.\d{1,2})?$/.test(text)) return undefined;
  const celsius = Number(text);
  const { min, max } = HEAT_LIMIT_RANGE_CELSIUS;
  return celsius >= min && celsius <= max ? celsius : undefined;
}
