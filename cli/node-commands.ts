/** `bramble node …`: what is done to boards rather than to objects. */
import { type Command, Option } from 'commander';
import type { Context } from './context.ts';
import { addClusterOptions, parseCount, parseDuration } from './options.ts';

export function addNodeCommands(program: Command, context: Context): void {
  const node = program.command('node').description('Boards: bring them new versions');
  addClusterOptions(node.command('update'))
    .description('Bring a version of Bramble to boards, one after the other; pods run on')
    .argument('[node...]')
    .option('--all', 'every board')
    .requiredOption('--bundle <file>', 'signed archive: npm run bundle -- --arch arm64 --sign-with DATA_DIR')
    .addOption(new Option('--sign-with <dir>', "sign it now, with the key in this master's data folder"))
    .option('--max-unavailable <count>', 'boards that may be away at once', parseCount, 1)
    .option('--timeout <duration>', 'for one board', parseDuration, 20 * 60_000)
    .action(async (nodes, options) =>
      (await import('./commands/node-update.ts')).updateNodes(context, { nodes, ...options }),
    );
}
