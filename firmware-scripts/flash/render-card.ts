/** All files that a card gets on its boot partition: the seed of its system and what every board has. */
import { renderBoardFiles } from './board-files.ts';
import type { BootFile, SeedContext } from './boot-file.ts';
import type { SeedFormat } from './seed-format.ts';
import { renderCloudInit } from './seeds/cloud-init.ts';
import { renderDietpi } from './seeds/dietpi.ts';
import { renderFirstrun } from './seeds/firstrun.ts';
import type { BoardSettings } from './settings.ts';

const SEEDS: Readonly<Record<SeedFormat, (settings: BoardSettings, context: SeedContext) => BootFile[]>> = {
  'cloud-init': renderCloudInit,
  firstrun: renderFirstrun,
  dietpi: renderDietpi,
};

/** The seed comes last: a card whose writing was cut off boots as if nothing had been written. */
export function renderCard(format: SeedFormat, settings: BoardSettings, context: SeedContext): BootFile[] {
  return [...renderBoardFiles(settings, context), ...SEEDS[format](settings, context)];
}
