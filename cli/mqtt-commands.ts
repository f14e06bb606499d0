/** Commands of MQTT users and bridges. Only words; the work is loaded when it is called. */
import { type Command, Option } from 'commander';
import type { Context } from './context.ts';
import { addClusterOptions } from './options.ts';

const PASSWORD_FILE = [
  '--password-file <file>',
  'its first line is the password; default: a new one is made and shown',
] as const;

export function addMqttCommands(program: Command, context: Context): void {
  const mqtt = program.command('mqtt').description("The house's own MQTT clients, and links to other brokers");
  addUserCommands(mqtt.command('user').description('Users of the broker'), context);
  addBridgeCommands(mqtt.command('bridge').description('Links to other brokers'), context);
}

function addUserCommands(user: Command, context: Context): void {
  addClusterOptions(user.command('add'))
    .description("Let a client of the house in: bramble mqtt user add lamp --topic 'home/#'")
    .argument('<name>')
    .option('--topic <filter...>', 'topics to read and write; read:FILTER or write:FILTER for one of them')
    .addOption(
      new Option('--rights <rights>', 'what it may do with the cluster')
        .choices(['none', 'view', 'operate', 'edit', 'admin'])
        .default('none'),
    )
    .option(...PASSWORD_FILE)
    .action(async (name, options) =>
      (await import('./commands/mqtt-user.ts')).addMqttUser(context, { name, ...options }),
    );
  addClusterOptions(user.command('list'))
    .description('Print users with their topics and rights')
    .action(async (options) => (await import('./commands/mqtt-user.ts')).listMqttUsers(context, options));
  addClusterOptions(user.command('remove'))
    .description('Let users in no more; what waited for them is gone')
    .argument('<name...>')
    .action(async (names, options) =>
      (await import('./commands/mqtt-user.ts')).removeMqttUsers(context, { names, ...options }),
    );
  addClusterOptions(user.command('passwd'))
    .description('Give a user another password; its connections end')
    .argument('<name>')
    .option(...PASSWORD_FILE)
    .action(async (name, options) =>
      (await import('./commands/mqtt-user.ts')).setMqttPassword(context, { name, ...options }),
    );
}

function addBridgeCommands(bridge: Command, context: Context): void {
  addClusterOptions(bridge.command('add'))
    .description("Link to a broker: bramble mqtt bridge add attic --url mqtt://attic --in 'zigbee2mqtt/#'")
    .argument('<name>')
    .requiredOption('--url <url>', 'mqtt://HOST[:PORT], or mqtts:// with TLS')
    .option('--in <filter...>', 'topics that come from there')
    .option('--out <filter...>', 'topics that go there')
    .option('--username <name>', 'user there')
    .option('--password-file <file>', 'its first line is the password there')
    .option('--ca-file <file>', 'certificate that signed that of the other broker')
    .option('--no-bridge-protocol', 'for brokers that do not know MQTT 5')
    .action(async (name, options) =>
      (await import('./commands/mqtt-bridge.ts')).addMqttBridge(context, { name, ...options }),
    );
  addClusterOptions(bridge.command('list'))
    .description('Print bridges with their topics')
    .action(async (options) => (await import('./commands/mqtt-bridge.ts')).listMqttBridges(context, options));
  addClusterOptions(bridge.command('remove'))
    .description('End links to other brokers')
    .argument('<name...>')
    .action(async (names, options) =>
      (await import('./commands/mqtt-bridge.ts')).removeMqttBridges(context, { names, ...options }),
    );
}
