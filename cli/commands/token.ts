/** `bramble token create`. */
import { createJoinToken } from '../api/create-join-token.ts';
import { withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import type { ClusterOptions } from '../options.ts';

export interface TokenOptions extends ClusterOptions {
  /** Milliseconds. */
  ttl: number;
  json?: boolean;
}

export async function createToken(context: Context, options: TokenOptions): Promise<void> {
  await withSession(context, options, async ({ api, profile }) => {
    const expirationMs = context.clock.nowMs() + options.ttl;
    const created = await createJoinToken(context.random, api, { profile, expirationMs });
    context.stdout.write(options.json ? `${JSON.stringify(created)}\n` : `${created.token}\n`);
  });
}
