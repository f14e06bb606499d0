/** hostPath volumes by type. Source: Kubernetes documentation, "hostPath volume types". */
import type { HostPathVolumeSource } from '../../../shared/api/volume-storage.ts';
import { ConfigError } from '../spec/config-reader.ts';
import type { FileType, HostFiles } from './host-files.ts';

const WANTED: Readonly<Record<string, { type: FileType; words: string }>> = {
  Directory: { type: 'directory', words: 'a directory' },
  DirectoryOrCreate: { type: 'directory', words: 'a directory' },
  File: { type: 'file', words: 'a file' },
  FileOrCreate: { type: 'file', words: 'a file' },
  Socket: { type: 'socket', words: 'a socket' },
  CharDevice: { type: 'character-device', words: 'a character device' },
  BlockDevice: { type: 'block-device', words: 'a block device' },
};

/** Makes what the type allows to make; throws ConfigError when something else is there. */
export async function prepareHostPath(files: HostFiles, { path, type = '' }: HostPathVolumeSource): Promise<string> {
  const wanted = WANTED[type];
  if (wanted === undefined) return path;
  const present = await files.typeOf(path);
  if (present === wanted.type) return path;
  if (present !== undefined || !type.endsWith('OrCreate')) {
    throw new ConfigError(`hostPath type check failed: ${path} is not ${wanted.words}`);
  }
  if (wanted.type === 'directory') await files.makeDirectory(path, 0o755);
  else await files.touchFile(path, 0o644);
  return path;
}
