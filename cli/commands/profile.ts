/** `bramble profile add|list|use|remove`: kubeconfigs of several clusters under names. */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { findKubeconfig, loadProfile, parseKubeconfig } from '../api/kubeconfig.ts';
import {
  listProfileNames,
  profilePath,
  readCurrentProfile,
  removeProfile,
  requireProfile,
  saveProfile,
  writeCurrentProfile,
} from '../api/profile-store.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure, messageOf, systemErrorCode } from '../failure.ts';
import type { ClusterOptions } from '../options.ts';
import { renderColumns } from '../print/columns.ts';
import { type ResultOptions, writeResult } from '../print/result.ts';

export interface AddProfileOptions extends ClusterOptions {
  name: string;
  file?: string;
}

export async function addProfile(context: Context, options: AddProfileOptions): Promise<void> {
  const { name, file } = options;
  profilePath(context, name);
  const kubeconfig = await readKubeconfig(context, options);
  parseKubeconfig(kubeconfig, file === undefined || file === '-' ? 'the kubeconfig' : file);
  await saveProfile(context, name, kubeconfig);
  writeResult(context, options, { object: `profile/${name}`, result: 'added' });
}

async function readKubeconfig(context: Context, { file, ...options }: AddProfileOptions): Promise<string> {
  if (file === '-') return text(context.stdin);
  if (file === undefined) {
    // Says what is wrong with it, if anything is.
    await loadProfile(context, options);
    return readFile(await findKubeconfig(context, options), 'utf8');
  }
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new Failure(EXIT.input, `${file} cannot be read: ${systemErrorCode(error) ?? messageOf(error)}`);
  });
}

interface Row {
  name: string;
  current: boolean;
  /** Where its master is; undefined: the file is no kubeconfig any more. */
  master?: string;
}

export async function listProfiles(context: Context, { json }: ResultOptions): Promise<void> {
  const current = await readCurrentProfile(context);
  const rows: Row[] = [];
  for (const name of await listProfileNames(context)) {
    const profile = await loadProfile(context, { kubeconfig: profilePath(context, name) }).catch(() => undefined);
    const master = profile && `${profile.mqttHost}:${profile.mqttPort}`;
    rows.push({ name, current: name === current, ...(master === undefined ? {} : { master }) });
  }
  if (json) for (const row of rows) context.stdout.write(`${JSON.stringify(row)}\n`);
  else if (rows.length === 0) context.stderr.write('no profiles yet: bramble profile add NAME FILE\n');
  else {
    const cells = rows.map((row) => [row.current ? '*' : '', row.name, row.master ?? '<cannot be read>']);
    context.stdout.write(renderColumns([['CURRENT', 'NAME', 'MASTER'], ...cells]));
  }
}

export async function useProfile(context: Context, options: ResultOptions & { name: string }): Promise<void> {
  await requireProfile(context, options.name);
  await writeCurrentProfile(context, options.name);
  writeResult(context, options, { object: `profile/${options.name}`, result: 'is used now' });
}

export async function removeProfiles(context: Context, options: ResultOptions & { names: string[] }): Promise<void> {
  for (const name of options.names) {
    await removeProfile(context, name);
    writeResult(context, options, { object: `profile/${name}`, result: 'removed' });
  }
}
