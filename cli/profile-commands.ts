/** `bramble profile …`: names for kubeconfigs of several clusters. Only words; the work is loaded when it is called. */
import type { Command } from 'commander';
import type { Context } from './context.ts';
import { addClusterOptions, addJsonOption } from './options.ts';

export function addProfileCommands(program: Command, context: Context): void {
  const profile = program.command('profile').description('Names for several clusters, and which one is meant');
  addClusterOptions(profile.command('add'))
    .description('Keep a kubeconfig under a name; without FILE the one that would be used now')
    .argument('<name>')
    .argument('[file]', 'kubeconfig, or - for standard input')
    .action(async (name, file, options) =>
      (await import('./commands/profile.ts')).addProfile(context, { name, file, ...options }),
    );
  addJsonOption(profile.command('list'))
    .description('Print names and masters')
    .action(async (options) => (await import('./commands/profile.ts')).listProfiles(context, options));
  addJsonOption(profile.command('use'))
    .description('Mean this cluster where nothing else is said')
    .argument('<name>')
    .action(async (name, options) => (await import('./commands/profile.ts')).useProfile(context, { name, ...options }));
  addJsonOption(profile.command('remove'))
    .description('Forget clusters; nothing happens to them')
    .argument('<name...>')
    .action(async (names, options) =>
      (await import('./commands/profile.ts')).removeProfiles(context, { names, ...options }),
    );
}
