/**
 * Label selectors: as query text (`app=web,tier in (a,b),!canary`) and as LabelSelector objects, brought to one form.
 * A selector is a list of requirements that must all hold; the empty one selects everything.
 * Source: Kubernetes, "Labels and Selectors".
 */
import { validateLabelValue, validateQualifiedName } from './names.ts';

export type SelectorOperator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';

export interface Requirement {
  readonly key: string;
  readonly operator: SelectorOperator;
  /** Empty for Exists and DoesNotExist, one whole number for Gt and Lt. */
  readonly values: readonly string[];
}

export interface Selector {
  readonly requirements: readonly Requirement[];
}

export type Labels = Readonly<Record<string, string>>;

/** The shape of the API's LabelSelector. */
export interface LabelSelectorLike {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

export class SelectorError extends Error {
  override readonly name = 'SelectorError';
}

export const SELECT_EVERYTHING: Selector = { requirements: [] };

/** Contradicts itself, so that even its text, sent to a server, selects nothing. */
export const SELECT_NOTHING: Selector = {
  requirements: [
    { key: 'bramble.dev/none', operator: 'Exists', values: [] },
    { key: 'bramble.dev/none', operator: 'DoesNotExist', values: [] },
  ],
};

/** Longest selector text that is parsed. */
const MAX_SELECTOR_CHARS = 65_536;

/** Reads the text of a `labelSelector` query parameter. Throws SelectorError. */
export function parseLabelSelector(text: string): Selector {
  if (text.length > MAX_SELECTOR_CHARS) throw new SelectorError(`selector exceeds ${MAX_SELECTOR_CHARS} characters`);
  const reader = new TokenReader(text);
  if (reader.isAtEnd()) return SELECT_EVERYTHING;
  const requirements = [readRequirement(reader)];
  while (!reader.isAtEnd()) {
    reader.expect(',');
    requirements.push(readRequirement(reader));
  }
  return { requirements };
}

/** An absent selector selects nothing, an empty one everything. Throws SelectorError. */
export function selectorFromLabelSelector(selector: LabelSelectorLike | undefined): Selector {
  if (selector === undefined) return SELECT_NOTHING;
  const fromLabels = selectorFromLabels(selector.matchLabels ?? {}).requirements;
  const fromExpressions = (selector.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
    if (!isLabelSelectorOperator(operator)) throw new SelectorError(`${JSON.stringify(operator)} is not an operator`);
    return checkedRequirement(key, operator, values);
  });
  return { requirements: [...fromLabels, ...fromExpressions] };
}

/** Selects what has all of `labels`, as a Service or a ReplicationController does. */
export function selectorFromLabels(labels: Labels): Selector {
  return { requirements: Object.entries(labels).map(([key, value]) => checkedRequirement(key, 'In', [value])) };
}

export function selectorMatches(selector: Selector, labels: Labels | undefined): boolean {
  return selector.requirements.every((requirement) => requirementMatches(requirement, labels ?? {}));
}

/** NotIn also holds for objects without the key. Gt and Lt hold for whole numbers only. */
export function requirementMatches({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt':
      return value !== undefined && comparesAs(operator, value, values[0] ?? '');
  }
}

/** Text that `parseLabelSelector` reads back. */
export function formatSelector(selector: Selector): string {
  return selector.requirements.map(formatRequirement).join(',');
}

const WHOLE_NUMBER = /^[+-]?\d{1,18}$/;

function comparesAs(operator: 'Gt' | 'Lt', value: string, bound: string): boolean {
  if (!WHOLE_NUMBER.test(value) || !WHOLE_NUMBER.test(bound)) return false;
  return operator === 'Gt' ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound);
}

function formatRequirement({ key, operator, values }: Requirement): string {
  const sorted = [...values].sort();
  switch (operator) {
    case 'Exists':
      return key;
    case 'DoesNotExist':
      return `!${key}`;
    case 'In':
      return sorted.length === 1 ? `${key}=${sorted[0]}` : `${key} in (${sorted.join(',')})`;
    case 'NotIn':
      return sorted.length === 1 ? `${key}!=${sorted[0]}` : `${key} notin (${sorted.join(',')})`;
    case 'Gt':
      return `${key}>${values[0]}`;
    case 'Lt':
      return `${key}<${values[0]}`;
  }
}

function isLabelSelectorOperator(operator: string): operator is 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' {
  return operator === 'In' || operator === 'NotIn' || operator === 'Exists' || operator === 'DoesNotExist';
}

function checkedRequirement(key: string, operator: SelectorOperator, values: readonly string[]): Requirement {
  refuse(`key ${JSON.stringify(key)}`, validateQualifiedName(key));
  const takesValues = operator === 'In' || operator === 'NotIn';
  if (takesValues && values.length === 0) throw new SelectorError(`${operator} on key "${key}" needs values`);
  if (!takesValues && values.length > 0 && operator !== 'Gt' && operator !== 'Lt') {
    throw new SelectorError(`${operator} on key "${key}" takes no values`);
  }
  for (const value of values) refuse(`value ${JSON.stringify(value)} of key "${key}"`, validateLabelValue(value));
  return { key, operator, values: [...new Set(values)] };
}

function refuse(what: string, complaints: readonly string[]): void {
  if (complaints.length > 0) throw new SelectorError(`${what} ${complaints.join('; ')}`);
}

function readRequirement(reader: TokenReader): Requirement {
  if (reader.accept('!')) return checkedRequirement(reader.word('a key'), 'DoesNotExist', []);
  const key = reader.word('a key');
  if (reader.accept('=', '==')) return checkedRequirement(key, 'In', [reader.optionalWord()]);
  if (reader.accept('!=')) return checkedRequirement(key, 'NotIn', [reader.optionalWord()]);
  if (reader.accept('>')) return readBound(reader, key, 'Gt');
  if (reader.accept('<')) return readBound(reader, key, 'Lt');
  if (reader.accept('in')) return checkedRequirement(key, 'In', readValues(reader));
  if (reader.accept('notin')) return checkedRequirement(key, 'NotIn', readValues(reader));
  return checkedRequirement(key, 'Exists', []);
}

function readBound(reader: TokenReader, key: string, operator: 'Gt' | 'Lt'): Requirement {
  const bound = reader.word('a whole number');
  if (!WHOLE_NUMBER.test(bound)) throw new SelectorError(`${JSON.stringify(bound)} is not a whole number`);
  return checkedRequirement(key, operator, [bound]);
}

/** `(a,b)`; an omitted value is the empty text, as in `(a,)`. */
function readValues(reader: TokenReader): string[] {
  reader.expect('(');
  const values = [reader.optionalWord()];
  while (reader.accept(',')) values.push(reader.optionalWord());
  reader.expect(')');
  return values;
}

const TOKEN = /\s*(==|!=|[=!<>(),]|[^\s=!<>(),]+)/y;
const PUNCTUATION = /^(==|!=|[=!<>(),])$/;

class TokenReader {
  readonly #tokens: readonly string[];
  #next = 0;

  constructor(text: string) {
    this.#tokens = tokenize(text.trim());
  }

  isAtEnd(): boolean {
    return this.#next >= this.#tokens.length;
  }

  accept(...tokens: string[]): boolean {
    const token = this.#tokens[this.#next];
    if (token === undefined || !tokens.includes(token)) return false;
    this.#next += 1;
    return true;
  }

  expect(token: string): void {
    if (!this.accept(token)) throw new SelectorError(`expected '${token}' but found ${this.#found()}`);
  }

  word(what: string): string {
    const token = this.#tokens[this.#next];
    if (token === undefined || PUNCTUATION.test(token)) {
      throw new SelectorError(`expected ${what} but found ${this.#found()}`);
    }
    this.#next += 1;
    return token;
  }

  optionalWord(): string {
    const token = this.#tokens[this.#next];
    return token === undefined || PUNCTUATION.test(token) ? '' : this.word('a value');
  }

  #found(): string {
    const token = this.#tokens[this.#next];
    return token === undefined ? 'the end of the selector' : `'${token}'`;
  }
}

function tokenize(text: string): string[] {
  return Array.from(text.matchAll(new RegExp(TOKEN, 'gy')), (match) => match[1] ?? '');
}
