import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ClusterFolder, type State } from '../../../cli/up/cluster-folder.ts';
import { chooseNetwork, releaseNetwork } from '../../../cli/up/cluster-network.ts';

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

  it('of the main folder are the usual ones', async () => {
    const { clusterCidr, serviceCidr } = await chooseNetwork(new ClusterFolder('/var/lib/bramble'), claims);
    assert.deepEqual([clusterCidr, serviceCidr], ['10.42.0.0/16', '10.43.0.0/16']);
  });
});

const STATE: State = {
  ...{ apiPort: 1, mqttPort: 2, statusPort: 3, listen: '127.0.0.1', socketPath: '/run/docker.sock' },
  ...{ nodes: [], joined: [], detached: true, exampleApplied: false },
};
