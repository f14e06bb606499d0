/** The service account controller: every namespace has a ServiceAccount named `default`. */
import { ServiceAccountKind } from '../../shared/api/service-account.ts';
import { isStatusError } from '../../shared/machinery/errors.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Environment, Informers } from './informers.ts';
import { SyncedController } from './synced-controller.ts';

const NAME = 'default';

export function createServiceAccountController(environment: Environment, informers: Informers): Component {
  const { client } = environment;
  const { namespaces, serviceAccounts } = informers;
  const controller = new SyncedController({
    ...environment,
    name: 'service-account',
    informers: [namespaces, serviceAccounts],
    async reconcile(key) {
      const namespace = namespaces.get(key);
      const isGoing = namespace === undefined || namespace.metadata.deletionTimestamp !== undefined;
      if (isGoing || serviceAccounts.get(`${key}/${NAME}`) !== undefined) return;
      try {
        await client.create(ServiceAccountKind, { metadata: { name: NAME, namespace: key } });
      } catch (error) {
        // Made by somebody else, or the namespace is on its way out.
        const isSettled = ['AlreadyExists', 'Forbidden', 'NotFound'] as const;
        if (!isSettled.some((reason) => isStatusError(error, reason))) throw error;
      }
    },
  });
  namespaces.onChange((key) => controller.enqueue(key));
  serviceAccounts.onChange((key, current) => {
    const [namespace = '', name] = key.split('/');
    if (current === undefined && name === NAME) controller.enqueue(namespace);
  });
  return controller;
}
