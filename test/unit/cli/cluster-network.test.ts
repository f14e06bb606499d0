import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { EXIT, Failure } from '../../../cli/failure.ts';
import { recordProcess } from '../../../cli/setup/processes.ts';
import { ClusterFolder, type State } from '../../../cli/up/cluster-folder.ts';
import { chooseNetwork, keepNetwork, releaseNetwork } from '../../../cli/up/cluster-network.ts';

describe('the address ranges of a cluster', () => {
  let base = '';
  let claims = '';

  before(async () => {
    base = await mkdtemp(join(tmpdir(), 'bramble-ranges-'));
    claims = join(base, 'claims');
    await mkdir(claims);
  });

  after(() => rm(base, { recursive: true, force: true }));

  async function makeFolders(count: number): Promise<ClusterFolder[]> {
    const folders = Array.from({ length: count }, (_, index) => new ClusterFolder(join(base, `cluster-${index}`)));
    await Promise.all(folders.map(({ path }) => mkdir(path, { recursive: true })));
    return folders;
  }

  it('differ for clusters that start at the same moment', async () => {
    const folders = await makeFolders(20);
    const networks = await Promise.all(folders.map((folder) => chooseNetwork(folder, claims)));
    assert.equal(new Set(networks.map(({ clusterCidr }) => clusterCidr)).size, folders.length);
    assert.equal(new Set(networks.map(({ serviceCidr }) => serviceCidr)).size, folders.length);
  });

  it('stay with the cluster that asks again, and are given back once', async () => {
    const [folder] = await makeFolders(1);
    assert.ok(folder);
    const network = await chooseNetwork(folder, claims);
    assert.deepEqual(await chooseNetwork(folder, claims), network);
    const before = (await readdir(claims)).length;
    const state: State = { ...STATE, network };
    await releaseNetwork(folder, state, claims);
    await releaseNetwork(folder, state, claims);
    assert.equal((await readdir(claims)).length, before - 1);
  });

  it('of folders that are gone are free again, and no others', async () => {
    await rm(claims, { recursive: true });
    await mkdir(claims);
    const many = await makeFolders(40);
    const results = await Promise.allSettled(many.map((folder) => chooseNetwork(folder, claims)));
    const holders = many.filter((_, index) => results[index]?.status === 'fulfilled');
    const late = many.find((_, index) => results[index]?.status === 'rejected');
    assert.ok(late && holders.length > 20 && holders.length <= 30, `${holders.length} have ranges`);
    await assert.rejects(chooseNetwork(late, claims), /address ranges .* are in use/);
    await rm(holders[3]?.path ?? '', { recursive: true });
    await chooseNetwork(late, claims);
  });

  describe('of a cluster that is started again', () => {
    const network = { tag: 'abcd', clusterCidr: '10.140.0.0/16', serviceCidr: '10.141.0.0/16' };
    const file = () => join(claims, 'bramble-network-10.140.0.0');
    const holder = async () => (await readFile(file(), 'utf8')).split('\n')[0];
    /** A claim whose process has ended. */
    const claimFor = (folder: ClusterFolder) => writeFile(file(), `${folder.path}\n{"pid":1,"startTicks":"no"}\n`);
    let own: ClusterFolder;
    let other: ClusterFolder;

    before(async () => {
      const [first, second] = await makeFolders(2);
      assert.ok(first && second);
      [own, other] = [first, second];
    });

    it('are claimed anew, once or more often', async () => {
      await rm(file(), { force: true });
      for (let count = 0; count < 2; count += 1) {
        assert.deepEqual(await keepNetwork(own, network, claims), network);
        assert.equal(await holder(), own.path);
      }
    });

    it('are taken over from a cluster that does not run', async () => {
      await claimFor(other);
      await mkdir(join(other.path, 'up'), { recursive: true });
      await writeFile(join(other.path, 'up/master.pid'), '{"pid":1,"startTicks":"no"}');
      await keepNetwork(own, network, claims);
      assert.equal(await holder(), own.path);
      assert.deepEqual(
        (await readdir(claims)).filter((name) => name.includes('void')),
        [],
      );
    });

    it('are refused when a program of the other one runs, or somebody is starting it', async () => {
      const refuses = () =>
        assert.rejects(keepNetwork(own, network, claims), (error) => {
          assert.ok(error instanceof Failure && error.exitCode === EXIT.unavailable);
          assert.ok(error.message.includes('10.140.0.0/16') && error.message.includes(other.path), error.message);
          assert.match(error.hint ?? '', /bramble down --keep-data --data-dir/);
          return true;
        });
      await claimFor(other);
      await recordProcess(join(other.path, 'up/node-1-abcd.pid'));
      await refuses();
      await rm(join(other.path, 'up'), { recursive: true });
      await rm(file());
      await keepNetwork(other, network, claims);
      await refuses();
      assert.equal(await holder(), other.path);
    });

    it('go to one of two that start at the same moment', async () => {
      await claimFor(new ClusterFolder(join(base, 'gone')));
      const results = await Promise.allSettled([own, other].map((folder) => keepNetwork(folder, network, claims)));
      assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    });
  });

  it('of the main folder are the usual ones', async () => {
    const { clusterCidr, serviceCidr } = await chooseNetwork(new ClusterFolder('/var/lib/bramble'), claims);
    assert.deepEqual([clusterCidr, serviceCidr], ['10.42.0.0/16', '10.43.0.0/16']);
  });
});

const STATE: State = {
  ...{ apiPort: 1, mqttPort: 2, statusPort: 3, listen: '127.0.0.1', socketPath: '/run/docker.sock' },
  ...{ nodes: [], joined: [], detached: true, exampleApplied: false },
};
