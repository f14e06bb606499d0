/** Reboots the board or turns it off, where its owner lets the agent: by systemd, so that everything is ended in order. */
import { badRequest, StatusError } from '../../../shared/machinery/errors.ts';
import type { Shell } from '../../../shared/platform/shell.ts';

export const POWER_ACTIONS = ['reboot', 'shutdown'] as const;

export type PowerAction = (typeof POWER_ACTIONS)[number];

const SYSTEMD_VERBS: Record<PowerAction, string> = { reboot: 'reboot', shutdown: 'poweroff' };

/** Rejects with a StatusError; resolves when systemd has taken it over. */
export async function switchPower(action: string, shell: Shell | undefined): Promise<void> {
  const known = POWER_ACTIONS.find((one) => one === action);
  if (known === undefined) throw badRequest(`${action} is none of ${POWER_ACTIONS.join(', ')}`);
  if (shell === undefined) {
    throw new StatusError('Forbidden', 'the agent of this board may not do that: it runs without --power-control on');
  }
  // Without waiting: the answer must be out before this program is ended too.
  const { code, stderr } = await shell.run('systemctl', ['--no-block', '--no-wall', SYSTEMD_VERBS[known]]);
  if (code === 0) return;
  const why = stderr.trim() === '' ? `systemctl ended with ${code}` : stderr.trim();
  throw new StatusError('InternalError', `the board cannot ${known}: ${why}`);
}
