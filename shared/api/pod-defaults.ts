/**
 * Defaults of a pod that depend on its other fields. Those of `applyPodSpecDefaults` hold in templates too; those of
 * `applyPodDefaults` are filled in only when a pod is really made. Running them again changes nothing.
 */
import { parseQuantity, QuantityError } from '../machinery/quantity.ts';
import type { KubernetesObject } from '../schema/object-meta.ts';
import type { Container } from './container.ts';
import type { PodSpec } from './pod-spec.ts';
import type { PodStatus } from './pod-status.ts';

interface PodParts extends KubernetesObject {
  spec: PodSpec;
  status: PodStatus;
}

/** Fills in what pods and templates share. `spec` may still lack what it must have: validation comes later. */
export function applyPodSpecDefaults(spec: PodSpec): void {
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    container.imagePullPolicy ??= pullPolicyFor(container.image);
    fillProbes(container);
  }
  for (const container of spec.ephemeralContainers ?? []) container.imagePullPolicy ??= pullPolicyFor(container.image);
  for (const volume of spec.volumes ?? []) {
    if (Object.keys(volume).every((key) => key === 'name')) volume.emptyDir = {};
    if (volume.image) volume.image.pullPolicy ??= pullPolicyFor(volume.image.reference);
  }
  const serviceAccountName = spec.serviceAccountName || spec.serviceAccount;
  if (serviceAccountName) Object.assign(spec, { serviceAccountName, serviceAccount: serviceAccountName });
}

export function applyPodDefaults(pod: PodParts): void {
  const { spec } = pod;
  applyPodSpecDefaults(spec);
  spec.enableServiceLinks ??= true;
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    requestWhatIsLimited(container);
    fillResizePolicy(container);
    if (spec.hostNetwork) exposeOnHost(container);
  }
  pod.status.qosClass ??= computeQosClass(spec);
}

/** A zero in a probe counts as not said: Kubernetes cannot tell the two apart. */
function fillProbes({ livenessProbe, readinessProbe, startupProbe }: Container): void {
  for (const probe of [livenessProbe, readinessProbe, startupProbe]) {
    if (probe === undefined) continue;
    probe.timeoutSeconds ||= 1;
    probe.periodSeconds ||= 10;
    probe.successThreshold ||= 1;
    probe.failureThreshold ||= 3;
  }
}

/** `Always` for the tag latest, spelled out or implied; a digest or any other tag never changes. */
export function pullPolicyFor(image: string | undefined): 'Always' | 'IfNotPresent' {
  const [reference = '', digest] = (image ?? '').split('@');
  const tag = /:([^:/]+)$/.exec(reference)?.[1];
  if (tag === undefined) return digest === undefined ? 'Always' : 'IfNotPresent';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}

const COUNTED = ['cpu', 'memory'] as const;

/**
 * How safe the pod is when memory runs out: Guaranteed when each container has equal requests and limits for CPU and
 * memory, BestEffort when none has any, otherwise Burstable.
 */
export function computeQosClass(spec: PodSpec): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  // Amounts of the pod as a whole count in the place of those of its containers.
  const own = COUNTED.some((name) => spec.resources?.requests?.[name] ?? spec.resources?.limits?.[name]);
  const holders: readonly Pick<Container, 'resources'>[] =
    own && spec.resources ? [{ resources: spec.resources }] : containers;
  const amounts = holders.flatMap(({ resources = {} }) =>
    COUNTED.map((name) => ({
      request: nanosOf(resources.requests?.[name]),
      limit: nanosOf(resources.limits?.[name]),
    })),
  );
  if (amounts.every(({ request, limit }) => request === 0n && limit === 0n)) return 'BestEffort';
  return amounts.every(({ request, limit }) => limit !== 0n && request === limit) ? 'Guaranteed' : 'Burstable';
}

function requestWhatIsLimited(container: Container): void {
  const limits = container.resources?.limits;
  if (limits === undefined) return;
  container.resources.requests = { ...limits, ...container.resources.requests };
}

/** Amounts that the container names can be changed without a restart, unless it says otherwise. */
function fillResizePolicy(container: Container): void {
  const { limits, requests } = container.resources ?? {};
  const present = container.resizePolicy ?? [];
  const missing = COUNTED.filter((name) => {
    const isNamed = limits?.[name] !== undefined || requests?.[name] !== undefined;
    return isNamed && !present.some(({ resourceName }) => resourceName === name);
  });
  const added = missing.map((resourceName) => ({ resourceName, restartPolicy: 'NotRequired' as const }));
  if (added.length > 0) container.resizePolicy = [...present, ...added];
}

function exposeOnHost(container: Container): void {
  for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
}

/** Absent counts as nothing, and so does a text that validation will refuse. */
function nanosOf(quantity: string | undefined): bigint {
  if (quantity === undefined) return 0n;
  try {
    return parseQuantity(quantity).nanos;
  } catch (error) {
    if (error instanceof QuantityError) return 0n;
    throw error;
  }
}
