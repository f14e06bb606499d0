/** The column of kinds whose age kubectl does not compute: when they were created. */
import type { Column } from '../../schema/define-kind.ts';
import type { KubernetesObject } from '../../schema/object-meta.ts';

export function createdAtColumn<T extends KubernetesObject>(): Column<T> {
  return {
    name: 'Created At',
    type: 'date',
    description: 'when the object was created',
    value: ({ metadata }) => metadata.creationTimestamp,
  };
}
