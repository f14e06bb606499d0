/** `bramble mqtt bridge …`: the broker's links to brokers that people have already. A link is a Secret in kube-system. */
import {
  MQTT_BRIDGE_SECRET_TYPE,
  mqttBridgeSecretName,
  parseBridgeSettings,
} from '../../shared/protocol/mqtt-bridge.ts';
import { checkMqttUserName } from '../../shared/protocol/mqtt-user.ts';
import {
  checked,
  createObject,
  dataOf,
  linesOf,
  listSecrets,
  onMissing,
  readLine,
  readText,
  removeObject,
  SECRETS,
  secretOf,
} from '../api/mqtt-secrets.ts';
import { itemsOf, member } from '../api/select-objects.ts';
import { withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import type { ClusterOptions } from '../options.ts';
import { renderColumns } from '../print/columns.ts';
import { writeResult } from '../print/result.ts';

export interface MqttBridgeOptions extends ClusterOptions {
  name: string;
  url: string;
  in?: string[];
  out?: string[];
  username?: string;
  passwordFile?: string;
  caFile?: string;
  bridgeProtocol?: boolean;
}

export async function addMqttBridge(context: Context, options: MqttBridgeOptions): Promise<void> {
  const { name, url, username, passwordFile, caFile } = options;
  await checked(() => checkMqttUserName(name));
  const data = {
    url,
    in: (options.in ?? []).join('\n'),
    out: (options.out ?? []).join('\n'),
    ...(username === undefined ? {} : { username }),
    ...(passwordFile === undefined ? {} : { password: await readLine(passwordFile) }),
    ...(caFile === undefined ? {} : { ca: await readText(caFile) }),
    ...(options.bridgeProtocol === false ? { 'bridge-protocol': 'off' } : {}),
  };
  await checked(() => parseBridgeSettings(data));
  await withSession(context, options, ({ api }) =>
    createObject(api, `the bridge ${name} exists already`, SECRETS, {
      ...secretOf(mqttBridgeSecretName(name), MQTT_BRIDGE_SECRET_TYPE),
      stringData: data,
    }),
  );
  writeResult(context, options, { object: `mqtt-bridge/${name}`, result: 'added', url }, `mqtt bridge ${name} added`);
}

export async function listMqttBridges(context: Context, options: ClusterOptions & { json?: boolean }): Promise<void> {
  await withSession(context, options, async ({ api }) => {
    const rows = itemsOf(await listSecrets(api, MQTT_BRIDGE_SECRET_TYPE)).map((item) => {
      const { url = '', in: incoming = '', out = '' } = dataOf(item);
      const name = String(member(item, 'metadata')['name'] ?? '').slice(mqttBridgeSecretName('').length);
      return { name, url, in: linesOf(incoming), out: linesOf(out) };
    });
    if (options.json) context.stdout.write(`${JSON.stringify(rows)}\n`);
    else if (rows.length === 0) context.stderr.write('there are no MQTT bridges\n');
    else {
      const cells = rows.map((row) => [row.name, row.url, row.in.join(', '), row.out.join(', ')]);
      context.stdout.write(renderColumns([['NAME', 'BROKER', 'IN', 'OUT'], ...cells]));
    }
  });
}

export async function removeMqttBridges(
  context: Context,
  options: ClusterOptions & { names: string[] },
): Promise<void> {
  await withSession(context, options, async ({ api }) => {
    for (const name of options.names) {
      await onMissing(`there is no bridge ${name}`, () =>
        removeObject(api, `${SECRETS}/${encodeURIComponent(mqttBridgeSecretName(name))}`),
      );
      writeResult(
        context,
        options,
        { object: `mqtt-bridge/${name}`, result: 'removed' },
        `mqtt bridge ${name} removed`,
      );
    }
  });
}
