/** `bramble cordon` and `uncordon`. */
import { NodeKind } from '../../shared/api/node.ts';
import { objectPath } from '../../shared/client/create-client.ts';
import { withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import type { ClusterOptions } from '../options.ts';

export interface CordonOptions extends ClusterOptions {
  nodes: string[];
  cordon: boolean;
}

export async function setSchedulable(context: Context, options: CordonOptions): Promise<void> {
  await withSession(context, options, async ({ api }) => {
    for (const name of options.nodes) {
      await api.object({
        method: 'PATCH',
        path: objectPath(NodeKind, { name }),
        contentType: 'application/merge-patch+json',
        body: { spec: { unschedulable: options.cordon ? true : null } },
      });
      context.stdout.write(`node/${name} ${options.cordon ? 'cordoned' : 'uncordoned'}\n`);
    }
  });
}
