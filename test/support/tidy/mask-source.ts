/**
 * Blanks out what is no code. A tokenizer of the four things that can hide code from a search: comments, quoted strings,
 * templates (whose `${…}` is code again) and regular expressions.
 * A slash begins a regular expression unless a value stands before it; that guess fails after `if (x)` and `}`, where
 * nobody starts a statement with one.
 */
type Region = { end: number };

const VALUE_ENDS = /[\w$)\]}'"`]$/;
const KEYWORD_BEFORE_REGEX = /(?:^|[^.\w$])(?:return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield)$/;

/** Same length and lines as `source`. */
export function maskSource(source: string): string {
  const output = source.split('');
  /** Depths of braces inside the `${` of each template that goes on behind its `}`. */
  const templates: number[] = [];
  let depth = 0;
  for (let index = 0; index < source.length; ) {
    const character = source[index];
    const resumes = character === '}' && templates.at(-1) === depth;
    if (resumes) templates.pop();
    if (character === '}') depth -= 1;
    if (character === '{') depth += 1;
    if (character === '`' || resumes) {
      const { end, opens } = maskTemplate(source, index, output);
      if (opens) templates.push(++depth);
      index = end;
    } else {
      index = maskRegion(source, index, output)?.end ?? index + 1;
    }
  }
  return output.join('');
}

/** A comment, a string or a regular expression that begins at `index`. */
function maskRegion(source: string, index: number, output: string[]): Region | undefined {
  const two = source.slice(index, index + 2);
  if (two === '//') return blank(source, output, { from: index, end: endOf(source, '\n', index) });
  if (two === '/*') return blank(source, output, { from: index, end: endOf(source, '*/', index + 2) + 2 });
  if (index === 0 && two === '#!') return blank(source, output, { from: 0, end: endOf(source, '\n', 0) });
  const quote = source[index];
  if (quote === "'" || quote === '"')
    return maskInside(source, output, { from: index, end: endOfQuoted(source, index) });
  if (quote !== '/' || !regexMayBegin(output, index)) return undefined;
  return maskInside(source, output, { from: index, end: endOfRegex(source, index) });
}

/** From a backtick, or the brace that ends `${…}`, to the template's end or to behind its next `${`. */
function maskTemplate(source: string, start: number, output: string[]): Region & { opens: boolean } {
  let index = start + 1;
  while (index < source.length && source[index] !== '`') {
    if (source.startsWith('${', index)) {
      blank(source, output, { from: start + 1, end: index });
      return { end: index + 2, opens: true };
    }
    index += source[index] === '\\' ? 2 : 1;
  }
  blank(source, output, { from: start + 1, end: index });
  return { end: index + 1, opens: false };
}

function regexMayBegin(output: readonly string[], index: number): boolean {
  const before = output
    .slice(Math.max(0, index - 80), index)
    .join('')
    .trimEnd();
  return !VALUE_ENDS.test(before) || KEYWORD_BEFORE_REGEX.test(before);
}

function endOfQuoted(source: string, start: number): number {
  let index = start + 1;
  while (index < source.length && source[index] !== source[start] && source[index] !== '\n') {
    index += source[index] === '\\' ? 2 : 1;
  }
  return index + 1;
}

function endOfRegex(source: string, start: number): number {
  let inClass = false;
  for (let index = start + 1; index < source.length; index++) {
    const character = source[index];
    if (character === '\\') index += 1;
    else if (character === '[') inClass = true;
    else if (character === ']') inClass = false;
    else if ((character === '/' && !inClass) || character === '\n') return index + 1;
  }
  return source.length;
}

function endOf(source: string, mark: string, from: number): number {
  const end = source.indexOf(mark, from);
  return end === -1 ? source.length : end;
}

function maskInside(source: string, output: string[], { from, end }: { from: number; end: number }): Region {
  blank(source, output, { from: from + 1, end: end - 1 });
  return { end };
}

function blank(source: string, output: string[], { from, end }: { from: number; end: number }): Region {
  for (let index = from; index < Math.min(end, source.length); index++) if (source[index] !== '\n') output[index] = ' ';
  return { end };
}
