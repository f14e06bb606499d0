/**
 * axe-core in every view, on phone and desktop, dark and light. All of its rules look once at each size; the colours are all that
 * differs between dark and light, so the other scheme of a size is asked for contrast alone, unless `thorough`.
 */
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { ROOT } from '../kubectl.ts';
import { DESKTOP, PHONE } from './browser.ts';

const CONTRAST = "{ runOnly: ['color-contrast'], resultTypes: ['violations'] }";
const ALL = "{ resultTypes: ['violations'] }";

const LOOKS = [
  { size: DESKTOP, colorScheme: 'light', rules: ALL },
  { size: PHONE, colorScheme: 'dark', rules: ALL },
  { size: DESKTOP, colorScheme: 'dark', rules: CONTRAST },
  { size: PHONE, colorScheme: 'light', rules: CONTRAST },
] as const;

const TWO_FRAMES = 'new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))';

/** What is wrong, a sentence each; also where something is wider than the screen. */
export async function findComplaints(page: Page, hashes: readonly string[], isThorough = false): Promise<string[]> {
  await page.evaluate(await readFile(`${ROOT}/node_modules/axe-core/axe.min.js`, 'utf8'));
  const complaints: string[] = [];
  for (const { size, colorScheme, rules } of LOOKS) {
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    for (const hash of hashes) {
      await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
      await page.evaluate(TWO_FRAMES);
      const found = await lookOnce(page, isThorough ? ALL : rules);
      complaints.push(...found.map((what) => `${hash} ${size.width} ${colorScheme}: ${what}`));
    }
  }
  await page.setViewportSize(DESKTOP);
  return complaints;
}

/** At what is there now. */
export async function lookOnce(page: Page, rules: string = ALL): Promise<string[]> {
  const found = await page.evaluate(`axe.run(${rules}).then(({ violations }) => [
    ...violations.map(({ id, nodes }) =>
      id + ': ' + nodes.map(({ html, any }) => html.slice(0, 200) + ' ' + (any[0]?.message ?? '')).join(' | ')),
    ...(document.documentElement.scrollWidth > innerWidth ? ['wider than the screen'] : []),
  ])`);
  return Array.isArray(found) ? found.map(String) : ['axe said nothing'];
}
