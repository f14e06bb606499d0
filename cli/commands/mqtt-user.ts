/**
 * `bramble mqtt user …`: who of the house's own clients may use the broker. A user is a Secret in kube-system; what it may do
 * with the cluster is a ClusterRoleBinding.
 */
import type { JsonObject } from '../../shared/machinery/json.ts';
import { nextInt, type Random } from '../../shared/platform/random.ts';
import {
  checkMqttUserName,
  hashPassword,
  MQTT_USER_SECRET_TYPE,
  mqttUserName,
  mqttUserSecretName,
  parseTopicRights,
} from '../../shared/protocol/mqtt-user.ts';
import type { Api } from '../api/api.ts';
import {
  checked,
  createObject,
  dataOf,
  ignoreMissing,
  linesOf,
  listSecrets,
  onMissing,
  readLine,
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

const RBAC = '/apis/rbac.authorization.k8s.io/v1';

/** ClusterRoles by the word of `--rights`. */
export const RIGHTS = {
  none: '',
  view: 'view',
  operate: 'bramble:operate',
  edit: 'edit',
  admin: 'cluster-admin',
} as const;

/** What buttons and switches of a house need, and no more. */
const OPERATE_RULES = [
  { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch', 'patch'] },
  { apiGroups: [''], resources: ['nodes/reboot'], verbs: ['create'] },
  { apiGroups: [''], resources: ['pods', 'events'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: ['bramble.dev'], resources: ['nodesensors'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'list', 'watch', 'patch'] },
  { apiGroups: ['apps'], resources: ['deployments/scale'], verbs: ['get', 'patch'] },
];

export interface MqttUserOptions extends ClusterOptions {
  name: string;
  topic?: string[];
  rights?: keyof typeof RIGHTS;
  passwordFile?: string;
  json?: boolean;
}

export async function addMqttUser(context: Context, options: MqttUserOptions): Promise<void> {
  const { name, topic = [], rights = 'none', json } = options;
  await checked(() => checkMqttUserName(name));
  await checked(() => parseTopicRights(topic));
  const { password, isNew } = await choosePassword(context, options);
  const hash = await checked(() => hashPassword(password));
  await withSession(context, options, async ({ api }) => {
    await createObject(api, `the user ${name} exists already`, SECRETS, {
      ...secretOf(mqttUserSecretName(name), MQTT_USER_SECRET_TYPE),
      stringData: { username: name, 'password-hash': hash, topics: topic.join('\n') },
    });
    if (rights !== 'none') await bind(api, name, rights);
  });
  if (json)
    context.stdout.write(`${JSON.stringify({ name, ...(isNew ? { password } : {}), topics: topic, rights })}\n`);
  else context.stdout.write(isNew ? `mqtt user ${name} added; password: ${password}\n` : `mqtt user ${name} added\n`);
}

export async function setMqttPassword(context: Context, options: MqttUserOptions): Promise<void> {
  const { name, json } = options;
  const { password, isNew } = await choosePassword(context, options);
  const hash = await checked(() => hashPassword(password));
  await withSession(context, options, async ({ api }) => {
    await onMissing(`there is no user ${name}`, () =>
      api.object({
        method: 'PATCH',
        path: `${SECRETS}/${encodeURIComponent(mqttUserSecretName(name))}`,
        contentType: 'application/merge-patch+json',
        body: { data: { 'password-hash': Buffer.from(hash).toString('base64') } },
      }),
    );
  });
  if (json) context.stdout.write(`${JSON.stringify({ name, ...(isNew ? { password } : {}) })}\n`);
  else
    context.stdout.write(
      isNew ? `mqtt user ${name}: new password: ${password}\n` : `mqtt user ${name}: new password\n`,
    );
}

export async function listMqttUsers(context: Context, options: ClusterOptions & { json?: boolean }): Promise<void> {
  await withSession(context, options, async ({ api }) => {
    const users = itemsOf(await listSecrets(api, MQTT_USER_SECRET_TYPE)).map(dataOf);
    const bindings = itemsOf(await api.object({ path: `${RBAC}/clusterrolebindings` }));
    const rows = users.map(({ username = '', topics = '' }) => ({
      name: username,
      topics: linesOf(topics),
      rights: rightsOf(bindings, username),
    }));
    if (options.json) context.stdout.write(`${JSON.stringify(rows)}\n`);
    else if (rows.length === 0)
      context.stderr.write('there are no MQTT users: bramble mqtt user add NAME --topic home/#\n');
    else {
      const cells = rows.map(({ name, topics, rights }) => [name, rights, topics.join(', ')]);
      context.stdout.write(renderColumns([['NAME', 'RIGHTS', 'TOPICS'], ...cells]));
    }
  });
}

export async function removeMqttUsers(context: Context, options: ClusterOptions & { names: string[] }): Promise<void> {
  await withSession(context, options, async ({ api }) => {
    for (const name of options.names) {
      await removeObject(api, `${RBAC}/clusterrolebindings/${encodeURIComponent(mqttUserSecretName(name))}`).catch(
        ignoreMissing,
      );
      await onMissing(`there is no user ${name}`, () =>
        removeObject(api, `${SECRETS}/${encodeURIComponent(mqttUserSecretName(name))}`),
      );
      writeResult(context, options, { object: `mqtt-user/${name}`, result: 'removed' }, `mqtt user ${name} removed`);
    }
  });
}

/** Of a file, so that others do not see it in the list of processes; without one a new password is made. */
async function choosePassword(
  { random }: Context,
  { passwordFile }: MqttUserOptions,
): Promise<{ password: string; isNew: boolean }> {
  if (passwordFile !== undefined) return { password: await readLine(passwordFile), isNew: false };
  return { password: makePassword(random), isNew: true };
}

/** Without letters and digits that look alike: it is typed into other programs. */
const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789';
const PASSWORD_CHARS = 20;

function makePassword(random: Random): string {
  return Array.from({ length: PASSWORD_CHARS }, () => ALPHABET[nextInt(random, ALPHABET.length)]).join('');
}

async function bind(api: Api, name: string, rights: Exclude<keyof typeof RIGHTS, 'none'>): Promise<void> {
  const role = RIGHTS[rights];
  if (rights === 'operate') {
    await api.object({
      method: 'PATCH',
      path: `${RBAC}/clusterroles/${encodeURIComponent(role)}`,
      query: { fieldManager: 'bramble', force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body: { ...typed('ClusterRole'), metadata: { name: role }, rules: OPERATE_RULES },
    });
  }
  const binding = mqttUserSecretName(name);
  await createObject(api, `there is a binding ${binding} already`, `${RBAC}/clusterrolebindings`, {
    ...typed('ClusterRoleBinding'),
    metadata: { name: binding },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: mqttUserName(name) }],
  });
}

function typed(kind: string): JsonObject {
  return { apiVersion: 'rbac.authorization.k8s.io/v1', kind };
}

/** The word of `--rights`, or the name of another role. */
function rightsOf(bindings: readonly JsonObject[], name: string): string {
  const binding = bindings.find((one) => member(one, 'metadata')['name'] === mqttUserSecretName(name));
  if (binding === undefined) return 'none';
  const role = String(member(binding, 'roleRef')['name'] ?? '');
  return Object.entries(RIGHTS).find(([, known]) => known === role)?.[0] ?? role;
}
