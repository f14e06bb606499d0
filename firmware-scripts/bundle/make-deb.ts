/** The bundle as a Debian package: the same files where updates put them too, and the same bytes for the same files. */
import { chmod, copyFile, cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Arch, DEBIAN_ARCH } from './bundle-files.ts';
import { EPOCH } from './pack-tree.ts';
import { ROOT, run } from './run.ts';

export interface DebRequest {
  /** Folder for what is made on the way. */
  work: string;
  /** What the bundle holds. */
  tree: string;
  arch: Arch;
  version: string;
  output: string;
}

/** Resolves with its path. The links are made when it is installed, as the first boot makes them. */
export async function makeDeb({ work, tree, arch, version, output }: DebRequest): Promise<string> {
  const root = join(work, 'deb');
  await mkdir(join(root, 'DEBIAN'), { recursive: true });
  await cp(tree, join(root, 'opt/bramble/versions', version), { recursive: true });
  await writeFile(join(root, 'DEBIAN/control'), renderControl(version, arch));
  for (const script of ['postinst', 'prerm']) {
    await copyFile(join(ROOT, 'firmware-scripts/bundle/deb', script), join(root, 'DEBIAN', script));
    await chmod(join(root, 'DEBIAN', script), 0o755);
  }
  const deb = join(output, `bramble_${version}_${DEBIAN_ARCH[arch]}.deb`);
  const seconds = String(Date.parse(EPOCH) / 1000);
  // As in the archive: whoever makes it may have another umask.
  await run('chmod', ['-R', 'u+rw,go=rX', root]);
  await run('find', [root, '-exec', 'touch', '--no-dereference', `--date=@${seconds}`, '{}', '+']);
  await run('dpkg-deb', ['--root-owner-group', '-Zgzip', '--build', root, deb], { SOURCE_DATE_EPOCH: seconds });
  return deb;
}

function renderControl(version: string, arch: Arch): string {
  return `Package: bramble
Version: ${version}
Architecture: ${DEBIAN_ARCH[arch]}
Maintainer: Bramble <bramble@localhost>
Depends: docker.io | docker-ce, nftables, conntrack, apparmor, iproute2, libatomic1, libstdc++6
Recommends: iputils-arping
Section: admin
Priority: optional
Description: edge cluster runtime for Raspberry Pi fleets
 A Kubernetes that fits a 512 MB board, speaks MQTT, spares the SD card and
 knows how hot its boards are.
`;
}
