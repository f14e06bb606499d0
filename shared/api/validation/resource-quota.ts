/** Checks of a ResourceQuota: names of resources that can be counted, scopes that fit them and stay as they are. */
import type { FieldError } from '../../machinery/errors.ts';
import { jsonEqual } from '../../machinery/json.ts';
import { validateQualifiedName } from '../../machinery/names.ts';
import { complaintsAbout, forbiddenValue, invalidValue, requiredValue, unsupportedValue } from './field-error.ts';
import { checkQuantity, nanosOf } from './resources.ts';

interface ScopeTest {
  scopeName: string;
  operator: string;
  values?: readonly string[];
}

interface Quota {
  hard?: Readonly<Record<string, string>>;
  scopes?: readonly string[];
  scopeSelector?: { matchExpressions?: readonly ScopeTest[] };
}

/** Resources that a quota can name beside `count/…`, `requests.<domain>/…` and `<class>.storageclass.storage.k8s.io/…`. */
const STANDARD: ReadonlySet<string> = new Set([
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.ephemeral-storage',
  'requests.storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'pods',
  'resourcequotas',
  'services',
  'services.nodeports',
  'services.loadbalancers',
  'replicationcontrollers',
  'secrets',
  'persistentvolumeclaims',
  'configmaps',
]);

const COUNTS: ReadonlySet<string> = new Set([
  'pods',
  'resourcequotas',
  'services',
  'services.nodeports',
  'services.loadbalancers',
  'replicationcontrollers',
  'secrets',
  'persistentvolumeclaims',
  'configmaps',
]);

export const QUOTA_SCOPES = [
  'Terminating',
  'NotTerminating',
  'BestEffort',
  'NotBestEffort',
  'PriorityClass',
  'CrossNamespacePodAffinity',
  'VolumeAttributesClass',
] as const;

/** Pods without any request have nothing but their number. */
const OF_BEST_EFFORT: ReadonlySet<string> = new Set(['pods']);

const OF_PODS: ReadonlySet<string> = new Set([
  'pods',
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
]);

export function checkResourceQuota(spec: Quota, old?: Quota): FieldError[] {
  return [
    ...Object.entries(spec.hard ?? {}).flatMap(([name, amount]) => checkHard(name, amount)),
    ...checkScopes(spec),
    ...checkScopeSelector(spec),
    ...(old ? checkChange(spec, old) : []),
  ];
}

function checkHard(name: string, amount: string): FieldError[] {
  const field = `spec.hard[${name}]`;
  const nanos = nanosOf(amount);
  const isFraction = isCount(name) && nanos !== undefined && nanos % 1_000_000_000n !== 0n;
  return [
    ...checkName(field, name),
    ...checkQuantity(field, amount),
    ...(isFraction ? [invalidValue(field, amount, 'must be an integer')] : []),
  ];
}

function isCount(name: string): boolean {
  return COUNTS.has(name) || name.startsWith('count/');
}

function checkName(field: string, name: string): FieldError[] {
  const complaints = complaintsAbout(field, name, validateQualifiedName(name));
  if (complaints.length > 0 || name.includes('/') || STANDARD.has(name) || isHugePages(name)) return complaints;
  return [invalidValue(field, name, 'must be a standard resource type or fully qualified')];
}

function isHugePages(name: string): boolean {
  return name.startsWith('hugepages-') || name.startsWith('requests.hugepages-');
}

function checkScopes({ scopes = [], hard = {} }: Quota): FieldError[] {
  const known: readonly string[] = QUOTA_SCOPES;
  const errors = scopes
    .filter((scope) => !known.includes(scope))
    .map((scope) => invalidValue('spec.scopes', scope, 'unsupported scope'));
  for (const scope of scopes) {
    const fits = scope === 'BestEffort' ? OF_BEST_EFFORT : OF_PODS;
    const misfits = Object.keys(hard).filter((name) => !fits.has(name) && !isExtended(name, scope));
    if (misfits.length > 0 && scope !== 'VolumeAttributesClass') {
      errors.push(invalidValue('spec.scopes', scopes, 'unsupported scope applied to resource'));
    }
  }
  const contradicts = (one: string, other: string): boolean => scopes.includes(one) && scopes.includes(other);
  if (contradicts('BestEffort', 'NotBestEffort') || contradicts('Terminating', 'NotTerminating')) {
    errors.push(invalidValue('spec.scopes', scopes, 'conflicting scopes'));
  }
  return errors;
}

function isExtended(name: string, scope: string): boolean {
  return scope !== 'BestEffort' && name.startsWith('requests.') && name.includes('/');
}

function checkScopeSelector({ scopeSelector }: Quota): FieldError[] {
  const known: readonly string[] = QUOTA_SCOPES;
  return (scopeSelector?.matchExpressions ?? []).flatMap(({ scopeName, operator, values = [] }, index) => {
    const field = `spec.scopeSelector.matchExpressions[${index}]`;
    if (!known.includes(scopeName)) return [unsupportedValue(`${field}.scopeName`, scopeName, known)];
    const takesValues = operator === 'In' || operator === 'NotIn';
    const errors: FieldError[] = [];
    if (scopeName !== 'PriorityClass' && scopeName !== 'VolumeAttributesClass' && operator !== 'Exists') {
      const why =
        "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
      errors.push(invalidValue(`${field}.operator`, operator, why));
    }
    if (takesValues && values.length === 0) {
      errors.push(
        requiredValue(
          `${field}.values`,
          "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
        ),
      );
    }
    if (!takesValues && values.length > 0) {
      const why = "must be no value when `operator` is 'Exists' or 'DoesNotExist' for scope selector";
      errors.push(invalidValue(`${field}.values`, values, why));
    }
    return errors;
  });
}

function checkChange(spec: Quota, old: Quota): FieldError[] {
  const same = jsonEqual([...(spec.scopes ?? [])].sort(), [...(old.scopes ?? [])].sort());
  return same ? [] : [forbiddenValue('spec.scopes', 'field is immutable')];
}
