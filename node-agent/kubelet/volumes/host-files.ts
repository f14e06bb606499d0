/** What the kubelet does to the node's file system. The simulation keeps the files in memory. */

export interface ProjectedFile {
  /** Relative, may have directories: `sub/key`. */
  path: string;
  bytes: Uint8Array;
  mode: number;
}

export type FileType = 'directory' | 'file' | 'socket' | 'character-device' | 'block-device';

/** Methods reject with HostFilesError. */
export interface HostFiles {
  /** With its parents; an existing one is fine and keeps its mode. */
  makeDirectory(path: string, mode: number): Promise<void>;
  /**
   * Makes `directory` hold exactly these files, all at once: a reader sees the old set or the new one, never a mixture.
   * Writes nothing when it already does. Files belong to `groupId` where one is given.
   */
  writeProjected(directory: string, files: readonly ProjectedFile[], groupId?: number): Promise<void>;
  /** An empty file unless there is one. */
  touchFile(path: string, mode: number): Promise<void>;
  /** The end of the file, at most `maxBytes`; undefined: there is none. */
  readTail(path: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /** What is there, links followed. */
  typeOf(path: string): Promise<FileType | undefined>;
  /** Memory as a directory; fine when it is one already. Contents count against the memory of who writes them. */
  mountMemory(directory: string, sizeBytes: number | undefined): Promise<void>;
  /** Owner of a volume's root, so that processes of that group may write. */
  setGroup(path: string, groupId: number): Promise<void>;
  listDirectory(path: string): Promise<string[]>;
  /** Unmounts what is mounted below, then removes everything; a missing one is fine. Never follows a link. */
  removeTree(path: string): Promise<void>;
}

export class HostFilesError extends Error {
  override readonly name = 'HostFilesError';
}
