/**
 * Nothing is created in a namespace that is missing or on its way out, and the namespaces that a cluster cannot do without
 * are not deleted.
 */
import type { Namespace } from '../../../shared/api/namespace.ts';
import { forbidden, notFound, StatusError } from '../../../shared/machinery/errors.ts';
import { type ApiObject, asKind } from '../storage/api-object.ts';
import type { AdmissionReview, AdmissionStep } from './admission.ts';

const PROTECTED: readonly string[] = ['default', 'kube-system', 'kube-public'];

const NAMESPACES = { group: '', plural: 'namespaces' };

export type NamespaceReader = (name: string) => Promise<ApiObject | undefined>;

export function createNamespaceLifecycle(readNamespace: NamespaceReader): AdmissionStep {
  return async (review) => {
    refuseProtected(review);
    const { operation, call } = review;
    if (operation !== 'CREATE' || call.namespace === '') return;
    const namespace = await readNamespace(call.namespace);
    if (namespace === undefined) throw notFound(NAMESPACES, call.namespace);
    if (isTerminating(namespace)) throw terminatingError(review);
  };
}

function refuseProtected({ operation, call }: AdmissionReview): void {
  if (operation !== 'DELETE' || call.kind.kind !== 'Namespace' || !PROTECTED.includes(call.name)) return;
  throw forbidden(NAMESPACES, call.name, 'this namespace may not be deleted');
}

function isTerminating(object: ApiObject): boolean {
  const { metadata, status } = asKind<Namespace>({ kind: 'Namespace' }, object);
  return metadata.deletionTimestamp !== undefined || status.phase === 'Terminating';
}

function terminatingError({ call, object }: AdmissionReview): StatusError {
  const { namespace, kind } = call;
  const name = object?.metadata.name ?? '';
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const { message, status } = forbidden(kind, name, why);
  const cause = {
    reason: 'NamespaceTerminating',
    message: `namespace ${namespace} is being terminated`,
    field: 'metadata.namespace',
  };
  return new StatusError('Forbidden', message, { ...status.details, causes: [cause] });
}
