/**
 * All commands with their options. Only words here: what a command does is loaded when it is called, so that `bramble` starts
 * quickly whatever the others need.
 */
import { Argument, type Command, Option } from 'commander';
import type { Context } from './context.ts';
import { addMqttCommands } from './mqtt-commands.ts';
import { addNodeCommands } from './node-commands.ts';
import { addObjectCommands } from './object-commands.ts';
import {
  addClusterOptions,
  addJsonOption,
  parseCount,
  parseDuration,
  parseOptionalPort,
  parsePort,
} from './options.ts';
import { addProfileCommands } from './profile-commands.ts';

export function addCommands(program: Command, context: Context): void {
  addClusterCommands(program, context);
  addProgramCommands(program, context);
  addObjectCommands(program, context);
  addBoardCommands(program, context);
  addNodeCommands(program, context);
  addMqttCommands(program, context);
  addAccessCommands(program, context);
  addProfileCommands(program, context);
  addMachineCommands(program, context);
  addSnapshotCommands(program, context);
}

function addPortOptions(command: Command): Command {
  return command
    .addOption(new Option('--data-dir <dir>', 'folder of the cluster').env('BRAMBLE_DATA_DIR'))
    .option('--api-port <port>', 'HTTPS, for kubectl (6443)', parsePort)
    .option('--mqtt-port <port>', 'MQTT over TLS, for agents and this command (8883)', parsePort)
    .option('--mqtt-plain-port <port>', "MQTT without TLS, for people's devices; off ends it (off)", parseOptionalPort)
    .option('--status-port <port>', 'status page (8080)', parsePort)
    .option('--listen <address>', 'address to listen on; 0.0.0.0 lets others reach it (127.0.0.1)');
}

function addClusterCommands(program: Command, context: Context): void {
  addJsonOption(addPortOptions(program.command('up')))
    .description('Start a whole cluster on this machine and run an example on it')
    .option('--nodes <count>', 'agents, all on the same Docker engine (1)', parseCount)
    .option('--detach', 'return when the cluster is ready, instead of waiting for Ctrl-C')
    .option('--docker <socket>', 'socket of the Docker engine')
    .option('--no-example', 'start an empty cluster')
    .action(async (options) => (await import('./commands/up.ts')).up(context, options));
  addJsonOption(program.command('down'))
    .description('End the cluster that `up` started, and remove everything of it')
    .addOption(new Option('--data-dir <dir>', 'folder of the cluster').env('BRAMBLE_DATA_DIR'))
    .option('--keep-data', 'only end it: the next `up` goes on where it was')
    .action(async (options) => (await import('./commands/down.ts')).down(context, options));
}

function addProgramCommands(program: Command, context: Context): void {
  for (const [name, description] of [
    ['master', 'Run a master in the foreground; `bramble master --help` lists its options'],
    ['agent', 'Run the agent of a board in the foreground; `bramble agent --help` lists its options'],
  ] as const) {
    program
      .command(name)
      .description(description)
      .helpOption(false)
      .allowUnknownOption()
      .allowExcessArguments()
      .passThroughOptions()
      .argument('[arguments...]')
      .action(async (args: string[]) => (await import('./commands/program.ts')).runAsProgram(context, name, args));
  }
  const token = program.command('token').description('Tokens with which boards join');
  addClusterOptions(token.command('create'))
    .description('Print a new join token')
    .option('--ttl <duration>', 'how long it can be used', parseDuration, 24 * 3_600_000)
    .action(async (options) => (await import('./commands/token.ts')).createToken(context, options));
}

function addAccessCommands(program: Command, context: Context): void {
  addClusterOptions(program.command('kubeconfig'))
    .description('Print the kubeconfig of the cluster')
    .option('--path', 'print where it is instead')
    .option('--host <name>', 'name of the master for whoever takes it to another machine')
    .action(async (options) => (await import('./commands/kubeconfig.ts')).printKubeconfig(context, options));
  addClusterOptions(program.command('version'))
    .description('Print the versions of this command and of the master')
    .option('--client', 'only of this command')
    .action(async (options) => (await import('./commands/version.ts')).printVersion(context, options));
  program
    .command('completion')
    .description('Print a script that completes commands in a shell')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .action(async (shell) => (await import('./commands/completion.ts')).printCompletion(context, program, shell));
}

function addBoardCommands(program: Command, context: Context): void {
  for (const name of ['cordon', 'uncordon'] as const) {
    addClusterOptions(program.command(name))
      .description(name === 'cordon' ? 'Let no new pods onto boards' : 'Let new pods onto boards again')
      .argument('<node...>')
      .action(async (nodes, options) =>
        (await import('./commands/cordon.ts')).setSchedulable(context, {
          nodes,
          cordon: name === 'cordon',
          ...options,
        }),
      );
  }
}

function addSnapshotCommands(program: Command, context: Context): void {
  const snapshot = program.command('snapshot').description('Copies of everything that a master knows');
  addClusterOptions(snapshot.command('save'))
    .description('Copy the store while the master runs; with FILE also to this machine')
    .argument('[file]')
    .action(async (file, options) =>
      (await import('./commands/snapshot.ts')).saveSnapshot(context, { file, ...options }),
    );
  addClusterOptions(snapshot.command('list'))
    .description('The copies that the master keeps')
    .action(async (options) => (await import('./commands/snapshot.ts')).listSnapshots(context, options));
  addJsonOption(snapshot.command('restore'))
    .description('Put a copy in place of the store of a master that does not run, on its machine')
    .argument('<file>')
    .addOption(new Option('--data-dir <dir>', 'folder of the master').env('BRAMBLE_DATA_DIR'))
    .action(async (file, options) =>
      (await import('./commands/snapshot.ts')).restoreSnapshot(context, { file, ...options }),
    );
}

function addMachineCommands(program: Command, context: Context): void {
  addJsonOption(addPortOptions(program.command('doctor')))
    .description('Look for what keeps a cluster from working: on this machine, and on every board')
    .option('--docker <socket>', 'socket of the Docker engine')
    .option('--kubeconfig <file>', 'kubeconfig of the cluster (env: BRAMBLE_KUBECONFIG)')
    .option('--profile <name>', 'name of the cluster: bramble profile list (env: BRAMBLE_PROFILE)')
    .option('--no-boards', 'only this machine')
    .action(async (options) => (await import('./commands/doctor.ts')).doctor(context, options));
  addFlash(program, context);
}

function addFlash(program: Command, context: Context): void {
  addJsonOption(program.command('flash'))
    .description('Make the card of a board: an image and what the board shall be')
    .option('--image <file>', 'system: .img, .img.xz, .zip; without it the card keeps the system that it has')
    .option('--sha256 <hash>', "the image's published SHA-256; default: that of FILE.sha256")
    .option('--device <disk>', 'card, such as /dev/sdb; everything on it is erased')
    .option('--output <file>', "file to make instead; % is the board's name")
    .addOption(new Option('--role <role>', 'what the board shall be').choices(['master', 'agent']))
    .option('--hostname <name>', 'name of the board; counts up in a batch: node-01, node-02 …')
    .option('--user <name>', 'user who may log in (bramble)')
    .option('--ssh-key <key...>', 'public SSH key of that user, or the file with it')
    .option('--wifi-ssid <name>', 'Wi-Fi network')
    .option('--wifi-password <password>', 'its password; better in the file of --config, others see command lines')
    .option('--wifi-country <code>', 'where the board is, such as DE: the radio stays off without')
    .option('--address <cidr>', 'fixed address, such as 192.168.1.50/24; counts up in a batch')
    .option('--gateway <address>', 'router, for a fixed address')
    .option('--dns <address...>', 'name servers, for a fixed address (the router)')
    .option('--timezone <name>', 'such as Europe/Berlin (Etc/UTC)')
    .option('--token <token>', 'what an agent joins with, or better the file with it: bramble token create > token')
    .option(
      '--master <host>',
      "the master's address or name, HOST:PORT where it is not 8883; default: looked for on the LAN",
    )
    .option('--config <file>', 'all of these as lines of YAML: "wifi-ssid: home"')
    .option('--bundle <file>', "Bramble's programs, for boards without internet: npm run bundle")
    .option('--preload <archive...>', 'container images for the board to bring along: docker save')
    .option('--batch <count>', 'so many cards, one after the other', parseCount, 1)
    .option('--dry-run', 'only show what would be written')
    .option('--yes', 'ask nothing')
    .option('--force', 'also a disk that does not look like a card, or is mounted')
    .action(async (options) => (await import('./commands/flash.ts')).flash(context, options));
}
