/** What the cluster adds to every new pod: its service account's name, tolerations for lost nodes. */
import type { Pod } from '../../../shared/api/pod.ts';
import type { PodSpec } from '../../../shared/api/pod-spec.ts';
import { asKind } from '../storage/api-object.ts';
import type { AdmissionReview, AdmissionStep } from './admission.ts';

/** How long a pod stays bound to a node that is lost. Kubernetes waits 300 seconds, which an edge fleet need not. */
export const DEFAULT_TOLERATION_SECONDS = 30;

const LOST_NODE_TAINTS: readonly string[] = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

export function createPodDefaults(tolerationSeconds = DEFAULT_TOLERATION_SECONDS): AdmissionStep {
  return (review) => {
    const pod = newPodOf(review);
    if (pod === undefined) return;
    addServiceAccount(pod.spec);
    addTolerations(pod.spec, tolerationSeconds);
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
