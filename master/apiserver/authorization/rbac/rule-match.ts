/** Whether a rule of a role allows a request. Pure. Source: Kubernetes, "Using RBAC Authorization", referring to resources. */
import type { PolicyRule } from '../../../../shared/api/policy-rule.ts';
import type { AuthorizationAttributes } from '../authorizer.ts';

type Question = AuthorizationAttributes['request'];

export function ruleAllows(rule: PolicyRule, request: Question): boolean {
  if (!holds(rule.verbs, request.verb)) return false;
  if (!request.isResource) return (rule.nonResourceURLs ?? []).some((pattern) => pathMatches(pattern, request.path));
  const { group, resource, subresource, name } = request;
  return (
    holds(rule.apiGroups, group) &&
    resourceMatches(rule.resources, resource, subresource) &&
    nameMatches(rule.resourceNames, name)
  );
}

function holds(allowed: readonly string[] = [], wanted: string): boolean {
  return allowed.includes(wanted) || allowed.includes('*');
}

/** `pods`, `pods/log`, `*`, and a subresource of anything: an asterisk before the slash. */
function resourceMatches(allowed: readonly string[] = [], resource: string, subresource: string): boolean {
  if (subresource === '') return holds(allowed, resource);
  return holds(allowed, `${resource}/${subresource}`) || allowed.includes(`*/${subresource}`);
}

/** A request without a name is about all of them, which names do not cover. */
function nameMatches(allowed: readonly string[] = [], name: string): boolean {
  return allowed.length === 0 || allowed.includes(name);
}

/** An asterisk at the end stands for anything. */
export function pathMatches(pattern: string, path: string): boolean {
  return pattern === '*' || pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1)));
}
