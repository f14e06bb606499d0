/**
 * Images near, on real engines: a real registry, two boards with an engine each, a real master. One node fetches and the other
 * copies; a line that is cut is taken up where it broke; what lost bytes is fetched again.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { truncate, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DockerRuntime } from '../../node-agent/container-runtime/docker-runtime.ts';
import { ImageCopier } from '../../node-agent/kubelet/images/image-copier.ts';
import { createPeerDialer } from '../../node-agent/kubelet/images/peers/https-peer-dialer.ts';
import { createPeerServer } from '../../node-agent/kubelet/images/peers/https-peer-server.ts';
import { ImageSharing } from '../../node-agent/kubelet/images/peers/image-sharing.ts';
import { DeploymentKind } from '../../shared/api/deployment.ts';
import { ImagePullKind } from '../../shared/api/image-pull.ts';
import { type Pod, PodKind } from '../../shared/api/pod.ts';
import { defined } from '../../shared/platform/assert.ts';
import { systemClock } from '../../shared/platform/clock.ts';
import { silentLogger } from '../../shared/platform/logger.ts';
import { findFreePorts } from '../support/cluster.ts';
import { hasDocker, startTestEngine, type TestEngine } from '../support/docker.ts';
import { type RealBoards, startRealBoards } from '../support/real-boards.ts';
import { busyboxFile, startTestRegistry, type TestRegistry } from '../support/registry.ts';
import { createTestPki } from '../support/test-pki.ts';
import { waitFor } from '../support/wait.ts';

const HERE = { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' };
const ELSEWHERE = { os: 'linux', architecture: process.arch === 'arm64' ? 'amd64' : 'arm64' };
const PATIENCE_MS = 120_000;

/** Does not pack: what goes over the line is as long as the image. */
const BALLAST_BYTES = 6_000_000;

if (await hasDocker()) {
  describe('images near', () => {
    let registry: TestRegistry;
    let boards: RealBoards;
    let engines: Record<'one' | 'two', TestEngine>;
    let peerFlags: Record<'one' | 'two', string[]>;

    before(async () => {
      registry = await startTestRegistry();
      const [one, two] = [await startTestEngine({ isolated: true }), await startTestEngine({ isolated: true })];
      engines = { one, two };
      boards = await startRealBoards({ masterFlags: ['--insecure-registry', registry.host] });
      const [first = 0, second = 0] = await findFreePorts(2);
      const flagsFor = (port: number) => ['--node-ip', '127.0.0.1', '--peer-port', `${port}`];
      peerFlags = { one: flagsFor(first), two: flagsFor(second) };
      for (const name of ['one', 'two'] as const) {
        await boards.add({ name, engine: engines[name], flags: peerFlags[name] });
      }
    });
    after(async () => {
      await boards?.stop();
      await Promise.all([...Object.values(engines ?? {}).map((engine) => engine.stop()), registry?.stop()]);
    });

    async function push(name: string, platforms = [HERE]): Promise<string> {
      const ballast = { name: 'ballast', mode: 0o644, bytes: randomBytes(BALLAST_BYTES) };
      const command = ['/bin/busybox', 'sleep', '1000'];
      await registry.push({ name, platforms, files: [await busyboxFile(), ballast], command });
      return `${registry.host}/${name}`;
    }

    const createPod = (name: string, image: string, spec: { nodeName?: string } = {}): Promise<Pod> =>
      boards.client.create(PodKind, {
        metadata: { namespace: 'default', name },
        spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image }], ...spec },
      });

    const getPod = (name: string) => boards.client.get(PodKind, { namespace: 'default', name });

    const runs = (name: string) =>
      waitFor(`${name} runs`, async () => (await getPod(name)).status.phase === 'Running', PATIENCE_MS);

    const isGone = (name: string): Promise<boolean> =>
      getPod(name).then(
        () => false,
        () => true,
      );

    async function remove(name: string): Promise<void> {
      await boards.client.delete(PodKind, { namespace: 'default', name }, { gracePeriodSeconds: 0 });
      await waitFor(`${name} is gone`, () => isGone(name), PATIENCE_MS);
    }

    async function layersOf(repository: string): Promise<string[]> {
      const asked = await registry.requests(new RegExp(`^GET /v2/${repository}/blobs/`));
      return asked.filter(({ userAgent }) => /docker/i.test(userAgent)).map(({ path }) => path);
    }

    async function sourcesOf(image: string) {
      const { items } = await boards.client.list(ImagePullKind);
      return items
        .filter(({ spec }) => spec.image === image)
        .map(({ spec, status }) => ({ node: spec.nodeName, source: status.source }));
    }

    it('lets one node fetch and the other copy: the registry gives each layer once', async () => {
      const image = await push('team/app:1');
      await Promise.all([
        createPod('app-1', image, { nodeName: 'one' }),
        createPod('app-2', image, { nodeName: 'two' }),
      ]);
      await Promise.all([runs('app-1'), runs('app-2')]);
      const layers = await layersOf('team/app');
      assert.deepEqual([layers.length, new Set(layers).size], [2, 2], 'a layer and a configuration, each once');
      const sources = await waitFor('both are told', async () => {
        const found = await sourcesOf(image);
        return found.length === 2 && found.every(({ source }) => source !== undefined) && found;
      });
      const fetched = defined(
        sources.find(({ source }) => source === 'registry'),
        'who fetched it',
      );
      const copied = defined(
        sources.find(({ source }) => source !== 'registry'),
        'who copied it',
      );
      assert.equal(copied.source, fetched.node);
      const told = await waitFor('the event', async () =>
        (await boards.events('Pulled')).find((message) => message.includes(` from node ${fetched.node} in `)),
      );
      assert.match(told, /^Successfully pulled image "[^"]+" from node \w+ in [\d.]+s\. Image size: \d+ bytes\.$/);
      const table = await boards.kubectl.output(['get', 'imagepulls']);
      assert.match(table, /NODE +IMAGE +PHASE +SOURCE +PROGRESS/);
    });

    it('does not put a pod where its image does not run, and names the missing platform', async () => {
      const image = await push('team/foreign:1', [ELSEWHERE]);
      await createPod('foreign', image);
      const told = await waitFor('the event', async () => (await boards.events('FailedScheduling')).at(0), PATIENCE_MS);
      const [here, there] = [`linux/${HERE.architecture}`, `linux/${ELSEWHERE.architecture}`];
      const reason = `2 node(s) had no image "${image}" for ${here} (it is built for ${there})`;
      assert.equal(told, `0/2 nodes are available: ${reason}.`);
      assert.equal((await getPod('foreign')).spec.nodeName, undefined);
      await remove('foreign');
    });

    it('fetches ahead what a Deployment asks for', async () => {
      const image = await push('team/ahead:1');
      const labels = { app: 'ahead' };
      const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image }] } };
      await boards.client.create(DeploymentKind, {
        metadata: { namespace: 'default', name: 'ahead', annotations: { 'bramble.dev/prepull': 'true' } },
        spec: { replicas: 0, selector: { matchLabels: labels }, template },
      });
      for (const engine of Object.values(engines)) {
        const isThere = async (): Promise<boolean> => (await engine.docker('images', '-q', image)) !== '';
        await waitFor('the image is there', isThere, PATIENCE_MS);
      }
      assert.equal((await layersOf('team/ahead')).length, 2);
    });

    it('removes an image that lost bytes with the power, and fetches it again', async () => {
      const { two: engine } = engines;
      const image = `${registry.host}/team/app:1`;
      await remove('app-2');
      const isIdle = async (): Promise<boolean> => (await engine.docker('ps', '-q', '--filter', 'name=app-2')) === '';
      await waitFor('its container has ended', isIdle, PATIENCE_MS);
      await boards.end('two', 'SIGKILL');
      // The board was on in another boot, and the card has lost what was not written down.
      await writeFile(join(boards.folder.nodeFolder('two'), 'boot'), 'the boot before');
      const layer = await engine.docker('image', 'inspect', '-f', '{{.GraphDriver.Data.UpperDir}}', image);
      await truncate(join(layer, 'bin/busybox'), 0);
      await boards.add({ name: 'two', engine, flags: peerFlags.two });
      await createPod('again', image, { nodeName: 'two' });
      const damaged = await waitFor('the event', async () => (await boards.events('ImageDamaged')).at(0), PATIENCE_MS);
      assert.match(damaged, /was damaged when the board lost its power; it is removed and pulled again/);
      const isAlive = async (): Promise<boolean> => {
        const [main] = (await getPod('again')).status.containerStatuses ?? [];
        const id = (main?.containerID ?? '').replace('docker://', '');
        return (await engine.docker('exec', id, '/bin/busybox', 'echo', 'alive')) === 'alive';
      };
      await waitFor('it is alive', isAlive, PATIENCE_MS);
    });

    it('goes on with a copy where the line was cut, and takes nothing that is another image', async () => {
      const image = `${registry.host}/team/ahead:1`;
      const rig = await openRig(engines.one);
      try {
        const { docker, socketPath } = engines.two;
        await docker('rmi', '-f', image);
        const runtime = new DockerRuntime({ socketPath, node: 'two', clock: systemClock, logger: silentLogger });
        const copier = new ImageCopier({ runtime, dialer: rig.dialer, clock: systemClock, logger: silentLogger });
        const imageId = await engines.one.docker('image', 'inspect', '-f', '{{.Id}}', image);
        const { signal } = new AbortController();
        const base = { reference: image, digest: undefined, onTransfer: () => undefined, peers: [rig.peer], signal };
        const wrong = await copier.copy({ ...base, imageId: `sha256:${'0'.repeat(64)}` });
        assert.equal(wrong.type, 'failed');
        assert.equal(await docker('images', '-q', image), '');
        rig.offsets.length = 0;
        rig.cutAfter(BALLAST_BYTES / 2);
        const copied = await copier.copy({ ...base, imageId });
        assert.equal(copied.type, 'copied', JSON.stringify(copied));
        assert.equal(await docker('image', 'inspect', '-f', '{{.Id}}', image), imageId);
        const [first, second, ...more] = rig.offsets;
        assert.deepEqual([first, more], [0, []]);
        assert.ok((second ?? 0) > BALLAST_BYTES / 4, `it began again at ${second}`);
      } finally {
        await rig.close();
      }
    });
  });
}

/** The door of a node, behind a line that can be cut. */
async function openRig(engine: TestEngine) {
  const pki = await createTestPki();
  const identityOf = (name: string) => {
    const { key, cert } = pki.client(`system:node:${name}`, 'system:nodes');
    return { key, certificate: cert, ca: pki.server.ca };
  };
  const base = { clock: systemClock, logger: silentLogger };
  const runtime = new DockerRuntime({ ...base, socketPath: engine.socketPath, node: 'one' });
  const sharing = new ImageSharing({ ...base, runtime, freeBytes: async () => undefined });
  const offsets: number[] = [];
  const watched: Pick<ImageSharing, 'open'> = {
    open: (request) => {
      offsets.push(request.offset);
      return sharing.open(request);
    },
  };
  const sender = identityOf('one');
  const server = createPeerServer({ ...base, sharing: watched, host: '127.0.0.1', port: 0, identity: () => sender });
  await server.start();
  let limit = Number.POSITIVE_INFINITY;
  const line = await openLine(server.port, () => {
    const own = limit;
    limit = Number.POSITIVE_INFINITY;
    return own;
  });
  const receiver = identityOf('two');
  return {
    offsets,
    dialer: createPeerDialer({ identity: () => receiver, clock: systemClock }),
    peer: { nodeName: 'one', address: '127.0.0.1', port: line.port },
    /** The next connection breaks after so many bytes. */
    cutAfter(bytes: number) {
      limit = bytes;
    },
    async close() {
      line.server.close();
      await server.stop();
    },
  };
}

/** Passes bytes on to `port`; each connection breaks after as many bytes as `allowed` says. */
async function openLine(port: number, allowed: () => number): Promise<{ server: Server; port: number }> {
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    let left = allowed();
    const end = (): void => {
      near.destroy();
      far.destroy();
    };
    far.on('data', (chunk) => {
      left -= chunk.length;
      if (left < 0) end();
    });
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) socket.on('error', end).on('close', end);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 };
}
