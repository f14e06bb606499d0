/** What the kubelet does to the node's file system. The simulation keeps the files in memory. */

export interface ProjectedFile {
  /** Relative, may have directories: `sub/key`. */
  path: string;
  bytes: Uint8Array;
  mode: number;
  /** Its owner; root's unless given. */
  userId?: number;
}

export type FileType = 'directory' | 'file' | 'socket' | 'character-device' | 'block-device';

export interface GroupOptions {
  groupId: number;
  /** `OnRootMismatch`: nothing is done when the volume's root belongs to the group already. */
  policy: 'Always' | 'OnRootMismatch';
}

export interface MemoryOptions {
  /** Of the directory itself. */
  mode: number;
  /** undefined: what the kernel gives, half of the memory. */
  sizeBytes: number | undefined;
}

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
  /** The beginning of a file that a container may have written; undefined: there is none, or it leads out of `root`. */
  readInside(root: string, path: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /**
   * Makes a part of a volume appear at `target`, for a container to mount. Missing directories are made. Whatever links a
   * container puts there, now or between the check and the mount, nothing outside of `root` appears.
   */
  bindInside(root: string, path: string, target: string): Promise<void>;
  /** What is there, links followed. */
  typeOf(path: string): Promise<FileType | undefined>;
  /** Memory as a directory; fine when it is one already. Contents count against the memory of who writes them. */
  mountMemory(directory: string, options: MemoryOptions): Promise<void>;
  /** Gives a volume with all that lies in it to a group, whose processes may write; new files will be the group's too. */
  setGroup(path: string, options: GroupOptions): Promise<void>;
  /** What a tree takes of the disk, of links only the links themselves; undefined: there is none. */
  usedBytes(path: string): Promise<number | undefined>;
  listDirectory(path: string): Promise<string[]>;
  /** Unmounts what is mounted below, then removes everything; a missing one is fine. Never follows a link. */
  removeTree(path: string): Promise<void>;
}

export class HostFilesError extends Error {
  override readonly name = 'HostFilesError';
}
