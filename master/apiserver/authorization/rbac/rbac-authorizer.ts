/** Rights by roles and bindings. Source: Kubernetes, "Using RBAC Authorization". */
import type { PartialAuthorizer } from '../authorizer.ts';
import { ruleAllows } from './rule-match.ts';
import type { RuleResolver } from './rule-resolver.ts';

export function createRbacAuthorizer(resolver: RuleResolver): PartialAuthorizer {
  return async ({ user, request }) => {
    const grants = await resolver.grantsOf(user, request.isResource ? request.namespace : '');
    for (const { rules } of grants) for (const rule of rules) if (ruleAllows(rule, request)) return 'allow';
    const missing = [...new Set(grants.flatMap(({ missing }) => (missing === undefined ? [] : [missing])))];
    if (missing.length === 0) return undefined;
    return { deny: `RBAC: ${missing.length === 1 ? missing[0] : `[${missing.join(', ')}]`}` };
  };
}
