/**
 * Every view and dialog of the page before a fleet with all troubles, on phone and desktop, dark and light, as pictures in a folder:
 *
 *     node test/support/status-page/look-at-all.ts FOLDER
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { DESKTOP, PHONE, startBrowser } from './browser.ts';
import { startFleet } from './fleet.ts';
import { BOARDS, TROUBLED, writeFleet } from './workloads.ts';

const POD = 'pod/default/camera-6c9f';

/** Name and address. */
const VIEWS: readonly (readonly [name: string, hash: string])[] = [
  ['overview', '#/'],
  ['workloads', '#/workloads'],
  ['pods', '#/pods'],
  ['services', '#/services'],
  ['events', '#/events'],
  ['none', '#/pods?search=there-is-no-such-pod'],
  ['trouble', '#/?trouble=1'],
  ['board', '#/?open=board/pi-2'],
  ['board-lost', '#/?open=board/pi-lost-6'],
  ['board-pods', '#/?open=board/pi-2&tab=pods'],
  ['pod', `#/?open=${POD}`],
  ['pod-logs', `#/?open=${POD}&tab=logs`],
  ['pod-placement', `#/?open=${POD}&tab=placement`],
  ['pod-events', `#/?open=${POD}&tab=events`],
  ['workload', '#/workloads?open=workload/Deployment/default/web'],
  ['service', '#/services?open=service/default/web'],
  ['gone', '#/?open=pod/default/gone'],
];

const [folder = ''] = process.argv.slice(2);
await mkdir(folder, { recursive: true });
const fleet = await startFleet([...BOARDS, ...TROUBLED]);
const browser = await startBrowser();
try {
  await writeFleet(fleet);
  const page = await browser.open(fleet.url);
  for (const [sizeName, size] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const pathOf = (name: string): string => join(folder, `${sizeName}-${colorScheme}-${name}.png`);
      for (const [name, hash] of VIEWS) await take(page, hash, pathOf(name));
      await takeDialogs(page, pathOf);
    }
  }
} finally {
  await browser.close();
  await fleet.stop();
}

async function take(page: Page, hash: string, path: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}; document.activeElement?.blur()`);
  await page.locator('.tile').first().waitFor({ state: 'attached' });
  // Charts, logs and placements come with an answer of their own.
  if (hash.includes('open=')) await page.waitForLoadState('networkidle');
  await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))');
  await page.screenshot({ path });
}

async function takeDialogs(page: Page, pathOf: (name: string) => string): Promise<void> {
  await page.evaluate(`location.hash = '#/'`);
  await page.locator('#detail').waitFor({ state: 'hidden' });
  await page.locator('#sign-in').click();
  await page.locator('#token').fill('admin');
  await page.screenshot({ path: pathOf('sign-in') });
  await page.locator('#sign-in-form button[type=submit]').click();
  await page.locator('#sign-in:text-is("Sign out")').waitFor();
  await page.evaluate(`location.hash = '#/?open=board/pi-2'`);
  await page.locator('[data-action=reboot]').click();
  await page.screenshot({ path: pathOf('confirm') });
  await page.locator('#confirm-yes').click();
  await page.locator('#confirm-error:not(:empty)').waitFor();
  await page.screenshot({ path: pathOf('refused') });
  await page.locator('#confirm-no').click();
  await page.locator('[data-action=cordon]').click();
  await page.locator('#confirm-yes').click();
  await page.locator('[data-action=uncordon]').waitFor();
  await page.screenshot({ path: pathOf('done') });
  await page.locator('[data-action=uncordon]').click();
  await page.locator('#confirm-yes').click();
  await page.locator('[data-action=cordon]').waitFor();
  await page.evaluate(`location.hash = '#/'`);
  await page.locator('#detail').waitFor({ state: 'hidden' });
  await page.locator('#sign-in').click();
  await page.locator('#sign-in:text-is("Sign in")').waitFor();
}
