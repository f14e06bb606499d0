/**
 * How smoothly a page scrolls: times between frames, which tell of the whole machine, and the CPU time that the page's own thread
 * needs for a frame, which does not depend on what else runs. Nothing here has a GPU: raster threads draw, beside the page's thread.
 */
import type { Page } from 'playwright-core';

const FRAMES = 120;
const STEP_PX = 240;

export interface FrameTimes {
  /** Between two frames: half of them take no longer, 95 of 100 take no longer. */
  p50Ms: number;
  p95Ms: number;
  /** CPU time of the page's thread, a frame: scripts, style, layout, paint. */
  workMs: number;
}

export async function measureScrolling(page: Page): Promise<FrameTimes> {
  const session = await page.context().newCDPSession(page);
  // CPU time of the thread, not the time that goes by.
  await session.send('Performance.setTimeDomain', { timeDomain: 'threadTicks' });
  await session.send('Performance.enable');
  const workSeconds = async (): Promise<number> => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN;
  };
  const before = await workSeconds();
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
  const workMs = (((await workSeconds()) - before) * 1000) / FRAMES;
  await session.detach();
  if (!Array.isArray(times)) throw new Error('the page has measured nothing');
  const at = (share: number): number => Number(times[Math.floor(times.length * share)]);
  return { p50Ms: at(0.5), p95Ms: at(0.95), workMs };
}
