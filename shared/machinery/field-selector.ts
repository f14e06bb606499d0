/**
 * Field selectors: `metadata.name=web,status.phase!=Running`. All requirements must hold. In values `\\`, `\,` and `\=` stand
 * for the characters themselves.
 * Source: Kubernetes, "Field Selectors".
 */
import { SelectorError } from './label-selector.ts';

export interface FieldRequirement {
  /** `metadata.name`, `spec.nodeName`. */
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/** Longest selector text that is parsed. */
const MAX_SELECTOR_CHARS = 65_536;

/** Reads the text of a `fieldSelector` query parameter; empty terms are skipped. Throws SelectorError. */
export function parseFieldSelector(text: string): FieldRequirement[] {
  if (text.length > MAX_SELECTOR_CHARS) throw new SelectorError(`selector exceeds ${MAX_SELECTOR_CHARS} characters`);
  return splitTerms(text)
    .filter((term) => term !== '')
    .map(parseTerm);
}

/** Text that `parseFieldSelector` reads back. */
export function formatFieldSelector(requirements: readonly FieldRequirement[]): string {
  return requirements.map(({ field, operator, value }) => `${field}${operator}${escapeValue(value)}`).join(',');
}

/** `fieldValue` gives the object's value of a field; a field without a value counts as empty. */
export function fieldSelectorMatches(
  requirements: readonly FieldRequirement[],
  fieldValue: (field: string) => string | undefined,
): boolean {
  return requirements.every(
    ({ field, operator, value }) => ((fieldValue(field) ?? '') === value) === (operator === '='),
  );
}

/** Splits at commas that no backslash precedes; keeps the escapes. */
function splitTerms(text: string): string[] {
  return text.match(/(?:\\[\s\S]|[^,\\]|\\$)+/g) ?? [];
}

const TERM = /^((?:\\[\s\S]|[^=!\\])*)(==|!=|=)([\s\S]*)$/;

function parseTerm(term: string): FieldRequirement {
  const [, field = '', operator, value = ''] = TERM.exec(term) ?? [];
  if (operator === undefined || field === '') {
    throw new SelectorError(`${JSON.stringify(term)} is not a field selector: write field=value or field!=value`);
  }
  return { field, operator: operator === '!=' ? '!=' : '=', value: unescapeValue(value) };
}

function unescapeValue(value: string): string {
  return value.replaceAll(/\\([\s\S])?|[,=]/g, (match, escaped: string | undefined) => {
    if (escaped === '\\' || escaped === ',' || escaped === '=') return escaped;
    throw new SelectorError(`invalid or missing escape at ${JSON.stringify(match)} in ${JSON.stringify(value)}`);
  });
}

function escapeValue(value: string): string {
  return value.replaceAll(/[\\,=]/g, (char) => `\\${char}`);
}
