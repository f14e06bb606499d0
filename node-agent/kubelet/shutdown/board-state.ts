/**
 * Whether the board itself is being switched off, and not the agent alone (adapter: asks systemd). A service manager that is
 * not there, or does not answer, says nothing of it. Source: systemctl(1), is-system-running.
 */
import type { Shell } from '../../../shared/platform/shell.ts';

export async function isBoardStopping(shell: Shell): Promise<boolean> {
  // Its exit code says only whether all is well.
  const { stdout } = await shell.run('systemctl', ['is-system-running']);
  return stdout.trim() === 'stopping';
}
