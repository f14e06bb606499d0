/** What a bundle holds, and from where: the programs, the addon of one architecture, its Node, units and scripts. */

export type Arch = 'arm64' | 'x64';

export const ARCHES: readonly Arch[] = ['arm64', 'x64'];

/** Debian's names of the same. */
export const DEBIAN_ARCH: Readonly<Record<Arch, string>> = { arm64: 'arm64', x64: 'amd64' };

export interface BundleFile {
  /** In the bundle. */
  path: string;
  /** In the repository; a folder is taken whole. */
  from: string;
  executable?: true;
}

/** `bin/node` is not among them: it comes from a package of its own. */
export function listBundleFiles(arch: Arch): BundleFile[] {
  return [
    { path: 'bin/bramble', from: 'firmware-scripts/bundle/bramble', executable: true },
    { path: 'update.sh', from: 'firmware-scripts/update/update.sh', executable: true },
    { path: 'dist/cli.cjs', from: 'dist/cli.cjs' },
    { path: 'dist/master.cjs', from: 'dist/master.cjs' },
    { path: 'dist/agent.cjs', from: 'dist/agent.cjs' },
    { path: 'dist/systeminformation.cjs', from: 'dist/systeminformation.cjs' },
    { path: `dist/better-sqlite3.linux-${arch}.node`, from: `dist/better-sqlite3.linux-${arch}.node` },
    { path: 'dist/page', from: 'dist/page' },
    { path: 'systemd/bramble-agent.service', from: 'firmware-scripts/systemd/bramble-agent.service' },
    { path: 'systemd/bramble-master.service', from: 'firmware-scripts/systemd/bramble-master.service' },
    // So that a master can flash cards too.
    { path: 'firmware-scripts/first-boot', from: 'firmware-scripts/first-boot' },
    { path: 'firmware-scripts/systemd', from: 'firmware-scripts/systemd' },
    { path: 'package.json', from: 'package.json' },
    { path: 'LICENSE', from: 'LICENSE' },
  ];
}
