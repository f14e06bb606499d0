/** What the cluster adds to every new pod: its service account's name, tolerations for lost nodes, its priority. */
import type { Pod } from '../../../shared/api/pod.ts';
import type { PodSpec } from '../../../shared/api/pod-spec.ts';
import { forbidden } from '../../../shared/machinery/errors.ts';
import { asKind } from '../storage/api-object.ts';
import type { AdmissionReview, AdmissionStep } from './admission.ts';

/** How long a pod stays bound to a node that is lost. Kubernetes waits 300 seconds, which an edge fleet need not. */
export const DEFAULT_TOLERATION_SECONDS = 30;

const LOST_NODE_TAINTS: readonly string[] = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

/** Kubernetes' own classes; others are objects, which a later release serves. */
const SYSTEM_PRIORITIES: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
};

export function createPodDefaults(tolerationSeconds = DEFAULT_TOLERATION_SECONDS): AdmissionStep {
  return (review) => {
    const pod = newPodOf(review);
    if (pod === undefined) return;
    addServiceAccount(pod.spec);
    addTolerations(pod.spec, tolerationSeconds);
    addPriority(pod);
  };
}

function newPodOf({ operation, call, object }: AdmissionReview): Pod | undefined {
  const isNewPod = operation === 'CREATE' && call.kind.kind === 'Pod' && call.kind.group === '';
  return isNewPod && call.subresource === '' && object !== undefined ? asKind<Pod>(call.kind, object) : undefined;
}

function addServiceAccount(spec: PodSpec): void {
  const name = spec.serviceAccountName || 'default';
  spec.serviceAccountName = name;
  spec.serviceAccount = name;
}

function addTolerations(spec: PodSpec, tolerationSeconds: number): void {
  const present = spec.tolerations ?? [];
  const missing = LOST_NODE_TAINTS.filter((key) => !present.some((toleration) => covers(toleration, key)));
  const added = missing.map((key) => ({
    key,
    operator: 'Exists' as const,
    effect: 'NoExecute' as const,
    tolerationSeconds,
  }));
  if (added.length > 0) spec.tolerations = [...present, ...added];
}

type Toleration = NonNullable<PodSpec['tolerations']>[number];

/** A toleration without key tolerates every taint, one without effect every effect. */
function covers({ key, effect }: Toleration, taint: string): boolean {
  return (!key || key === taint) && (!effect || effect === 'NoExecute');
}

function addPriority({ spec, metadata }: Pod): void {
  const { priorityClassName = '' } = spec;
  const ofClass = SYSTEM_PRIORITIES[priorityClassName];
  if (priorityClassName !== '' && ofClass === undefined) {
    const why = `no PriorityClass with name ${priorityClassName} was found`;
    throw forbidden({ group: '', plural: 'pods' }, metadata.name, why);
  }
  const priority = ofClass ?? 0;
  if (spec.priority !== undefined && spec.priority !== priority) {
    const why = `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`;
    throw forbidden({ group: '', plural: 'pods' }, metadata.name, why);
  }
  spec.priority = priority;
  spec.preemptionPolicy ??= 'PreemptLowerPriority';
}
