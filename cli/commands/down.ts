/** `bramble down`: ends a cluster of `up` and removes what it left on this machine. Nothing there is fine. */
import { rm } from 'node:fs/promises';
import type { Context } from '../context.ts';
import { type ResultOptions, writeResult } from '../print/result.ts';
import { createProgress } from '../progress.ts';
import { stopProgram } from '../setup/processes.ts';
import { openClusterFolder } from '../up/cluster-folder.ts';
import { stopCluster } from '../up/stop-cluster.ts';

export interface DownOptions extends ResultOptions {
  dataDir?: string;
  keepData?: boolean;
}

/** An `up` in the foreground ends its cluster itself when it is asked to. */
const UP_GRACE_MS = 60_000;

export async function down(context: Context, options: DownOptions): Promise<void> {
  const progress = createProgress(context.stderr, context.clock);
  const folder = openClusterFolder(context, options.dataDir);
  const state = await folder.readState();
  if (state === undefined) {
    progress.info(`There is no cluster of bramble up in ${folder.path}`);
    tell(context, options, folder.path, 'not there');
    return;
  }
  await progress.step('Ending the cluster', async () => {
    await stopProgram(context.clock, { pidFile: folder.pidFile('up'), graceMs: UP_GRACE_MS });
    await stopCluster(context, { folder, state }, { removeImages: !options.keepData });
  });
  if (!options.keepData) {
    await progress.step(`Removing ${folder.path}`, () => rm(folder.path, { recursive: true, force: true }));
  }
  tell(context, options, folder.path, options.keepData ? 'ended' : 'removed');
}

/** People have seen the steps already. */
function tell(context: Context, options: DownOptions, path: string, result: string): void {
  if (options.json) writeResult(context, options, { object: `cluster/${path}`, result });
}
