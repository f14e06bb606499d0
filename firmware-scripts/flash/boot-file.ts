/** A file for the boot partition, as all seeds make them. */

export interface BootFile {
  /** In the partition, with `/` between folders, plain ASCII: FAT knows no other names that every system reads alike. */
  path: string;
  content: string;
  /** Holds a token, a key or a password: never shown by a dry run. */
  secret?: true;
}

/** Folder of everything that is Bramble's on the boot partition. */
const BRAMBLE_FOLDER = 'bramble';

/** Files that the scripts of the first boot read; the names are known to firmware-scripts/first-boot/ too. */
export const BOARD_FILES = {
  /** `key=value` lines. */
  settings: `${BRAMBLE_FOLDER}/board.conf`,
  /** Seconds since 1970: the clock of a board without one starts no earlier. */
  flashedAt: `${BRAMBLE_FOLDER}/flashed-at`,
  token: `${BRAMBLE_FOLDER}/token`,
  sshKeys: `${BRAMBLE_FOLDER}/authorized_keys`,
  unit: `${BRAMBLE_FOLDER}/bramble-firstboot.service`,
  firstBoot: `${BRAMBLE_FOLDER}/firstboot.sh`,
  bundle: `${BRAMBLE_FOLDER}/bundle.tar.gz`,
  bundleHash: `${BRAMBLE_FOLDER}/bundle.sha256`,
  /** Folder of container images that the board loads at its first boot, as `docker save` writes them. */
  images: `${BRAMBLE_FOLDER}/images`,
  wired: `${BRAMBLE_FOLDER}/wired.nmconnection`,
  wifi: `${BRAMBLE_FOLDER}/wifi.nmconnection`,
  /** Written by the board: how its first boot went. */
  status: `${BRAMBLE_FOLDER}/status.txt`,
} as const;

/** What rendering takes besides the settings, all of it known before anything is written. */
export interface SeedContext {
  /** New for each flash, or cloud-init takes the card for one that it knows and ignores the seed. */
  instanceId: string;
  /** Milliseconds since 1970. */
  flashedAtMs: number;
  /** Files of firmware-scripts/first-boot/ and systemd/, by name. */
  scripts: Readonly<Record<string, string>>;
  /** The files of the partition that a seed edits, by name in lower case; absent: not there. */
  present: Readonly<Record<string, string>>;
}

export function readScript(context: SeedContext, name: string): string {
  const text = context.scripts[name];
  if (text === undefined) throw new Error(`the script ${name} is not part of this installation`);
  return text;
}
