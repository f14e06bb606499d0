/**
 * Whether somebody who has some rules may hand out others: each single right of these must be among those. Pure. Source:
 * Kubernetes, "Using RBAC Authorization", privilege escalation prevention.
 */
import type { PolicyRule } from '../../../../shared/api/policy-rule.ts';
import { pathMatches } from './rule-match.ts';

/** What of `wanted` is not covered by `owned`; empty: all of it is. */
export function missingRules(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(breakDown).filter((single) => !owned.some((rule) => covers(rule, single)));
}

/** One rule for each group, resource, name and verb. */
function breakDown(rule: PolicyRule): PolicyRule[] {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const ofPaths = nonResourceURLs.flatMap((url) => verbs.map((verb) => ({ verbs: [verb], nonResourceURLs: [url] })));
  const names = resourceNames.length === 0 ? [{}] : resourceNames.map((name) => ({ resourceNames: [name] }));
  const ofObjects = apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.flatMap((verb) =>
        names.map((name) => ({ verbs: [verb], apiGroups: [group], resources: [resource], ...name })),
      ),
    ),
  );
  return [...ofPaths, ...ofObjects];
}

function covers(owner: PolicyRule, single: PolicyRule): boolean {
  return (
    hasAll(owner.verbs, single.verbs) &&
    hasAll(owner.apiGroups, single.apiGroups) &&
    coversResources(owner.resources, single.resources) &&
    coversNames(owner.resourceNames, single.resourceNames) &&
    coversPaths(owner.nonResourceURLs, single.nonResourceURLs)
  );
}

type Texts = readonly string[] | undefined;

function hasAll(owned: Texts = [], wanted: Texts = []): boolean {
  return owned.includes('*') || wanted.every((one) => owned.includes(one));
}

function coversResources(owned: Texts = [], wanted: Texts = []): boolean {
  if (hasAll(owned, wanted)) return true;
  return wanted.every((one) => owned.includes(one) || owned.includes(`*/${one.split('/')[1] ?? ''}`));
}

/** Names are a restriction: who has some cannot give all. */
function coversNames(owned: Texts = [], wanted: Texts = []): boolean {
  if (owned.length === 0) return true;
  return wanted.length > 0 && wanted.every((name) => owned.includes(name));
}

function coversPaths(owned: Texts = [], wanted: Texts = []): boolean {
  return wanted.every((path) => owned.some((pattern) => pathMatches(pattern, path)));
}

/** For people: `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}`, one line for each resource. */
export function renderRules(rules: readonly PolicyRule[]): string {
  const merged = new Map<string, PolicyRule>();
  for (const rule of rules) {
    const { verbs, ...target } = rule;
    const key = JSON.stringify(target);
    const present = merged.get(key);
    merged.set(key, { ...target, verbs: [...(present?.verbs ?? []), ...verbs] });
  }
  return [...merged.values()].map(renderRule).sort().join('\n');
}

function renderRule({ verbs, apiGroups, resources, nonResourceURLs, resourceNames }: PolicyRule): string {
  const parts: readonly [label: string, texts: Texts][] = [
    ['APIGroups', apiGroups],
    ['Resources', resources],
    ['NonResourceURLs', nonResourceURLs],
    ['ResourceNames', resourceNames],
    ['Verbs', verbs],
  ];
  const shown = parts.filter(([, texts]) => texts !== undefined && texts.length > 0);
  return `{${shown.map(([label, texts]) => `${label}:[${(texts ?? []).map(quoted).join(' ')}]`).join(', ')}}`;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
