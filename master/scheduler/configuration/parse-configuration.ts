/**
 * Reads a SchedulerConfiguration. Text in, a checked value out, or a ConfigurationError that names every field that is wrong
 * and says what it may be.
 */
import { parse as parseYaml, YAMLParseError } from 'yaml';
import {
  type SchedulerConfiguration,
  SchedulerConfigurationSchema,
} from '../../../shared/api/scheduler-configuration.ts';
import { validateObject } from '../../../shared/schema/validate.ts';
import type { FilterName } from '../framework.ts';

export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  /** One sentence a mistake. */
  readonly complaints: readonly string[];

  constructor(complaints: readonly string[]) {
    super(complaints.join('\n'));
    this.complaints = complaints;
  }
}

/** Longest file that is read. */
export const MAX_CONFIGURATION_CHARS = 100_000;

/** Without the others pods would land where they cannot run. */
export const OPTIONAL_FILTERS: readonly FilterName[] = ['NodeTemperature', 'ImagePlatform'];

export function parseConfiguration(text: string): SchedulerConfiguration {
  if (text.length > MAX_CONFIGURATION_CHARS) {
    throw new ConfigurationError([`the file is longer than ${MAX_CONFIGURATION_CHARS} characters`]);
  }
  const value = readYaml(text);
  const { typeErrors, errors, unknownFields } = validateObject(SchedulerConfigurationSchema, value);
  const complaints = [
    ...typeErrors.map(({ message }) => message),
    ...errors.map(({ field, message }) => `${field}: ${message}`),
    ...unknownFields.map((field) => `${field}: there is no such field`),
  ];
  if (complaints.length > 0) throw new ConfigurationError(complaints);
  const configuration = asConfiguration(value);
  const contradictions = findContradictions(configuration);
  if (contradictions.length > 0) throw new ConfigurationError(contradictions);
  return configuration;
}

function readYaml(text: string): unknown {
  try {
    const value: unknown = parseYaml(text, { maxAliasCount: 0 });
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    // Aliases beyond the limit are a ReferenceError.
    if (error instanceof YAMLParseError || error instanceof ReferenceError)
      throw new ConfigurationError([error.message]);
    throw error;
  }
  throw new ConfigurationError(['the file must hold one object, beginning with apiVersion and kind']);
}

/** The edge: the schema has checked it. */
function asConfiguration(value: unknown): SchedulerConfiguration {
  return value as SchedulerConfiguration;
}

function findContradictions({ disabledFilters = [], resources, heat }: SchedulerConfiguration): string[] {
  const optional = new Set<string>(OPTIONAL_FILTERS);
  const needed = disabledFilters.filter((name) => !optional.has(name));
  const limits = [
    ...(heat?.models ?? []).map((entry, index) => ({ ...entry, field: `heat.models[${index}]` })),
    ...(heat?.fallback ? [{ ...heat.fallback, field: 'heat.fallback' }] : []),
  ];
  return [
    ...needed.map((name) => `disabledFilters: ${name} cannot be switched off, only ${OPTIONAL_FILTERS.join(' and ')}`),
    ...complainAboutShape(resources),
    ...limits
      .filter(({ softCelsius, hardCelsius }) => softCelsius > hardCelsius)
      .map(({ field }) => `${field}: softCelsius must not be above hardCelsius`),
  ];
}

function complainAboutShape(resources: SchedulerConfiguration['resources']): string[] {
  const { strategy, shape, weights = [] } = resources ?? {};
  const names = weights.map(({ name }) => name);
  const doubles = names.filter((name, index) => names.indexOf(name) !== index);
  const twice = doubles.map((name) => `resources.weights: ${name} is there twice`);
  if (strategy !== 'RequestedToCapacityRatio') {
    return shape === undefined ? twice : [...twice, 'resources.shape: only RequestedToCapacityRatio has a shape'];
  }
  const points = shape ?? [];
  if (points.length < 2) return [...twice, 'resources.shape: needs at least two points'];
  const rises = points.every(
    ({ utilization }, index) => index === 0 || utilization > (points[index - 1]?.utilization ?? 0),
  );
  return rises ? twice : [...twice, 'resources.shape: utilization must grow from point to point'];
}
