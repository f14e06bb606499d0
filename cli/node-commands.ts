/** `bramble node …`: what is done to boards rather than to objects. */
import { type Command, Option } from 'commander';
import type { Context } from './context.ts';
import { addClusterOptions, parseCount, parseDuration } from './options.ts';

export function addNodeCommands(program: Command, context: Context): void {
  const node = program.command('node').description('Boards: let them in, reboot them, bring them new versions');
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
  addClusterOptions(node.command('approve'))
    .description(
      'Let boards in that wait, such as one with a new card under a name that is known; without names: which wait',
    )
    .argument('[node...]')
    .option('--all', 'every board that waits')
    .action(async (nodes, options) =>
      (await import('./commands/node.ts')).approveNodes(context, { nodes, ...options }),
    );
  for (const action of ['reboot', 'shutdown'] as const) {
    addClusterOptions(node.command(action))
      .description(action === 'reboot' ? 'Start boards again' : 'Turn boards off; somebody must turn them on again')
      .argument('<node...>')
      .option('--cordon', 'let no new pods onto them, also afterwards')
      .option('--yes', 'ask nothing')
      .action(async (nodes, options) =>
        (await import('./commands/node.ts')).switchNodes(context, { nodes, action, ...options }),
      );
  }
}
