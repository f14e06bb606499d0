/**
 * The network of a cluster of `up`: the usual ranges for the main folder; other folders get ranges that follow from their
 * names and clash with nothing that this machine has, so that several clusters stand side by side. Invariant: of two clusters
 * that start at once only one gets a pair of ranges; it holds a file with the name of its folder until it is ended, and asks
 * for it again when it is started again.
 */
import { link, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_CLUSTER_CIDRS, DEFAULT_SERVICE_CIDRS } from '../../shared/api/cluster-network.ts';
import { type IpRange, parseRange, rangesOverlap } from '../../shared/machinery/ip-range.ts';
import { EXIT, Failure, messageOf, systemErrorCode } from '../failure.ts';
import { currentProcess, isRunning, parseRecord, readRunning } from '../setup/processes.ts';
import { pathExists } from '../setup/run-program.ts';
import type { ClusterFolder, ClusterNetwork, State } from './cluster-folder.ts';

/** Pairs of ranges below 10.128.0.0: `10.128.0.0/16` for pods with `10.129.0.0/16` for services, and so on. */
const PAIRS = 30;
const FIRST_OCTET = 128;

/** `claims`: the folder of the files that tell who has which ranges; it goes with a reboot, as the networks do. */
export async function chooseNetwork(folder: ClusterFolder, claims = tmpdir()): Promise<ClusterNetwork> {
  const { tag } = folder;
  const [clusterCidr = '', serviceCidr = ''] = [DEFAULT_CLUSTER_CIDRS[0], DEFAULT_SERVICE_CIDRS[0]];
  if (tag === '') return { tag, clusterCidr, serviceCidr };
  const start = Number.parseInt(tag, 16) % PAIRS;
  const pairs = Array.from({ length: PAIRS }, (_, index) => pairAt(tag, (start + index) % PAIRS));
  const taken = machineRanges();
  // Twice, because the first look removes what is void.
  for (const pair of [...pairs, ...pairs]) {
    if (isFree(pair, taken) && (await claim(claimFile(claims, pair), folder.path))) return pair;
  }
  throw new Failure(
    EXIT.unavailable,
    `all ${PAIRS} pairs of address ranges between 10.${FIRST_OCTET}.0.0 and 10.${FIRST_OCTET + 2 * PAIRS - 1}.255.255 are in use`,
    `end clusters that are not needed any more (bramble down --data-dir DIR); ${claims}/${CLAIM_PREFIX}* name them`,
  );
}

/** Looks at a claim that is in the way; each look may find another one. */
const MAX_LOOKS = 10;

/**
 * The ranges that a cluster had before are its own again: its pods and services have addresses of them. Throws when another
 * cluster has them and runs; the claim of one that does not run is taken over, and that one is told when it starts.
 */
export async function keepNetwork(
  { path }: ClusterFolder,
  network: ClusterNetwork,
  claims = tmpdir(),
): Promise<ClusterNetwork> {
  if (network.tag === '') return network;
  const file = claimFile(claims, network);
  const ranges = `${network.clusterCidr} and ${network.serviceCidr}`;
  for (let look = 0; look < MAX_LOOKS; look += 1) {
    if (await claim(file, path)) return network;
    const text = await readClaim(file);
    if (text === undefined || text === '') continue;
    if (await isLive(text)) {
      const holder = holderOf(text);
      throw new Failure(
        EXIT.unavailable,
        `the address ranges of this cluster, ${ranges}, are those of another one that runs: ${holder}`,
        `end that one first: bramble down --keep-data --data-dir ${holder}`,
      );
    }
    await takeAway(file, text);
  }
  throw new Failure(EXIT.unavailable, `the address ranges ${ranges} cannot be claimed`, `see ${file}`);
}

/** Others may have its ranges from now on. Idempotent. */
export async function releaseNetwork({ path }: ClusterFolder, { network }: State, claims = tmpdir()): Promise<void> {
  if (network === undefined || network.tag === '') return;
  const file = claimFile(claims, network);
  if (holderOf((await readClaim(file)) ?? '') === path) await rm(file, { force: true });
}

const CLAIM_PREFIX = 'bramble-network-';

function claimFile(claims: string, { clusterCidr }: ClusterNetwork): string {
  return join(claims, `${CLAIM_PREFIX}${clusterCidr.split('/')[0] ?? ''}`);
}

/** Whether this cluster has the file now. */
async function claim(file: string, path: string): Promise<boolean> {
  if (await create(file, path)) return true;
  const text = (await readClaim(file)) ?? '';
  const holder = holderOf(text);
  if (holder === path) return true;
  // The claim of a folder that is gone is void: it is for the next one who looks, so that two who look now do not share it.
  // Without a name: somebody is writing it at this moment.
  if (holder !== '' && !(await pathExists(holder))) await takeAway(file, text);
  return false;
}

/** The folder, and the process that claims for it: until its programs run nothing else tells that it is there. */
async function create(file: string, path: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o644);
    await handle.writeFile(`${path}\n${JSON.stringify(await currentProcess())}\n`);
    await handle.close();
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw new Failure(EXIT.cannotWrite, `${file} cannot be written: ${messageOf(error)}`);
  }
}

async function readClaim(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined);
}

function holderOf(text: string): string {
  return text.split('\n')[0] ?? '';
}

/** Whether a program of the holder runs, or who claimed for it. */
async function isLive(text: string): Promise<boolean> {
  const claimant = parseRecord(text.split('\n')[1] ?? '');
  if (claimant !== undefined && (await isRunning(claimant))) return true;
  const folder = join(holderOf(text), 'up');
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((each) => each.endsWith('.pid'))) {
    if ((await readRunning(join(folder, name))) !== undefined) return true;
  }
  return false;
}

/** Removes the claim that was looked at; one that was made meanwhile stays. */
async function takeAway(file: string, text: string): Promise<void> {
  const aside = `${file}.void-${process.pid}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return;
    throw new Failure(EXIT.cannotWrite, `${file} cannot be removed: ${messageOf(error)}`);
  }
  if ((await readClaim(aside)) !== text) await link(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
}

function pairAt(tag: string, index: number): ClusterNetwork {
  const octet = FIRST_OCTET + 2 * index;
  return { tag, clusterCidr: `10.${octet}.0.0/16`, serviceCidr: `10.${octet + 1}.0.0/16` };
}

function machineRanges(): IpRange[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.flatMap(({ cidr }) => parseRange(cidr ?? '') ?? []);
}

function isFree({ clusterCidr, serviceCidr }: ClusterNetwork, taken: readonly IpRange[]): boolean {
  const own = [clusterCidr, serviceCidr].flatMap((text) => parseRange(text) ?? []);
  return !own.some((range) => taken.some((other) => rangesOverlap(range, other)));
}

/** Of an agent, and of what removes its network. */
export function agentNetworkArgs({ network }: State): string[] {
  return network === undefined ? ['--network', 'off'] : ['--network-tag', network.tag];
}
