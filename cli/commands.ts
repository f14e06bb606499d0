/**
 * All commands with their options. Only words here: what a command does is loaded when it is called, so that `bramble` starts
 * quickly whatever the others need.
 */
import { type Command, Option } from 'commander';
import type { Context } from './context.ts';
import { addClusterOptions, addNamespaceOption, parseCount, parseDuration, parsePort } from './options.ts';

export function addCommands(program: Command, context: Context): void {
  addClusterCommands(program, context);
  addProgramCommands(program, context);
  addReadCommands(program, context);
  addWriteCommands(program, context);
  addMachineCommands(program, context);
}

function addPortOptions(command: Command): Command {
  return command
    .addOption(new Option('--data-dir <dir>', 'folder of the cluster').env('BRAMBLE_DATA_DIR'))
    .option('--api-port <port>', 'HTTPS, for kubectl (6443)', parsePort)
    .option('--mqtt-port <port>', 'MQTT over TLS, for agents and this command (8883)', parsePort)
    .option('--status-port <port>', 'status page (8080)', parsePort)
    .option('--listen <address>', 'address to listen on; 0.0.0.0 lets others reach it (127.0.0.1)');
}

function addClusterCommands(program: Command, context: Context): void {
  addPortOptions(program.command('up'))
    .description('Start a whole cluster on this machine and run an example on it')
    .option('--nodes <count>', 'agents, all on the same Docker engine (1)', parseCount)
    .option('--detach', 'return when the cluster is ready, instead of waiting for Ctrl-C')
    .option('--docker <socket>', 'socket of the Docker engine')
    .option('--no-example', 'start an empty cluster')
    .action(async (options) => (await import('./commands/up.ts')).up(context, options));
  program
    .command('down')
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
    .option('--json', 'print an object with id and expiration too')
    .action(async (options) => (await import('./commands/token.ts')).createToken(context, options));
}

function addReadCommands(program: Command, context: Context): void {
  addNamespaceOption(program.command('get'))
    .description('Print objects: bramble get pods, bramble get deploy/web, bramble get nodes -o wide')
    .argument('<type>', 'a type, several with commas, or TYPE/NAME')
    .argument('[names...]')
    .option('-A, --all-namespaces', 'objects of all namespaces')
    .option('-l, --selector <labels>', 'only objects with these labels: app=web,tier!=db')
    .option('--field-selector <fields>', 'only objects with these fields: spec.nodeName=node-1')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['table', 'wide', 'yaml', 'json', 'name']))
    .option('-w, --watch', 'go on with changes as they come')
    .action(async (type, names, options) =>
      (await import('./commands/get.ts')).get(context, { type, names, ...options }),
    );
  addNamespaceOption(program.command('logs'))
    .description('Print what a container wrote')
    .argument('<pod>', 'a pod, or deploy/NAME for one of its pods')
    .option('-c, --container <name>', 'container of the pod, when it has several')
    .option('-f, --follow', 'go on as more is written')
    .option('-p, --previous', 'of the container before its last restart')
    .option('--tail <lines>', 'only the last lines', parseCount)
    .option('--since <duration>', 'only what is newer', parseDuration)
    .option('--timestamps', 'with the time of each line')
    .action(async (pod, options) => (await import('./commands/logs.ts')).logs(context, { pod, ...options }));
  addNamespaceOption(program.command('explain-placement'))
    .description('Say why a pod is on its board, or why on none, board by board')
    .argument('<pod>')
    .option('--json', 'as an object')
    .action(async (pod, options) =>
      (await import('./commands/explain-placement.ts')).explainPlacement(context, { pod, ...options }),
    );
  addClusterOptions(program.command('kubeconfig'))
    .description('Print the kubeconfig of the cluster')
    .option('--path', 'print where it is instead')
    .action(async (options) => (await import('./commands/kubeconfig.ts')).printKubeconfig(context, options));
  addClusterOptions(program.command('version'))
    .description('Print the versions of this command and of the master')
    .option('--client', 'only of this command')
    .option('--json', 'as an object')
    .action(async (options) => (await import('./commands/version.ts')).printVersion(context, options));
}

function addWriteCommands(program: Command, context: Context): void {
  addNamespaceOption(program.command('apply'))
    .description('Create objects from manifests, or change them to what the manifests say')
    .requiredOption('-f, --filename <path...>', 'files, folders, or - for standard input')
    .option('-R, --recursive', 'folders inside folders too')
    .option('--dry-run', 'let the master check it without doing it')
    .action(async (options) => (await import('./commands/apply.ts')).apply(context, options));
  addNamespaceOption(program.command('delete'))
    .description('Delete objects, and wait until they are gone')
    .argument('[type]', 'a type, or TYPE/NAME')
    .argument('[names...]')
    .option('-f, --filename <path...>', 'the objects of these manifests')
    .option('-R, --recursive', 'folders inside folders too')
    .option('-l, --selector <labels>', 'all objects of the type with these labels')
    .option('--all', 'all objects of the type in the namespace')
    .option('--grace-period <seconds>', 'time that pods get to end', parseCount)
    .option('--no-wait', 'return at once')
    .action(async (type, names, options) =>
      (await import('./commands/delete.ts')).deleteObjects(context, { type, names, ...options }),
    );
  addNamespaceOption(program.command('scale'))
    .description('Change how many pods a deployment has')
    .argument('<object...>', 'TYPE/NAME or TYPE NAME: deploy/web')
    .requiredOption('--replicas <count>', 'number of pods', parseCount)
    .action(async (words, options) => (await import('./commands/scale.ts')).scale(context, { words, ...options }));
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

function addMachineCommands(program: Command, context: Context): void {
  addPortOptions(program.command('doctor'))
    .description('Look for what keeps a cluster from working on this machine')
    .option('--docker <socket>', 'socket of the Docker engine')
    .option('--json', 'as an object')
    .action(async (options) => (await import('./commands/doctor.ts')).doctor(context, options));
  addFlash(program, context);
}

function addFlash(program: Command, context: Context): void {
  program
    .command('flash')
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
    .option('--token <token>', 'what an agent joins with: bramble token create')
    .option('--master <host>', "the master's address or name; without it it is looked for on the LAN")
    .option('--config <file>', 'all of these as lines of YAML: "wifi-ssid: home"')
    .option('--bundle <file>', "Bramble's programs, for boards without internet: npm run bundle")
    .option('--batch <count>', 'so many cards, one after the other', parseCount, 1)
    .option('--dry-run', 'only show what would be written')
    .option('--yes', 'ask nothing')
    .option('--force', 'also a disk that does not look like a card, or is mounted')
    .action(async (options) => (await import('./commands/flash.ts')).flash(context, options));
}
