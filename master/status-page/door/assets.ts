/** The page's files, compressed once: what is in memory is what goes over the wire. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

export interface Asset {
  contentType: string;
  etag: string;
  gzipped: Buffer;
}

const FILES: Readonly<Record<string, { file: string; contentType: string }>> = {
  '/': { file: 'index.html', contentType: 'text/html; charset=utf-8' },
  '/style.css': { file: 'style.css', contentType: 'text/css; charset=utf-8' },
  '/page.js': { file: 'page.js', contentType: 'text/javascript; charset=utf-8' },
  '/icon.svg': { file: 'icon.svg', contentType: 'image/svg+xml' },
};

/** `folder` is what cli/build-page.ts has made. By the path that is asked for. */
export async function loadAssets(folder: string): Promise<ReadonlyMap<string, Asset>> {
  const entries = Object.entries(FILES).map(async ([path, { file, contentType }]): Promise<[string, Asset]> => {
    const bytes = await readFile(join(folder, file));
    const etag = `"${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}"`;
    return [path, { contentType, etag, gzipped: await promisify(gzip)(bytes, { level: 9 }) }];
  });
  return new Map(await Promise.all(entries));
}

/** For the few programs that take no gzip. */
export function unpackAsset({ gzipped }: Asset): Promise<Buffer> {
  return promisify(gunzip)(gzipped);
}
