/**
 * JSONPath templates as kubectl takes them: text with expressions in braces, `{range …}` loops, filters and slices.
 * Source: Kubernetes, "JSONPath Support". A path that leads nowhere gives nothing.
 */

import { isJsonObject } from '../../shared/machinery/json.ts';

export class JsonPathError extends Error {
  override readonly name = 'JsonPathError';
}

type Step =
  | { type: 'field'; name: string }
  | { type: 'wildcard' }
  | { type: 'descend' }
  | { type: 'slice'; start: number | undefined; end: number | undefined; step: number }
  | { type: 'index'; index: number }
  | { type: 'filter'; left: readonly Step[]; operator: string; right: readonly Step[] | JsonScalar };

type JsonScalar = { value: string | number | boolean };

type Part =
  | { type: 'text'; text: string }
  | { type: 'path'; steps: readonly Step[] }
  | { type: 'range'; steps: readonly Step[]; body: readonly Part[] };

export type JsonPathTemplate = (value: unknown) => string;

/** Throws JsonPathError that names what cannot be read. */
export function compileJsonPath(template: string): JsonPathTemplate {
  const parser = new TemplateParser(template.includes('{') ? template : `{${template}}`);
  const parts = parser.parse();
  return (value) => renderParts(parts, value, value);
}

/** The values that one path leads to, such as `.spec.containers[*].image`. */
export function compilePath(path: string): (value: unknown) => unknown[] {
  const steps = new PathParser(path.replace(/^\{|\}$/g, '')).parse();
  return (value) => walk(steps, [value]);
}

class TemplateParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Part[] {
    const parts = this.#parseParts();
    if (this.#at < this.#text.length) throw new JsonPathError('there is an {end} without a {range}');
    return parts;
  }

  /** Up to the end, or behind an `{end}` which is left for the caller. */
  #parseParts(): Part[] {
    const parts: Part[] = [];
    while (this.#at < this.#text.length) {
      const open = this.#text.indexOf('{', this.#at);
      const text = this.#text.slice(this.#at, open === -1 ? undefined : open);
      if (text !== '') parts.push({ type: 'text', text: unescapeText(text) });
      if (open === -1) this.#at = this.#text.length;
      else {
        const close = findClose(this.#text, open);
        const inside = this.#text.slice(open + 1, close).trim();
        if (inside === 'end') {
          this.#at = open;
          return parts;
        }
        this.#at = close + 1;
        parts.push(...this.#parseExpression(inside));
      }
    }
    return parts;
  }

  #parseExpression(inside: string): Part[] {
    if (inside.startsWith('range ') || inside === 'range') {
      const steps = new PathParser(inside.slice('range'.length).trim()).parse();
      const body = this.#parseParts();
      const close = findClose(this.#text, this.#at);
      if (this.#at >= this.#text.length) throw new JsonPathError('a {range} has no {end}');
      this.#at = close + 1;
      return [{ type: 'range', steps, body }];
    }
    const quoted = /^(["'])(.*)\1$/s.exec(inside);
    if (quoted !== null) return [{ type: 'text', text: unescapeText(quoted[2] ?? '') }];
    return [{ type: 'path', steps: new PathParser(inside).parse() }];
  }
}

/** Braces inside quotes do not count. */
function findClose(text: string, open: number): number {
  let quote = '';
  for (let at = open; at < text.length; at += 1) {
    const character = text[at] ?? '';
    if (quote !== '') {
      if (character === quote) quote = '';
    } else if (character === '"' || character === "'") quote = character;
    else if (character === '}') return at;
  }
  throw new JsonPathError('a brace is not closed');
}

function unescapeText(text: string): string {
  return text.replaceAll('\\n', '\n').replaceAll('\\t', '\t').replaceAll('\\"', '"').replaceAll("\\'", "'");
}

class PathParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Step[] {
    const steps: Step[] = [];
    if (this.#text[this.#at] === '$' || this.#text[this.#at] === '@') this.#at += 1;
    while (this.#at < this.#text.length) steps.push(...this.#parseStep());
    return steps;
  }

  #parseStep(): Step[] {
    if (this.#text.startsWith('..', this.#at)) {
      this.#at += 2;
      return [{ type: 'descend' }, ...(this.#text[this.#at] === '[' ? [] : [this.#parseName()])];
    }
    if (this.#text[this.#at] === '[') return [this.#parseBracket()];
    if (this.#text[this.#at] === '.') this.#at += 1;
    return this.#at < this.#text.length && this.#text[this.#at] !== '[' ? [this.#parseName()] : [];
  }

  #parseName(): Step {
    const match = /^(?:\\.|[^.[\]\\\s])+/.exec(this.#text.slice(this.#at));
    if (match === null) throw new JsonPathError(`"${this.#text}" cannot be read at "${this.#text.slice(this.#at)}"`);
    this.#at += match[0].length;
    return match[0] === '*' ? { type: 'wildcard' } : { type: 'field', name: match[0].replaceAll(/\\(.)/g, '$1') };
  }

  #parseBracket(): Step {
    const close = this.#findBracketClose();
    const inside = this.#text.slice(this.#at + 1, close).trim();
    this.#at = close + 1;
    if (inside === '*') return { type: 'wildcard' };
    const quoted = /^(["'])(.*)\1$/.exec(inside);
    if (quoted !== null) return { type: 'field', name: quoted[2] ?? '' };
    if (inside.startsWith('?(') && inside.endsWith(')')) return parseFilter(inside.slice(2, -1));
    return parseSlice(inside);
  }

  #findBracketClose(): number {
    let depth = 0;
    let quote = '';
    for (let at = this.#at; at < this.#text.length; at += 1) {
      const character = this.#text[at] ?? '';
      if (quote !== '') {
        if (character === quote) quote = '';
      } else if (character === '"' || character === "'") quote = character;
      else if (character === '[') depth += 1;
      else if (character === ']' && --depth === 0) return at;
    }
    throw new JsonPathError(`a bracket of "${this.#text}" is not closed`);
  }
}

function parseSlice(text: string): Step {
  const parts = text.split(':');
  const numbers = parts.map((part) => (part.trim() === '' ? undefined : Number(part)));
  if (parts.length > 3 || numbers.some((number) => number !== undefined && !Number.isInteger(number))) {
    throw new JsonPathError(`[${text}] is no index`);
  }
  const [start, end, step = 1] = numbers;
  if (parts.length === 1) return { type: 'index', index: start ?? 0 };
  return { type: 'slice', start, end, step: Math.max(step, 1) };
}

function parseFilter(text: string): Step {
  const match = /^(.+?)\s*(==|!=|<=|>=|<|>)\s*(.+)$/s.exec(text.trim());
  if (match === null)
    return { type: 'filter', left: new PathParser(text.trim()).parse(), operator: 'exists', right: [] };
  const [, left = '', operator = '', right = ''] = match;
  return { type: 'filter', left: new PathParser(left.trim()).parse(), operator, right: parseOperand(right.trim()) };
}

function parseOperand(text: string): readonly Step[] | JsonScalar {
  const quoted = /^(["'])(.*)\1$/s.exec(text);
  if (quoted !== null) return { value: quoted[2] ?? '' };
  if (text === 'true' || text === 'false') return { value: text === 'true' };
  if (/^-?\d+(\.\d+)?$/.test(text)) return { value: Number(text) };
  return new PathParser(text).parse();
}

function walk(steps: readonly Step[], values: readonly unknown[]): unknown[] {
  return steps.reduce<unknown[]>((found, step) => found.flatMap((value) => takeStep(step, value)), [...values]);
}

function takeStep(step: Step, value: unknown): unknown[] {
  switch (step.type) {
    case 'field':
      return isJsonObject(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
    case 'wildcard':
      return childrenOf(value);
    case 'descend':
      return descend(value);
    case 'index':
      return Array.isArray(value) ? value.slice(step.index, step.index === -1 ? undefined : step.index + 1) : [];
    case 'slice':
      return Array.isArray(value)
        ? value.slice(step.start, step.end).filter((_, index) => index % step.step === 0)
        : [];
    case 'filter':
      return (Array.isArray(value) ? value : [value]).filter((item) => passes(step, item));
  }
}

function passes({ left, operator, right }: Extract<Step, { type: 'filter' }>, item: unknown): boolean {
  const [value] = walk(left, [item]);
  if (operator === 'exists') return value !== undefined;
  const [other] = 'value' in right ? [right.value] : walk(right, [item]);
  if (operator === '==') return value === other;
  if (operator === '!=') return value !== other;
  if (typeof value !== typeof other || value === undefined || other === undefined) return false;
  const order = compare(value, other);
  return operator.startsWith('<')
    ? order < 0 || (operator === '<=' && order === 0)
    : order > 0 || (operator === '>=' && order === 0);
}

function compare(left: unknown, right: unknown): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  const [a, b] = [String(left), String(right)];
  return a < b ? -1 : a > b ? 1 : 0;
}

function childrenOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  return isJsonObject(value) ? Object.values(value) : [];
}

function descend(value: unknown): unknown[] {
  return [value, ...childrenOf(value).flatMap(descend)];
}

function renderParts(parts: readonly Part[], root: unknown, current: unknown): string {
  return parts
    .map((part) => {
      if (part.type === 'text') return part.text;
      const values = walk(part.steps, [current]);
      if (part.type === 'path') return values.map(renderScalar).join(' ');
      return values.map((value) => renderParts(part.body, root, value)).join('');
    })
    .join('');
}

export function renderScalar(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
