/**
 * Images from engine to engine, as agents hand them over: what one exports the other takes, under names with tags and with
 * digests, and what breaks off or is something else leaves nothing behind.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DockerRuntime } from '../../node-agent/container-runtime/docker-runtime.ts';
import type { ImageRecord, ImportOptions } from '../../node-agent/container-runtime/runtime.ts';
import { defined } from '../../shared/platform/assert.ts';
import { systemClock } from '../../shared/platform/clock.ts';
import { silentLogger } from '../../shared/platform/logger.ts';
import { hasDocker, startTestEngine, TEST_IMAGE, type TestEngine } from '../support/docker.ts';

const NODE = `transfer-${process.pid}`;
const DIGEST = `sha256:${'d1'.repeat(32)}`;
const COPY = 'registry.invalid:5000/team/app:1';

if (await hasDocker()) {
  describe('images from engine to engine', () => {
    const engines: TestEngine[] = [];
    const runtimes: DockerRuntime[] = [];
    const { signal } = new AbortController();

    before(async () => {
      for (let index = 0; index < 2; index += 1) {
        const engine = await startTestEngine({ isolated: true });
        engines.push(engine);
        const { socketPath } = engine;
        runtimes.push(new DockerRuntime({ socketPath, node: NODE, clock: systemClock, logger: silentLogger }));
      }
    });
    after(async () => {
      for (const engine of engines) await engine.stop();
    });

    const sender = (): DockerRuntime => defined(runtimes[0], 'the sender');
    const receiver = (): DockerRuntime => defined(runtimes[1], 'the receiver');
    const original = async (): Promise<ImageRecord> => defined(await sender().imageStatus(TEST_IMAGE), 'the image');

    async function copy(options: Partial<ImportOptions>, change = (chunks: AsyncIterable<Uint8Array>) => chunks) {
      const { id } = await original();
      const { chunks } = await sender().exportImage(id, signal);
      const base = { reference: COPY, digest: undefined, imageId: id, maxBytes: 1e9, signal };
      return receiver().importImage(change(chunks), { ...base, ...options });
    }

    it('gives the same bytes for the same version', async () => {
      const { id } = await original();
      const [first, second] = [await sender().exportImage(id, signal), await sender().exportImage(id, signal)];
      assert.equal(first.version, second.version);
      assert.ok((await collect(first.chunks)).equals(await collect(second.chunks)));
      assert.ok(first.sizeBytes > 1_000_000);
      await assert.rejects(sender().exportImage('sha256:none', signal), { reason: 'not-found' });
    });

    it('is the same image there, by its tag and by its digest', async () => {
      const { id } = await original();
      const image = await copy({ digest: DIGEST });
      assert.deepEqual([image.id, image.references, image.architecture], [id, [COPY], (await original()).architecture]);
      const byDigest = `registry.invalid:5000/team/app@${DIGEST}`;
      assert.deepEqual(image.digests, [byDigest]);
      assert.equal((await receiver().imageStatus(byDigest))?.id, id);
      const listed = (await receiver().listImages()).find((item) => item.references.includes(COPY));
      assert.deepEqual(listed?.digests, [byDigest]);
    });

    it('goes with all its names', async () => {
      const { id } = defined(await receiver().imageStatus(COPY), 'the copy');
      await defined(engines[1], 'the engine')
        .docker('rmi', TEST_IMAGE)
        .catch(() => undefined);
      await receiver().removeImage(id);
      assert.equal(await receiver().imageStatus(id), undefined);
      await receiver().removeImage(id);
    });

    it('is found under a name with a digest alone', async () => {
      const reference = `team/app@${DIGEST}`;
      const image = await copy({ reference, digest: DIGEST });
      assert.deepEqual([image.references, image.digests], [[], [reference]]);
      assert.equal((await receiver().imageStatus(reference))?.id, image.id);
      assert.equal(await receiver().imageStatus(`team/other@${DIGEST}`), undefined);
      await receiver().removeImage(image.id);
      assert.equal(await receiver().imageStatus(reference), undefined);
    });

    it('leaves nothing of what breaks off', async () => {
      const broken = copy({}, async function* (chunks) {
        let total = 0;
        for await (const chunk of chunks) {
          total += chunk.length;
          if (total > 500_000) throw new Error('the line is cut');
          yield chunk;
        }
      });
      await assert.rejects(broken, { message: 'the line is cut' });
      assert.equal(await receiver().imageStatus(COPY), undefined);
    });

    it('takes nothing else than what is expected', async () => {
      const imageId = `sha256:${'0'.repeat(64)}`;
      await assert.rejects(copy({ imageId }), { reason: 'invalid' });
      await assert.rejects(copy({ maxBytes: 1000 }), { reason: 'invalid' });
      assert.equal(await receiver().imageStatus(COPY), undefined);
    });

    it('ends when it is told to', async () => {
      const abort = new AbortController();
      const waiting = copy({ signal: abort.signal }, async function* (chunks) {
        for await (const chunk of chunks) {
          yield chunk;
          abort.abort();
        }
      });
      await assert.rejects(waiting);
      assert.equal(await receiver().imageStatus(COPY), undefined);
    });
  });
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}
