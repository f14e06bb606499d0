/**
 * How smoothly a page scrolls, by the times between its frames. Nothing here has a GPU, and the CPU that draws is everybody's: on a
 * busy machine they tell of the machine as much as of the page.
 */
import type { Page } from 'playwright-core';

const FRAMES = 120;
const STEP_PX = 240;

/** Between two frames: half of them take no longer than `p50Ms`, 95 of 100 no longer than `p95Ms`. */
export interface FrameTimes {
  p50Ms: number;
  p95Ms: number;
}

export async function measureScrolling(page: Page): Promise<FrameTimes> {
  const times = await page.evaluate(`new Promise((resolve) => {
    const times = [];
    let last = performance.now();
    const step = (now) => {
      times.push(now - last);
      last = now;
      scrollBy(0, ${STEP_PX});
      if (times.length < ${FRAMES}) requestAnimationFrame(step);
      else resolve(times.slice(1).sort((a, b) => a - b));
    };
    requestAnimationFrame(step);
  })`);
  if (!Array.isArray(times)) throw new Error('the page has measured nothing');
  const at = (share: number): number => Number(times[Math.floor(times.length * share)]);
  return { p50Ms: at(0.5), p95Ms: at(0.95) };
}
