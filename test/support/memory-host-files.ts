/** HostFiles in memory, for simulations: what the kubelet did to the node's disk, as plain maps. */
import {
  type FileType,
  type HostFiles,
  HostFilesError,
  type ProjectedFile,
} from '../../node-agent/kubelet/volumes/host-files.ts';

export interface MemoryHostFiles extends HostFiles {
  /** Texts of a projected volume's files by path. */
  projected(directory: string): Record<string, string> | undefined;
  /** Every path that exists. */
  paths(): string[];
  /** What a container wrote to a file. */
  write(path: string, text: string): void;
  /** Times that a projected volume was really written. */
  readonly writes: number;
  /** The next calls fail with this message; undefined: they work again. */
  fail(message: string | undefined): void;
}

export function createMemoryHostFiles(): MemoryHostFiles {
  const types = new Map<string, FileType>();
  const texts = new Map<string, string>();
  const projections = new Map<string, Record<string, string>>();
  let failure: string | undefined;
  let writes = 0;
  const check = (): void => {
    if (failure !== undefined) throw new HostFilesError(failure);
  };
  const touch = (path: string): void => {
    types.set(path, 'file');
    if (!texts.has(path)) texts.set(path, '');
  };
  return {
    get writes() {
      return writes;
    },
    projected: (directory) => projections.get(directory),
    paths: () => [...types.keys()].sort(),
    write(path, text) {
      touch(path);
      texts.set(path, text);
    },
    fail(message) {
      failure = message;
    },
    async makeDirectory(path) {
      check();
      types.set(path, 'directory');
    },
    async writeProjected(directory, files) {
      check();
      types.set(directory, 'directory');
      const next = asTexts(files);
      if (JSON.stringify(projections.get(directory)) === JSON.stringify(next)) return;
      projections.set(directory, next);
      writes += 1;
    },
    async touchFile(path) {
      check();
      touch(path);
    },
    async readTail(path, maxBytes) {
      const slash = path.lastIndexOf('/');
      const text = texts.get(path) ?? projections.get(path.slice(0, slash))?.[path.slice(slash + 1)];
      return text === undefined ? undefined : Buffer.from(text).subarray(-maxBytes);
    },
    async readInside(root, path, maxBytes) {
      const text = texts.get(`${root}/${path}`);
      return text === undefined ? undefined : Buffer.from(text).subarray(0, maxBytes);
    },
    async bindInside(_root, _path, target) {
      check();
      types.set(target, 'directory');
    },
    async usedBytes(path) {
      check();
      if (!types.has(path)) return undefined;
      const below = [...texts].filter(([item]) => item.startsWith(`${path}/`));
      return below.reduce((sum, [, text]) => sum + text.length, 0);
    },
    typeOf: async (path) => types.get(path),
    async mountMemory(directory) {
      check();
      types.set(directory, 'directory');
    },
    async setGroup() {
      check();
    },
    async listDirectory(path) {
      const below = [...types.keys()].filter((item) => item.startsWith(`${path}/`));
      return [...new Set(below.map((item) => item.slice(path.length + 1).split('/')[0] ?? ''))].sort();
    },
    async removeTree(path) {
      check();
      for (const map of [types, texts, projections]) {
        for (const item of [...map.keys()]) if (item === path || item.startsWith(`${path}/`)) map.delete(item);
      }
    },
  };
}

function asTexts(files: readonly ProjectedFile[]): Record<string, string> {
  const pairs = files.map(({ path, bytes }): [string, string] => [path, Buffer.from(bytes).toString('utf8')]);
  return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
}
