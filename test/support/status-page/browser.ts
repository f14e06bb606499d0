/** Debian's Chromium, driven by Playwright, without a word to anybody outside. One browser a test file. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { startSeparateNetwork } from './separate-network.ts';

export interface TestBrowser {
  context: BrowserContext;
  /** Messages of the console that say that something is wrong, and errors that nothing caught. */
  complaints: string[];
  /** Requests to anybody but the page's own master. */
  strangers: string[];
  open(url: string, size?: { width: number; height: number }): Promise<Page>;
  close(): Promise<void>;
}

const PROGRAM = '/usr/bin/chromium';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

export const DESKTOP = { width: 1_360, height: 860 };
export const PHONE = { width: 390, height: 844 };

export async function startBrowser(): Promise<TestBrowser> {
  const folder = await mkdtemp(join(tmpdir(), 'bramble-browser-'));
  const network = await startSeparateNetwork();
  const program = join(folder, 'chromium-in-there');
  await writeFile(program, `#!/bin/sh\nexec ${network.prefix.join(' ')} ${PROGRAM} "$@"\n`, { mode: 0o755 });
  const options = { executablePath: program, args: FLAGS, viewport: DESKTOP, timeout: 60_000 };
  const context = await chromium.launchPersistentContext(folder, options).catch(async (error: unknown) => {
    await network.stop();
    throw error;
  });
  const complaints: string[] = [];
  const strangers: string[] = [];
  context.on('request', (request) => {
    if (!/^(http:\/\/127\.0\.0\.1:|data:|blob:)/.test(request.url())) strangers.push(request.url());
  });
  return {
    context,
    complaints,
    strangers,
    async open(url, size = DESKTOP) {
      await network.carry(Number(new URL(url).port));
      const page = await context.newPage();
      page.on('pageerror', (error) => complaints.push(String(error)));
      page.on('console', (message) => {
        // A master that is away is said by the page itself.
        const isExpected = /ERR_(CONNECTION|EMPTY|SOCKET)|WebSocket connection|status of 40/.test(message.text());
        if (message.type() === 'error' && !isExpected) complaints.push(message.text());
      });
      await page.setViewportSize(size);
      await page.goto(url);
      return page;
    },
    async close() {
      await context.close();
      await network.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
