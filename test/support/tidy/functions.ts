/**
 * How long functions are. Types are stripped first (Node's own stripper keeps every position), which leaves two ways to open a
 * function's body: `=> {`, and `) {` where the parentheses do not belong to a control statement.
 */
import { stripTypeScriptTypes } from 'node:module';
import { maskSource } from './mask-source.ts';
import { type Finding, lineAt, type SourceFile } from './source-file.ts';

export interface FunctionSpan {
  /** 1-based, of the signature's opening parenthesis or the arrow. */
  firstLine: number;
  lastLine: number;
  /** Lines of the functions inside it left out. */
  ownLines: number;
}

interface Open {
  /** undefined: a block, a class or an object. */
  firstLine: number | undefined;
  innerLines: number;
}

const CONTROL = /(?<![.\w$])(?:if|for|while|switch|catch|with|await)\s*$/;

/** Throws SyntaxError where the file is not erasable TypeScript. */
export function functionsOf(text: string): FunctionSpan[] {
  const code = maskSource(stripTypeScriptTypes(text, { mode: 'strip' }));
  const parentheses: number[] = [];
  const blocks: Open[] = [];
  const spans: FunctionSpan[] = [];
  let lastPair = { open: 0, close: -1 };
  for (const { 0: bracket, index } of code.matchAll(/[(){}]/g)) {
    if (bracket === '(') parentheses.push(index);
    else if (bracket === ')') lastPair = { open: parentheses.pop() ?? 0, close: index };
    else if (bracket === '{') blocks.push({ firstLine: signatureLine(code, index, lastPair), innerLines: 0 });
    else closeBlock(blocks, spans, lineAt(code, index));
  }
  return spans;
}

function signatureLine(code: string, brace: number, pair: { open: number; close: number }): number | undefined {
  const before = code.slice(0, brace).trimEnd();
  if (before.endsWith('=>')) return lineAt(code, before.length);
  if (before.length - 1 !== pair.close || CONTROL.test(code.slice(0, pair.open))) return undefined;
  return lineAt(code, pair.open);
}

function closeBlock(blocks: Open[], spans: FunctionSpan[], lastLine: number): void {
  const block = blocks.pop();
  if (block === undefined) return;
  const outer = blocks.at(-1);
  if (block.firstLine === undefined) {
    if (outer) outer.innerLines += block.innerLines;
    return;
  }
  const lines = lastLine - block.firstLine + 1;
  spans.push({ firstLine: block.firstLine, lastLine, ownLines: lines - block.innerLines });
  if (outer) outer.innerLines += lines;
}

/** In tests a `describe` is as long as what it holds: there only the lines outside inner functions count. */
export function findLongFunctions(file: SourceFile, limitLines: number, count: 'all' | 'own'): Finding[] {
  return functionsOf(file.text)
    .map((span) => ({ ...span, lines: count === 'own' ? span.ownLines : span.lastLine - span.firstLine + 1 }))
    .filter(({ lines }) => lines > limitLines)
    .map(({ firstLine, lines }) => ({
      path: file.path,
      line: firstLine,
      rule: 'function length',
      message: `${lines} lines, the limit is ${limitLines}`,
    }));
}
