/**
 * JSON Patch (RFC 6902): operations in order, all or none. The result shares nothing with the inputs.
 */
import { cloneJson, isJsonArray, isJsonObject, type JsonObject, jsonEqual, setKey } from '../json.ts';
import { formatJsonPointer, parseJsonPointer } from './json-pointer.ts';
import { PatchError } from './patch-error.ts';

/** As many as Kubernetes takes. */
const MAX_OPERATIONS = 10_000;

/** Text that all `copy` operations of one patch may add: each can double the document. */
const MAX_COPIED_CHARS = 3 * 1024 * 1024;

type Operation =
  | { op: 'add' | 'replace' | 'test'; path: string[]; value: unknown }
  | { op: 'remove'; path: string[] }
  | { op: 'move' | 'copy'; path: string[]; from: string[] };

/** Throws PatchError: malformed, inapplicable, testFailed or tooLarge. */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  const document = new Document(cloneJson(target));
  for (const operation of parseOperations(patch)) document.apply(operation);
  return document.root;
}

function parseOperations(patch: unknown): Operation[] {
  if (!isJsonArray(patch)) throw new PatchError('malformed', 'a JSON patch must be an array of operations');
  if (patch.length > MAX_OPERATIONS) {
    throw new PatchError(
      'tooLarge',
      `a JSON patch may have ${MAX_OPERATIONS} operations, this one has ${patch.length}`,
    );
  }
  return patch.map(parseOperation);
}

function parseOperation(operation: unknown, index: number): Operation {
  if (!isJsonObject(operation)) throw new PatchError('malformed', `operation ${index} is not an object`);
  const { op } = operation;
  const path = pointerMember(operation, 'path', index);
  switch (op) {
    case 'add':
    case 'replace':
    case 'test':
      if (operation['value'] === undefined) throw new PatchError('malformed', `operation ${index} needs a value`);
      return { op, path, value: operation['value'] };
    case 'remove':
      return { op, path };
    case 'move':
    case 'copy':
      return { op, path, from: pointerMember(operation, 'from', index) };
    default:
      throw new PatchError('malformed', `operation ${index} has the unknown op ${JSON.stringify(op)}`);
  }
}

function pointerMember(operation: JsonObject, member: 'path' | 'from', index: number): string[] {
  const text = operation[member];
  if (typeof text !== 'string') throw new PatchError('malformed', `operation ${index} needs a ${member}`);
  return parseJsonPointer(text);
}

/** The document while it is patched; owns all of its values. */
class Document {
  root: unknown;
  #copiedChars = 0;

  constructor(root: unknown) {
    this.root = root;
  }

  apply(operation: Operation): void {
    switch (operation.op) {
      case 'add':
        this.#add(operation.path, cloneJson(operation.value));
        break;
      case 'remove':
        this.#remove(operation.path);
        break;
      case 'replace':
        this.#replace(operation.path, cloneJson(operation.value));
        break;
      case 'move':
        this.#move(operation.from, operation.path);
        break;
      case 'copy':
        this.#add(operation.path, this.#copyOf(operation.from));
        break;
      case 'test':
        this.#test(operation.path, operation.value);
        break;
    }
  }

  #read(path: readonly string[]): unknown {
    let value = this.root;
    for (const token of path) value = childOf(value, token, path);
    return value;
  }

  #add(path: readonly string[], value: unknown): void {
    const last = path.at(-1);
    if (last === undefined) {
      this.root = value;
      return;
    }
    const parent = this.#read(path.slice(0, -1));
    if (isJsonArray(parent)) parent.splice(insertionIndex(parent, last, path), 0, value);
    else if (isJsonObject(parent)) setKey(parent, last, value);
    else throw noSuchPath(path);
  }

  #remove(path: readonly string[]): unknown {
    const removed = this.#read(path);
    const last = path.at(-1);
    const parent = this.#read(path.slice(0, -1));
    if (last === undefined) this.root = null;
    else if (isJsonArray(parent)) parent.splice(Number(last), 1);
    else if (isJsonObject(parent)) delete parent[last];
    return removed;
  }

  /** In place, so that the order of an object's keys stays. */
  #replace(path: readonly string[], value: unknown): void {
    this.#read(path);
    const last = path.at(-1);
    const parent = this.#read(path.slice(0, -1));
    if (last === undefined) this.root = value;
    else if (isJsonArray(parent)) parent[Number(last)] = value;
    else if (isJsonObject(parent)) setKey(parent, last, value);
  }

  /** RFC 6902, section 4.4: nothing can be moved into itself. */
  #move(from: readonly string[], path: readonly string[]): void {
    if (from.length < path.length && from.every((token, index) => path[index] === token)) {
      throw new PatchError('inapplicable', `${formatJsonPointer(from)} cannot be moved into itself`);
    }
    this.#add(path, this.#remove(from));
  }

  #copyOf(from: readonly string[]): unknown {
    const value = this.#read(from);
    this.#copiedChars += JSON.stringify(value).length;
    if (this.#copiedChars > MAX_COPIED_CHARS) {
      throw new PatchError('tooLarge', `the copy operations add more than ${MAX_COPIED_CHARS} characters`);
    }
    return cloneJson(value);
  }

  #test(path: readonly string[], expected: unknown): void {
    if (!jsonEqual(this.#read(path), expected)) {
      throw new PatchError('testFailed', `the value at "${formatJsonPointer(path)}" is not the expected one`);
    }
  }
}

/** RFC 6901, section 4: no sign, no leading zeros. */
const ARRAY_INDEX = /^(0|[1-9]\d{0,8})$/;

function childOf(value: unknown, token: string, path: readonly string[]): unknown {
  if (isJsonArray(value) && ARRAY_INDEX.test(token) && Number(token) < value.length) return value[Number(token)];
  if (isJsonObject(value) && Object.hasOwn(value, token)) return value[token];
  throw noSuchPath(path);
}

function insertionIndex(array: readonly unknown[], token: string, path: readonly string[]): number {
  if (token === '-') return array.length;
  if (!ARRAY_INDEX.test(token) || Number(token) > array.length) throw noSuchPath(path);
  return Number(token);
}

function noSuchPath(path: readonly string[]): PatchError {
  return new PatchError('inapplicable', `the path "${formatJsonPointer(path)}" does not exist in the object`);
}
