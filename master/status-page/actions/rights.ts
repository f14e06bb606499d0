/** Which actions a person may take, as the API server itself says: the page shows no button that would be refused. */
import type { Handler } from '../../../shared/protocol/exchange.ts';
import type { Action } from './action-names.ts';
import { actionsOf, type Target } from './actions.ts';

interface Right {
  verb: string;
  subresource?: string;
  /** Of another resource than the target's. */
  resource?: string;
}

const RIGHTS: Readonly<Record<Action, Right>> = {
  restart: { verb: 'patch' },
  scale: { verb: 'patch', subresource: 'scale' },
  cordon: { verb: 'patch' },
  uncordon: { verb: 'patch' },
  drain: { verb: 'create', resource: 'pods', subresource: 'eviction' },
  reboot: { verb: 'create', subresource: 'reboot' },
  delete: { verb: 'delete' },
  approve: { verb: 'update', subresource: 'approval' },
  deny: { verb: 'update', subresource: 'approval' },
};

export async function allowedActions(handler: Handler, target: Target): Promise<Action[]> {
  const actions = actionsOf(target);
  const answers = await Promise.all(actions.map((action) => mayI(handler, attributesOf(target, RIGHTS[action]))));
  return actions.filter((_, index) => answers[index]);
}

/** Who may not list the boards and the pods of all namespaces is not shown them here. */
export async function maySeeAll(handler: Handler): Promise<boolean> {
  const answers = await Promise.all(
    ['nodes', 'pods', 'events'].map((resource) => mayI(handler, { verb: 'list', group: '', resource })),
  );
  return answers.every(Boolean);
}

function attributesOf({ kind, key }: Target, { verb, subresource, resource }: Right): Record<string, string> {
  const isOwn = resource === undefined;
  return {
    verb,
    group: isOwn ? kind.group : '',
    resource: resource ?? kind.plural,
    ...(subresource === undefined ? {} : { subresource }),
    ...(isOwn ? { name: key.name } : {}),
    ...(isOwn && key.namespace !== undefined ? { namespace: key.namespace } : {}),
  };
}

async function mayI(handler: Handler, resourceAttributes: Record<string, string>): Promise<boolean> {
  const response = await handler({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    query: {},
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { resourceAttributes } },
    signal: new AbortController().signal,
  });
  if (response.type !== 'object' || response.code >= 400) return false;
  const { body } = response;
  return isAnswer(body) && body.status.allowed === true;
}

function isAnswer(body: unknown): body is { status: { allowed?: boolean } } {
  return (
    typeof body === 'object' &&
    body !== null &&
    'status' in body &&
    typeof body.status === 'object' &&
    body.status !== null
  );
}
