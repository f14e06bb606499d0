/** The files that every board gets, whatever system is on its card: what the first boot reads, and its script. */
import { BOARD_FILES, type BootFile, readScript, type SeedContext } from './boot-file.ts';
import { renderWifiKeyfile, renderWiredKeyfile } from './network-keyfiles.ts';
import type { BoardSettings } from './settings.ts';

export function renderBoardFiles(settings: BoardSettings, context: SeedContext): BootFile[] {
  const { join, sshKeys, wifi, address } = settings;
  const files: BootFile[] = [
    { path: BOARD_FILES.settings, content: renderBoardConf(settings) },
    { path: BOARD_FILES.flashedAt, content: `${Math.floor(context.flashedAtMs / 1000)}\n` },
    { path: BOARD_FILES.firstBoot, content: readScript(context, 'firstboot.sh') },
    { path: BOARD_FILES.unit, content: readScript(context, 'bramble-firstboot.service') },
  ];
  if (sshKeys.length > 0) files.push({ path: BOARD_FILES.sshKeys, content: `${sshKeys.join('\n')}\n` });
  if (join !== undefined) files.push({ path: BOARD_FILES.token, content: `${join.token}\n`, secret: true });
  if (address !== undefined) files.push({ path: BOARD_FILES.wired, content: renderWiredKeyfile(settings) });
  if (wifi !== undefined) files.push({ path: BOARD_FILES.wifi, content: renderWifiKeyfile(wifi), secret: true });
  return files;
}

/** Settings hold no line breaks (settings.ts), so that a line is a value and nothing needs quoting. */
function renderBoardConf({ role, hostname, user, timezone, wifi, join }: BoardSettings): string {
  const entries = {
    role,
    hostname,
    user,
    timezone,
    master: join?.master ?? '',
    wifi_ssid: wifi?.ssid ?? '',
    wifi_country: wifi?.country ?? '',
  };
  return Object.entries(entries)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}
