/** `bramble apply -f` and `bramble diff -f`. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { JsonObject } from '../../shared/machinery/json.ts';
import { applyEach, FIELD_MANAGER, locateManifest, readIfThere, sendApply } from '../api/apply-manifests.ts';
import { type Manifest, readManifests } from '../api/manifests.ts';
import { discoverResources, renderReference, resourcePath } from '../api/resources.ts';
import { itemsOf, member, textOf } from '../api/select-objects.ts';
import { type Session, withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure, ProgramEnded } from '../failure.ts';
import type { NamespaceOptions } from '../options.ts';
import { writeResult } from '../print/result.ts';
import { runProgram } from '../setup/run-program.ts';

export interface ApplyOptions extends NamespaceOptions {
  filename: string[];
  recursive?: boolean;
  dryRun?: boolean;
  forceConflicts?: boolean;
  prune?: boolean;
  selector?: string;
}

export async function apply(context: Context, options: ApplyOptions): Promise<void> {
  if (options.prune && options.selector === undefined) {
    throw new Failure(EXIT.usage, '--prune needs -l LABELS', 'only objects with these labels are looked at');
  }
  const manifests = await readFiles(context, options);
  await withSession(context, options, async (session) => {
    const namespace = options.namespace ?? session.profile.namespace;
    const settings = { namespace, dryRun: options.dryRun === true, force: options.forceConflicts === true };
    for await (const result of applyEach(session.api, manifests, settings)) writeResult(context, options, result);
    if (options.prune) await prune(context, session, { manifests, options, namespace });
  });
}

function readFiles(context: Context, { filename, recursive }: ApplyOptions): Promise<Manifest[]> {
  return readManifests(filename, { stdin: context.stdin, recursive: recursive === true });
}

interface Pruning {
  manifests: readonly Manifest[];
  options: ApplyOptions;
  namespace: string;
}

/** Deletes what this command applied, has the labels and is in no manifest any more. Types that no manifest has are left alone. */
async function prune(context: Context, session: Session, { manifests, options, namespace }: Pruning): Promise<void> {
  const resources = await discoverResources(session.api);
  const targets = manifests.map((manifest) => locateManifest(resources, manifest, { namespace }));
  const kept = new Set(targets.map((target) => resourcePath(target.resource, target.namespace, target.name)));
  const scopes = new Map(
    targets.map(({ resource, namespace: own }) => [resourcePath(resource, own), { resource, own }]),
  );
  for (const [path, { resource, own }] of scopes) {
    const list = await session.api.object({ path, query: { labelSelector: options.selector } });
    for (const item of itemsOf(list).filter(isApplied)) {
      const name = textOf(member(item, 'metadata')['name']);
      if (kept.has(resourcePath(resource, own, name))) continue;
      const dryRun = options.dryRun ? 'All' : undefined;
      await session.api.object({ method: 'DELETE', path: `${path}/${encodeURIComponent(name)}`, query: { dryRun } });
      const result = `pruned${options.dryRun ? ' (dry run)' : ''}`;
      writeResult(context, options, { object: renderReference(resource, name), result });
    }
  }
}

function isApplied(item: JsonObject): boolean {
  const fields = member(item, 'metadata')['managedFields'];
  return (
    Array.isArray(fields) && fields.some((entry) => entry.manager === FIELD_MANAGER && entry.operation === 'Apply')
  );
}

/** Shows by the system's `diff` what apply would change; ends with 1 when there is something. */
export async function diff(context: Context, options: ApplyOptions): Promise<void> {
  const manifests = await readFiles(context, options);
  const folder = await mkdtemp(join(tmpdir(), 'bramble-diff-'));
  try {
    await Promise.all(['now', 'then'].map((name) => mkdir(join(folder, name))));
    await withSession(context, options, (session) => writeBoth(session, folder, { manifests, options }));
    const { code, output } = await runProgram('diff', ['-u', '-N', '-r', 'now', 'then'], {
      cwd: folder,
      env: context.env,
    });
    if (code === 0) return;
    if (code !== 1)
      throw new Failure(EXIT.unavailable, 'the program diff is missing', 'install it: apt-get install diffutils');
    context.stdout.write(options.json ? `${JSON.stringify({ diff: output })}\n` : output);
    throw new ProgramEnded(1);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeBoth(
  session: Session,
  folder: string,
  { manifests, options }: Omit<Pruning, 'namespace'>,
): Promise<void> {
  const resources = await discoverResources(session.api);
  const namespace = options.namespace ?? session.profile.namespace;
  for (const manifest of manifests) {
    const target = locateManifest(resources, manifest, { namespace });
    const file = `${target.resource.kind}.${target.namespace ?? ''}.${target.name}`.replaceAll(/[^A-Za-z0-9.-]/g, '_');
    const present = await readIfThere(session.api, target);
    const wanted = await sendApply(session.api, target, { namespace, dryRun: true, force: true });
    if (present !== undefined) await writeFile(join(folder, 'now', file), render(hideSecrets(present, wanted, 'now')));
    await writeFile(join(folder, 'then', file), render(hideSecrets(wanted, present, 'then')));
  }
}

/** That a value of a Secret changes is told, and not what it is. */
function hideSecrets(object: JsonObject, other: JsonObject | undefined, when: 'now' | 'then'): JsonObject {
  if (object['kind'] !== 'Secret') return object;
  const others = member(other ?? {}, 'data');
  const data = Object.entries(member(object, 'data')).map(([key, value]) => [
    key,
    others[key] === value ? '(secret)' : `(secret, as it is ${when})`,
  ]);
  return { ...object, data: Object.fromEntries(data) };
}

const SERVERS_OWN = ['managedFields', 'resourceVersion', 'generation', 'uid', 'creationTimestamp'];

/** Without what the server keeps for itself. */
function render(object: JsonObject): string {
  const entries = Object.entries(member(object, 'metadata')).filter(([key]) => !SERVERS_OWN.includes(key));
  return stringify(
    { ...object, metadata: Object.fromEntries(entries) },
    { lineWidth: 0, aliasDuplicateObjects: false },
  );
}
