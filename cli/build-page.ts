/**
 * Makes the files of the status page: its modules and the charting library become one script, its style sheets one sheet, so
 * that a browser without the internet has all it needs from the master.
 */
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const SOURCE = fileURLToPath(new URL('../master/status-page/page', import.meta.url));

/** Browsers of the last two years; light-dark() in the style sheet needs no less. */
const TARGETS = ['chrome123', 'firefox120', 'safari17.5'];

export async function buildPage(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  // Written beside and renamed, so that a master that starts meanwhile reads whole files.
  const partial = `${folder}.${process.pid}.partial`;
  try {
    await build({
      entryPoints: { page: join(SOURCE, 'main.ts'), style: join(SOURCE, 'style.css') },
      outdir: partial,
      bundle: true,
      format: 'esm',
      platform: 'browser',
      target: TARGETS,
      minify: true,
      legalComments: 'none',
      logLevel: 'warning',
    });
    for (const file of ['index.html', 'icon.svg']) await copyFile(join(SOURCE, file), join(partial, file));
    for (const file of ['index.html', 'icon.svg', 'page.js', 'style.css']) {
      await rename(join(partial, file), join(folder, file));
    }
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}
