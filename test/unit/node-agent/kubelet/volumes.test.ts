/** Volumes on a real disk: contents, modes, atomic replacement, and that nothing is left. */
import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { podDirectory } from '../../../../node-agent/kubelet/paths.ts';
import type { ConfigReader } from '../../../../node-agent/kubelet/spec/config-reader.ts';
import type { TokenReader } from '../../../../node-agent/kubelet/tokens/pod-tokens.ts';
import type { ClaimReader } from '../../../../node-agent/kubelet/volumes/claims.ts';
import { nodeHostFiles } from '../../../../node-agent/kubelet/volumes/node-host-files.ts';
import { computeProjectedFiles } from '../../../../node-agent/kubelet/volumes/projected-files.ts';
import { VolumeManager, type VolumeManagerOptions } from '../../../../node-agent/kubelet/volumes/volume-manager.ts';
import type { Volume } from '../../../../shared/api/volume.ts';
import { silentLogger } from '../../../../shared/platform/logger.ts';
import { pod } from './builders.ts';

const FACTS = { hostIp: '192.0.2.10', podIp: '', allocatable: {} };
const META = { resourceVersion: '1', uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z', namespace: 'default' };

const NO_CLAIMS: ClaimReader = {
  claim: () => ({ state: 'absent' }),
  persistentVolume: () => ({ state: 'absent' }),
};
const NO_TOKENS: TokenReader = { token: async () => ({ state: 'pending' }) };

const root = mkdtempSync(join(tmpdir(), 'bramble-volumes-'));
after(() => rmSync(root, { recursive: true, force: true }));

function reader(data: Record<string, string> | undefined): ConfigReader {
  const base = { apiVersion: 'v1', metadata: { ...META, name: 'x' } };
  const secretData = Object.fromEntries(
    Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );
  return {
    configMap: () => (data ? { state: 'present', object: { ...base, kind: 'ConfigMap', data } } : { state: 'absent' }),
    secret: () =>
      data
        ? { state: 'present', object: { ...base, kind: 'Secret', type: 'Opaque', data: secretData } }
        : { state: 'absent' },
  };
}

function filesOf(volume: Omit<Volume, 'name'>, data: Record<string, string> | undefined): Record<string, string> {
  const subject = pod({ metadata: { labels: { app: 'web' } } });
  const files = computeProjectedFiles({ name: 'v', ...volume }, { pod: subject, facts: FACTS, reader: reader(data) });
  return Object.fromEntries(
    (files ?? []).map(({ path, bytes, mode }) => [path, `${mode.toString(8)} ${Buffer.from(bytes).toString()}`]),
  );
}

describe('projected files', () => {
  const data = { a: '1', b: '2' };
  it('of a ConfigMap: every key', () => {
    assert.deepEqual(filesOf({ configMap: { name: 'x', defaultMode: 0o640 } }, data), { a: '640 1', b: '640 2' });
  });
  it('of a Secret: chosen keys, paths and modes', () => {
    const items = [{ key: 'a', path: 'deep/file', mode: 0o400 }];
    assert.deepEqual(filesOf({ secret: { secretName: 'x', items, defaultMode: 0o644 } }, data), {
      'deep/file': '400 1',
    });
  });
  it('of the downward API', () => {
    const items = [{ path: 'labels', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.labels' } }];
    assert.deepEqual(filesOf({ downwardAPI: { items, defaultMode: 0o644 } }, data), { labels: '644 app="web"' });
  });
  it('of several sources, the later winning', () => {
    const sources = [
      { configMap: { name: 'x' } },
      { downwardAPI: { items: [{ path: 'a', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } }] } },
    ];
    assert.deepEqual(filesOf({ projected: { sources, defaultMode: 0o600 } }, data), { a: '600 web', b: '600 2' });
  });
  it('of an optional source that is missing: none', () => {
    assert.deepEqual(filesOf({ configMap: { name: 'x', optional: true, defaultMode: 0o644 } }, undefined), {});
  });
  const bad: [string, Omit<Volume, 'name'>, Record<string, string> | undefined, RegExp][] = [
    ['a missing object', { configMap: { name: 'x', defaultMode: 0 } }, undefined, /configmap "x" not found/],
    [
      'a missing key',
      { secret: { secretName: 'x', items: [{ key: 'no', path: 'p' }], defaultMode: 0 } },
      data,
      /non-existent secret key: no/,
    ],
    [
      'a path outside',
      { configMap: { name: 'x', items: [{ key: 'a', path: '../up' }], defaultMode: 0 } },
      data,
      /must stay inside/,
    ],
  ];
  for (const [what, volume, values, message] of bad) {
    it(`refuses ${what}`, () => assert.throws(() => filesOf(volume, values), message));
  }
});

describe('writeProjected', () => {
  const directory = join(root, 'projected');
  const file = (path: string, text: string, mode = 0o644) => ({ path, bytes: Buffer.from(text), mode });
  const read = (path: string): string => readFileSync(join(directory, path), 'utf8');

  it('shows files through one link', async () => {
    await nodeHostFiles.writeProjected(directory, [file('a', '1', 0o400), file('sub/b', '2')]);
    assert.deepEqual([read('a'), read('sub/b')], ['1', '2']);
    assert.equal(readlinkSync(join(directory, 'a')), '..data/a');
    assert.equal(statSync(join(directory, 'a')).mode & 0o777, 0o400);
  });
  it('writes nothing when nothing changed', async () => {
    const before = statSync(join(directory, '..data')).ctimeMs;
    const version = readlinkSync(join(directory, '..data'));
    await nodeHostFiles.writeProjected(directory, [file('sub/b', '2'), file('a', '1', 0o400)]);
    assert.equal(readlinkSync(join(directory, '..data')), version);
    assert.equal(statSync(join(directory, '..data')).ctimeMs, before);
  });
  it('replaces all at once and removes what is gone', async () => {
    await nodeHostFiles.writeProjected(directory, [file('a', 'new'), file('c', '3')]);
    assert.deepEqual([read('a'), read('c')], ['new', '3']);
    const visible = readdirSync(directory).filter((name) => !name.startsWith('..'));
    assert.deepEqual(visible, ['a', 'c']);
    const versions = readdirSync(directory).filter((name) => /^\.\.[0-9a-f]+$/.test(name));
    assert.equal(versions.length, 1);
  });
  it('goes on after a crash in the middle', async () => {
    symlinkSync('..nowhere', join(directory, '..data_tmp'));
    await nodeHostFiles.writeProjected(directory, [file('a', 'newest')]);
    assert.equal(read('a'), 'newest');
  });
});

describe('VolumeManager', () => {
  const paths = { root: join(root, 'pods') };
  const manager = (data?: Record<string, string>, over: Partial<VolumeManagerOptions> = {}): VolumeManager =>
    new VolumeManager({
      files: nodeHostFiles,
      paths,
      reader: reader(data),
      claims: NO_CLAIMS,
      tokens: NO_TOKENS,
      isApiHeard: () => true,
      logger: silentLogger,
      ...over,
    });
  const withVolumes = (...volumes: Volume[]) => ({ pod: pod({ spec: { volumes } }), facts: FACTS, hasRun: false });

  it('makes empty directories that everybody may use', async () => {
    const result = await manager().sync(withVolumes({ name: 'work', emptyDir: {} }));
    assert.ok(result.ok);
    assert.equal(statSync(result.volumes.get('work')?.path ?? '').mode & 0o777, 0o777);
  });
  it('keeps what a container wrote', async () => {
    const subject = withVolumes({ name: 'work', emptyDir: {} });
    const first = await manager().sync(subject);
    assert.ok(first.ok);
    writeFileSync(join(first.volumes.get('work')?.path ?? '', 'kept'), 'x');
    await manager().sync(subject);
    assert.deepEqual(readdirSync(first.volumes.get('work')?.path ?? ''), ['kept']);
  });
  it('says which volume cannot be had, and why', async () => {
    const result = await manager().sync(withVolumes({ name: 'conf', configMap: { name: 'x', defaultMode: 0o644 } }));
    assert.deepEqual(result, { ok: false, volume: 'conf', message: 'configmap "x" not found', isPending: false });
  });
  it('waits for a token, but not for that of a master that was not heard when the pod has run before', async () => {
    const tokens: TokenReader = { token: async () => ({ state: 'pending' }) };
    const sources = [{ serviceAccountToken: { path: 'token', expirationSeconds: 3600 } }];
    const subject = withVolumes({ name: 'api', projected: { sources, defaultMode: 0o644 } });
    const isOk = async (isHeard: boolean, hasRun: boolean): Promise<boolean> =>
      (await manager({}, { tokens, isApiHeard: () => isHeard }).sync({ ...subject, hasRun })).ok;
    assert.deepEqual([await isOk(true, true), await isOk(false, false), await isOk(false, true)], [false, false, true]);
  });
  it('knows the types of host paths', async () => {
    mkdirSync(join(root, 'there'));
    const sync = (path: string, type: 'Directory' | 'DirectoryOrCreate' | 'File' | 'FileOrCreate' | '') =>
      manager().sync(withVolumes({ name: 'h', hostPath: { path: join(root, path), type } }));
    assert.ok((await sync('there', 'Directory')).ok);
    assert.ok((await sync('made', 'DirectoryOrCreate')).ok);
    assert.ok((await sync('made-file', 'FileOrCreate')).ok);
    assert.ok((await sync('anything', '')).ok);
    assert.equal((await sync('missing', 'Directory')).ok, false);
    assert.equal((await sync('there', 'File')).ok, false);
  });
  it('leaves nothing, and follows no link out', async () => {
    writeFileSync(join(root, 'precious'), 'x');
    const directory = podDirectory(paths, 'uid-1');
    symlinkSync(root, join(directory, 'volumes', 'out'));
    await manager().remove('uid-1');
    assert.deepEqual(await manager().listPods(), []);
    assert.equal(readFileSync(join(root, 'precious'), 'utf8'), 'x');
  });
});
