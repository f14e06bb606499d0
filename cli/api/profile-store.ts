/**
 * Kubeconfigs of several clusters under names, a file each, for their owner only; and which of them is meant where nothing
 * else is said. Removing one changes nothing in its cluster.
 *
 *     ~/.config/bramble/profiles/shed.kubeconfig
 *     ~/.config/bramble/current-profile           shed
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../context.ts';
import { EXIT, Failure, messageOf, systemErrorCode } from '../failure.ts';

type World = Pick<Context, 'env'>;

const SUFFIX = '.kubeconfig';
const MAX_NAME_CHARS = 63;

function configFolder({ env }: World): string {
  return join(env['XDG_CONFIG_HOME'] || join(env['HOME'] || '/root', '.config'), 'bramble');
}

/** Throws a Failure for what cannot be a name: it becomes part of a path. */
export function profilePath(world: World, name: string): string {
  if (name.length > MAX_NAME_CHARS || !/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name)) {
    const hint = `small letters, digits, - and . inside, at most ${MAX_NAME_CHARS}`;
    throw new Failure(EXIT.usage, `"${name}" cannot be the name of a profile`, hint);
  }
  return join(configFolder(world), 'profiles', `${name}${SUFFIX}`);
}

/** In the order of their names. */
export async function listProfileNames(world: World): Promise<string[]> {
  const files = await readdir(join(configFolder(world), 'profiles')).catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  });
  return files
    .filter((file) => file.endsWith(SUFFIX) && !file.startsWith('.'))
    .map((file) => file.slice(0, -SUFFIX.length))
    .sort();
}

/** Undefined: none was chosen. */
export async function readCurrentProfile(world: World): Promise<string | undefined> {
  const text = await readFile(join(configFolder(world), 'current-profile'), 'utf8').catch(() => '');
  return text.trim() || undefined;
}

export async function writeCurrentProfile(world: World, name: string | undefined): Promise<void> {
  const path = join(configFolder(world), 'current-profile');
  if (name === undefined) await rm(path, { force: true });
  else await writeWhole(path, `${name}\n`);
}

/** Throws a Failure where the name is taken. */
export async function saveProfile(world: World, name: string, kubeconfig: string): Promise<void> {
  const path = profilePath(world, name);
  if ((await listProfileNames(world)).includes(name)) {
    throw new Failure(EXIT.failed, `there is a profile ${name} already`, `bramble profile remove ${name} forgets it`);
  }
  await writeWhole(path, kubeconfig);
}

/** It holds a key. */
async function writeWhole(path: string, text: string): Promise<void> {
  try {
    await mkdir(join(path, '..'), { recursive: true, mode: 0o700 });
    await writeFile(`${path}.part`, text, { mode: 0o600, flush: true });
    await rename(`${path}.part`, path);
  } catch (error) {
    throw new Failure(EXIT.cannotWrite, `${path} cannot be written: ${messageOf(error)}`);
  }
}

/** Throws a Failure that names those there are. */
export async function removeProfile(world: World, name: string): Promise<void> {
  await requireProfile(world, name);
  await rm(profilePath(world, name));
  if ((await readCurrentProfile(world)) === name) await writeCurrentProfile(world, undefined);
}

export async function requireProfile(world: World, name: string): Promise<string> {
  const path = profilePath(world, name);
  const known = await listProfileNames(world);
  if (known.includes(name)) return path;
  const hint = known.length === 0 ? 'bramble profile add NAME FILE makes one' : `there are: ${known.join(', ')}`;
  throw new Failure(EXIT.input, `there is no profile ${name}`, hint);
}
