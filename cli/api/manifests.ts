/** Manifests as people write them: YAML or JSON, several in a file, folders of files, standard input. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { type Document, parseAllDocuments } from 'yaml';
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import { EXIT, Failure, messageOf, systemErrorCode } from '../failure.ts';

export interface Manifest {
  object: JsonObject & { apiVersion: string; kind: string; metadata: JsonObject };
  /** File and number of the document, for messages. */
  source: string;
}

const EXTENSIONS = ['.yaml', '.yml', '.json'];

const MAX_ALIASES = 100;

/** Largest input: more is no manifest. */
const MAX_INPUT_BYTES = 64 * 1024 * 1024;

export interface ReadOptions {
  stdin: Readable;
  /** Folders inside folders too. */
  recursive: boolean;
}

/** Throws a Failure that names file and line. */
export async function readManifests(paths: readonly string[], options: ReadOptions): Promise<Manifest[]> {
  const manifests: Manifest[] = [];
  for (const path of paths) {
    for (const file of await listFiles(path, options.recursive)) {
      manifests.push(...parseManifests(await readInput(file, options.stdin), file === '-' ? 'standard input' : file));
    }
  }
  if (manifests.length === 0) throw new Failure(EXIT.input, `no objects in ${paths.join(', ')}`);
  return manifests;
}

export function parseManifests(text: string, source: string): Manifest[] {
  const documents = parseAllDocuments(text, { uniqueKeys: true });
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document, index) => {
    const name = documents.length > 1 ? `${source}, document ${index + 1}` : source;
    const [error] = document.errors;
    if (error !== undefined) throw new Failure(EXIT.input, `${name} is not YAML: ${error.message}`);
    return expand(readDocument(document, name), name);
  });
}

/** What stands for itself a thousand times over is no manifest. */
function readDocument(document: Document, name: string): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    throw new Failure(EXIT.input, `${name} cannot be read: ${messageOf(error)}`);
  }
}

/** A List stands for its items. */
function expand(value: unknown, source: string): Manifest[] {
  if (value === null || value === undefined) return [];
  if (isJsonObject(value) && value['kind'] === 'List' && Array.isArray(value['items'])) {
    return value['items'].flatMap((item) => expand(item, source));
  }
  if (!isManifest(value)) {
    throw new Failure(EXIT.input, `${source} is no object of the API`, 'it needs apiVersion, kind and metadata.name');
  }
  return [{ object: value, source }];
}

function isManifest(value: unknown): value is Manifest['object'] {
  return (
    isJsonObject(value) &&
    typeof value['apiVersion'] === 'string' &&
    typeof value['kind'] === 'string' &&
    isJsonObject(value['metadata'])
  );
}

async function listFiles(path: string, recursive: boolean): Promise<string[]> {
  if (path === '-' || isAddress(path)) return [path];
  const entry = await stat(path).catch((error: unknown) => {
    throw new Failure(EXIT.input, `${path} cannot be read: ${systemErrorCode(error) ?? messageOf(error)}`);
  });
  if (!entry.isDirectory()) return [path];
  const names = (await readdir(path, { recursive, withFileTypes: true }))
    .filter((each) => each.isFile() && EXTENSIONS.includes(extname(each.name)))
    .map((each) => join(each.parentPath, each.name));
  return names.sort();
}

function isAddress(path: string): boolean {
  return /^https?:\/\//.test(path);
}

async function fetchManifest(address: string): Promise<string> {
  const response = await fetch(address).catch((error: unknown) => {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    throw new Failure(EXIT.unavailable, `${address} cannot be reached: ${systemErrorCode(cause) ?? messageOf(cause)}`);
  });
  if (!response.ok) throw new Failure(EXIT.input, `${address} answers with ${response.status} ${response.statusText}`);
  const text = await response.text();
  if (text.length > MAX_INPUT_BYTES) throw new Failure(EXIT.input, `${address} has more than ${MAX_INPUT_BYTES} bytes`);
  return text;
}

async function readInput(path: string, stdin: Readable): Promise<string> {
  if (isAddress(path)) return fetchManifest(path);
  if (path !== '-') {
    return readFile(path, 'utf8').catch((error: unknown) => {
      throw new Failure(EXIT.input, `${path} cannot be read: ${systemErrorCode(error) ?? messageOf(error)}`);
    });
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    size += chunk.length;
    if (size > MAX_INPUT_BYTES) throw new Failure(EXIT.input, `standard input has more than ${MAX_INPUT_BYTES} bytes`);
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks).toString('utf8');
}
