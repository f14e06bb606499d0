/** The aggregation controller: ClusterRoles that are put together from others follow these. */
import { type ClusterRole, ClusterRoleKind } from '../../shared/api/cluster-role.ts';
import { aggregateRules } from '../../shared/api/rbac/aggregate-rules.ts';
import { Informer } from '../../shared/client/informer.ts';
import { jsonEqual } from '../../shared/machinery/json.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Environment } from './informers.ts';
import { unlessNotFound } from './requests.ts';
import { SyncedController } from './synced-controller.ts';

export function createClusterRoleAggregation(environment: Environment): Component {
  const roles = new Informer<ClusterRole>({ ...environment, kind: ClusterRoleKind });
  const controller = new SyncedController({
    ...environment,
    name: 'cluster-role-aggregation',
    informers: [roles],
    async reconcile(name) {
      const role = roles.get(name);
      const rules = role && aggregateRules(role, roles.list());
      if (role === undefined || rules === undefined || jsonEqual(rules, role.rules ?? [])) return;
      await unlessNotFound(environment.client.update(ClusterRoleKind, { ...role, rules }));
    },
  });
  // Any role can be part of any other.
  roles.onChange(() => {
    for (const role of roles.list()) if (role.aggregationRule !== undefined) controller.enqueue(role.metadata.name);
  });
  return {
    async start() {
      await roles.start();
      await controller.start();
    },
    async stop() {
      await controller.stop();
      await roles.stop();
    },
  };
}
