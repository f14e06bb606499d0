/**
 * The sandbox's image, made on the spot: an archive as `docker save` writes it, with the one static program in it. It is
 * loaded, not imported, because only an archive carries the right architecture with every version of Docker.
 */
import { createHash } from 'node:crypto';
import { type PauseArchitecture, renderPauseBinary } from './pause-binary.ts';
import { renderTar } from './tar.ts';

/** Grows with each change of the program, so that an old image is never taken for the new one. */
export const PAUSE_IMAGE = 'bramble.dev/pause:1';

/** The tar archive to load; the same bytes each time. */
export function renderPauseArchive(architecture: PauseArchitecture): Buffer {
  const layer = renderTar([{ name: 'pause', mode: 0o755, bytes: renderPauseBinary(architecture) }]);
  const config = Buffer.from(JSON.stringify(renderConfig(architecture, sha256(layer))));
  const configName = `${sha256(config)}.json`;
  const manifest = [{ Config: configName, RepoTags: [PAUSE_IMAGE], Layers: ['layer.tar'] }];
  return renderTar([
    { name: 'layer.tar', mode: 0o644, bytes: layer },
    { name: configName, mode: 0o644, bytes: config },
    { name: 'manifest.json', mode: 0o644, bytes: Buffer.from(JSON.stringify(manifest)) },
  ]);
}

/** Source: OCI image specification, "Image Configuration". */
function renderConfig(architecture: PauseArchitecture, layerDigest: string): object {
  return {
    architecture,
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: { Entrypoint: ['/pause'], Labels: { 'bramble.dev/pause': 'true' } },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layerDigest}`] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'bramble agent' }],
  };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
