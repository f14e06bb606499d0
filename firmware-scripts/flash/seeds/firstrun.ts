/**
 * The seed for Raspberry Pi OS without cloud-init (Bookworm, early Trixie): firstrun.sh, run once by systemd before
 * anything else. The script is the same for all boards and reads its settings from the partition.
 */
import { type BootFile, readScript, type SeedContext } from '../boot-file.ts';
import { editCmdline } from '../cmdline.ts';
import type { BoardSettings } from '../settings.ts';

export function renderFirstrun({ wifi }: BoardSettings, context: SeedContext): BootFile[] {
  const cmdline = editCmdline(context.present['cmdline.txt'] ?? '', {
    cgroup_enable: 'memory',
    ...(wifi && { 'cfg80211.ieee80211_regdom': wifi.country }),
    'systemd.run': '/boot/firmware/firstrun.sh',
    'systemd.run_success_action': 'reboot',
    // The default powers the board off; the script counts its attempts and gives up by itself.
    'systemd.run_failure_action': 'reboot',
    'systemd.unit': 'kernel-command-line.target',
  });
  return [
    { path: 'firstrun.sh', content: readScript(context, 'firstrun.sh') },
    { path: 'cmdline.txt', content: cmdline },
  ];
}
