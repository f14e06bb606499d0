/** The peer: `docker run -d` of the same containers, as many at once as pods, until the last command has returned. */
import type { Clock } from '../../../shared/platform/clock.ts';
import { TEST_IMAGE, type TestEngine } from '../../support/docker.ts';
import { COMMAND } from './pod-starter.ts';

export async function timeDockerRun(clock: Clock, engine: TestEngine, count: number): Promise<number> {
  const startMs = clock.monotonicMs();
  const ids = await Promise.all(
    Array.from({ length: count }, () => engine.docker('run', '-d', TEST_IMAGE, ...COMMAND)),
  );
  const tookMs = clock.monotonicMs() - startMs;
  await engine.docker('rm', '-f', ...ids);
  return tookMs;
}
