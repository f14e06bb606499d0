/** Makes docs/screenshots: the page before a fleet that is only told. Run it after the page has changed, and look at them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { ROOT } from '../kubectl.ts';
import { DESKTOP, PHONE, startBrowser } from './browser.ts';
import { startFleet } from './fleet.ts';
import { BOARDS, writeFleet } from './workloads.ts';

const FOLDER = join(ROOT, 'docs/screenshots');

const QUALITY_PERCENT = 85;

interface Shot {
  name: string;
  hash: string;
  colorScheme: 'light' | 'dark';
  size: { width: number; height: number };
  /** What must be there. */
  ready: string;
}

const SHOTS: readonly Shot[] = [
  { name: 'overview-light', hash: '#/', colorScheme: 'light', size: { width: 1_360, height: 1_010 }, ready: '.tile' },
  { name: 'board-dark', hash: '#/?open=board/pi-2', colorScheme: 'dark', size: DESKTOP, ready: '.u-wrap' },
  { name: 'phone-dark', hash: '#/', colorScheme: 'dark', size: PHONE, ready: '.tile' },
  { name: 'phone-pods-light', hash: '#/pods', colorScheme: 'light', size: PHONE, ready: '#pod-rows li' },
];

const fleet = await startFleet(BOARDS);
const browser = await startBrowser();
try {
  await writeFleet(fleet);
  await mkdir(FOLDER, { recursive: true });
  const page = await browser.open(fleet.url);
  for (const shot of SHOTS) await take(page, shot);
} finally {
  await browser.close();
  await fleet.stop();
}

async function take(page: Page, { name, hash, colorScheme, size, ready }: Shot): Promise<void> {
  await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}; document.activeElement?.blur()`);
  await page.locator(ready).first().waitFor();
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: QUALITY_PERCENT });
  await session.detach();
  await writeFile(join(FOLDER, `${name}.webp`), Buffer.from(data, 'base64'));
}
