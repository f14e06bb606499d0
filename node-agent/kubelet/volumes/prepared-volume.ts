/** What the node has made ready of one volume of a pod. */

export interface PreparedVolume {
  /** A directory or file to mount; of a block volume the device. */
  path: string;
  /** Nobody may write, whatever a mount says. */
  readOnly: boolean;
  isBlock: boolean;
}

export type PreparedVolumes = ReadonlyMap<string, PreparedVolume>;

/** By volume name, or why one cannot be had now. */
export type VolumesResult =
  | { ok: true; volumes: PreparedVolumes; lookAgainMs: number | undefined }
  | { ok: false; volume: string; message: string; isPending: boolean };
