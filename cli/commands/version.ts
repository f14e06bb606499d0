/** `bramble version`. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject } from '../../shared/machinery/json.ts';
import { withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import type { ClusterOptions } from '../options.ts';

export interface VersionOptions extends ClusterOptions {
  client?: boolean;
  json?: boolean;
}

export async function printVersion(context: Context, options: VersionOptions): Promise<void> {
  const client = await readOwnVersion(context);
  const server = options.client
    ? undefined
    : await withSession(context, options, async ({ api }) => (await api.object({ path: '/version' }))['gitVersion']);
  if (options.json) {
    context.stdout.write(`${JSON.stringify({ client, ...(server === undefined ? {} : { server }) })}\n`);
    return;
  }
  context.stdout.write(`bramble ${client}, Node ${process.versions.node}\n`);
  if (server !== undefined) context.stdout.write(`master ${String(server)}\n`);
}

async function readOwnVersion(context: Context): Promise<string> {
  const description: unknown = JSON.parse(await readFile(join(context.root, 'package.json'), 'utf8'));
  return isJsonObject(description) ? String(description['version']) : 'unknown';
}
