/** Commands that look at objects, change them, or go into their containers. Only words; the work is loaded when it is called. */
import { type Command, Option } from 'commander';
import type { Context } from './context.ts';
import {
  addClusterOptions,
  addNamespaceOption,
  addProfileOptions,
  parseCount,
  parseDuration,
  parseOutput,
} from './options.ts';

const SELECTOR = ['-l, --selector <labels>', 'objects with these labels: app=web,tier!=db'] as const;
const ALL_NAMESPACES = ['-A, --all-namespaces', 'objects of all namespaces'] as const;

export function addObjectCommands(program: Command, context: Context): void {
  addReadCommands(program, context);
  addWatchingCommands(program, context);
  addWriteCommands(program, context);
  addMarkCommands(program, context);
  addRolloutCommands(program, context);
  addContainerCommands(program, context);
}

function addReadCommands(program: Command, context: Context): void {
  addNamespaceOption(program.command('get'))
    .description('Print objects: bramble get pods, bramble get deploy/web, bramble get nodes -o wide')
    .argument('<type>', 'a type, several with commas, or TYPE/NAME')
    .argument('[names...]')
    .option(...ALL_NAMESPACES)
    .option(...SELECTOR)
    .option('--field-selector <fields>', 'only objects with these fields: spec.nodeName=node-1')
    .option(
      '-o, --output <format>',
      'table, wide, yaml, json, name, jsonpath=…, custom-columns=TITLE:.path,…',
      parseOutput,
    )
    .option('-w, --watch', 'go on with changes as they come')
    .action(async (type, names, options) =>
      (await import('./commands/get.ts')).get(context, { type, names, ...options }),
    );
  addNamespaceOption(program.command('describe'))
    .description('Print all of an object, and what happened to it')
    .argument('<object...>', 'TYPE/NAME, TYPE NAME, or TYPE for all of it')
    .option(...SELECTOR)
    .action(async (words, options) =>
      (await import('./commands/describe.ts')).describe(context, { words, ...options }),
    );
  addNamespaceOption(program.command('explain-placement'))
    .description('Say why a pod is on its board, or why on none, board by board')
    .argument('<pod>')
    .action(async (pod, options) =>
      (await import('./commands/explain-placement.ts')).explainPlacement(context, { pod, ...options }),
    );
  const top = program.command('top').description('What boards and pods use right now');
  for (const what of ['nodes', 'pods'] as const) {
    addNamespaceOption(top.command(what))
      .description(what === 'nodes' ? 'Boards, with their temperatures' : 'Pods')
      .option(...ALL_NAMESPACES)
      .option('--live', 'go on, until Ctrl-C')
      .addOption(new Option('--sort-by <column>', 'largest first').choices(['name', 'cpu', 'memory', 'temperature']))
      .action(async (options) => (await import('./commands/top.ts')).top(context, { what, ...options }));
  }
}

function addWatchingCommands(program: Command, context: Context): void {
  addNamespaceOption(program.command('events'))
    .description('Print what happened, oldest first')
    .option(...ALL_NAMESPACES)
    .option('-w, --watch', 'go on with what happens')
    .option('--for <object>', 'only of TYPE/NAME')
    .option('--types <types>', 'only Warning, or Normal,Warning')
    .action(async (options) => (await import('./commands/events.ts')).events(context, options));
  addNamespaceOption(program.command('wait'))
    .description('Wait until objects are as they should be')
    .argument('<object...>', 'TYPE/NAME, or TYPE NAME')
    .requiredOption('--for <condition>', 'condition=Ready, delete, create, jsonpath={.path}=value')
    .option(...SELECTOR)
    .option('--all', 'all objects of the type in the namespace')
    .option('--timeout <duration>', 'give up after that (30s)', parseDuration, 30_000)
    .action(async (words, options) => (await import('./commands/wait.ts')).wait(context, { words, ...options }));
  addNamespaceOption(program.command('logs'))
    .description('Print what containers wrote')
    .argument('[pod]', 'a pod, or deploy/NAME for one of its pods')
    .option(...SELECTOR)
    .option('--all-pods', 'of all pods of deploy/NAME, each line with its pod')
    .option('-c, --container <name>', 'container of the pod, when it has several')
    .option('--all-containers', 'of all of its containers')
    .option('-f, --follow', 'go on as more is written')
    .option('-p, --previous', 'of the container before its last restart')
    .option('--tail <lines>', 'only the last lines', parseCount)
    .option('--since <duration>', 'only what is newer', parseDuration)
    .option('--timestamps', 'with the time of each line')
    .action(async (pod, options) => (await import('./commands/logs.ts')).logs(context, { pod, ...options }));
}

function addWriteCommands(program: Command, context: Context): void {
  for (const verb of ['apply', 'diff'] as const) {
    const command = addNamespaceOption(program.command(verb))
      .description(
        verb === 'apply'
          ? 'Create objects from manifests, or change them to what the manifests say'
          : 'Show what apply would change; ends with 1 when there is something',
      )
      .requiredOption('-f, --filename <path...>', 'files, folders, addresses, or - for standard input')
      .option('-R, --recursive', 'folders inside folders too')
      .action(async (options) => (await import('./commands/apply.ts'))[verb](context, options));
    if (verb === 'diff') continue;
    command
      .option('--dry-run', 'let the master check it without doing it')
      .option('--no-force-conflicts', 'refuse to take fields over that others manage')
      .option('--prune', 'delete what was applied before with the labels of -l and is in no manifest now')
      .option(...SELECTOR);
  }
  addNamespaceOption(program.command('delete'))
    .description('Delete objects, and wait until they are gone')
    .argument('[type]', 'a type, or TYPE/NAME')
    .argument('[names...]')
    .option('-f, --filename <path...>', 'the objects of these manifests')
    .option('-R, --recursive', 'folders inside folders too')
    .option(...SELECTOR)
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
}

function addMarkCommands(program: Command, context: Context): void {
  for (const [name, kind] of [
    ['label', 'labels'],
    ['annotate', 'annotations'],
  ] as const) {
    addNamespaceOption(program.command(name))
      .description(`Set or take away ${kind}: bramble ${name} node/pi-1 room=shed`)
      .argument('<words...>', 'objects, then KEY=VALUE to set, KEY- to take away')
      .option(...SELECTOR)
      .option('--all', 'all objects of the type in the namespace')
      .option('--overwrite', 'also where there is another value')
      .action(async (words, options) =>
        (await import('./commands/mark.ts')).mark(context, { kind, words, ...options }),
      );
  }
}

const ROLLOUT_VERBS = {
  status: 'Wait until all pods are new and available',
  history: 'Print the revisions',
  undo: 'Go back to an earlier revision',
  restart: 'Replace all pods, one after the other',
  pause: 'Let changes of a deployment wait',
  resume: 'Roll out the changes that waited',
} as const;

function addRolloutCommands(program: Command, context: Context): void {
  const rollout = program.command('rollout').description('New versions of deployments, stateful sets and daemon sets');
  for (const verb of ['status', 'history', 'undo', 'restart', 'pause', 'resume'] as const) {
    const command = addNamespaceOption(rollout.command(verb))
      .description(ROLLOUT_VERBS[verb])
      .argument('<object...>', 'TYPE/NAME, or TYPE NAME: deploy/web')
      .action(async (words, options) =>
        (await import('./commands/rollout.ts')).rollout(context, { verb, words, ...options }),
      );
    if (verb === 'undo') command.option('--to-revision <number>', 'default: the one before', parseCount);
    if (verb === 'status') command.option('--timeout <duration>', 'give up after that', parseDuration);
  }
}

function addContainerCommands(program: Command, context: Context): void {
  addNamespaceOption(program.command('exec'), addProfileOptions)
    .description('Run a program in a container: bramble exec -it web-1 -- sh')
    .argument('<pod>', 'a pod, or deploy/NAME for one of its pods')
    .argument('[command...]', 'the program and its arguments, behind --')
    .option('-c, --container <name>', 'container of the pod, when it has several')
    .option('-i, --stdin', 'let it read this input')
    .option('-t, --tty', 'give it this terminal')
    .action(async (pod, command, options) =>
      (await import('./commands/exec.ts')).exec(context, { pod, command, ...options }),
    );
  addNamespaceOption(program.command('cp'))
    .description('Copy files and folders: bramble cp ./site web-1:/srv, bramble cp web-1:/var/log/x .')
    .argument('<from>')
    .argument('<to>')
    .option('-c, --container <name>', 'container of the pod, when it has several')
    .action(async (from, to, options) => (await import('./commands/copy.ts')).copy(context, { from, to, ...options }));
  addNamespaceOption(program.command('port-forward'))
    .description('Open ports of this machine that lead into a pod: bramble port-forward deploy/web 8080:80')
    .argument('<target>', 'a pod, or deploy/NAME, or svc/NAME')
    .argument('<ports...>', 'LOCAL:REMOTE, PORT for both, :REMOTE for any free one here; REMOTE may be a name')
    .option('--address <address>', 'where to listen; 0.0.0.0 lets others in (127.0.0.1)')
    .action(async (target, ports, options) =>
      (await import('./commands/port-forward.ts')).portForward(context, { target, ports, ...options }),
    );
  addClusterOptions(program.command('drain'))
    .description('Let no new pods onto a board, and move its pods away')
    .argument('<node>')
    .option('--ignore-daemonsets', 'leave pods of DaemonSets where they are')
    .option('--delete-emptydir-data', 'also pods that lose data by it')
    .option('--force', 'also pods that nothing brings back')
    .option('--grace-period <seconds>', 'time that pods get to end', parseCount)
    .option('--timeout <duration>', 'give up after that (5m)', parseDuration, 300_000)
    .action(async (node, options) => (await import('./commands/drain.ts')).drain(context, { node, ...options }));
}
