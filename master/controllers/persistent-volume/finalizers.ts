/** Takes a finalizer off an object, unless the object has changed since it was read. */
import type { Client, KindRef } from '../../../shared/client/client.ts';
import type { KubernetesObject } from '../../../shared/schema/object-meta.ts';
import { unlessNotFound } from '../requests.ts';

export async function removeFinalizer<T extends KubernetesObject>(
  client: Client,
  kind: KindRef<T>,
  object: T,
  finalizer: string,
): Promise<void> {
  const finalizers = (object.metadata.finalizers ?? []).filter((one) => one !== finalizer);
  await unlessNotFound(client.update(kind, { ...object, metadata: { ...object.metadata, finalizers } }));
}
