/**
 * A pod that names no pull secrets gets those of its service account.
 * Source: Kubernetes, "Add ImagePullSecrets to a service account".
 */
import type { Pod } from '../../../shared/api/pod.ts';
import type { ServiceAccount } from '../../../shared/api/service-account.ts';
import { type ApiObject, asKind } from '../storage/api-object.ts';
import type { AdmissionStep } from './admission.ts';

/** undefined: there is none of that name (yet). */
export type ServiceAccountReader = (namespace: string, name: string) => Promise<ApiObject | undefined>;

/** Comes after the step that gives the pod its service account. */
export function createImagePullSecrets(readServiceAccount: ServiceAccountReader): AdmissionStep {
  return async ({ operation, call, object }) => {
    const isNewPod = operation === 'CREATE' && call.kind.kind === 'Pod' && call.kind.group === '';
    if (!isNewPod || call.subresource !== '' || object === undefined) return;
    const { spec } = asKind<Pod>(call.kind, object);
    if ((spec.imagePullSecrets ?? []).length > 0) return;
    const account = await readServiceAccount(call.namespace, spec.serviceAccountName || 'default');
    if (account === undefined) return;
    const { imagePullSecrets = [] } = asKind<ServiceAccount>({ kind: 'ServiceAccount' }, account);
    if (imagePullSecrets.length > 0) spec.imagePullSecrets = imagePullSecrets.map(({ name }) => ({ name }));
  };
}
