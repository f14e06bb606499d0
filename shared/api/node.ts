/** Node: a board that runs pods. Source: Kubernetes API reference, core/v1 Node. */
import type { Static } from 'typebox';
import { defineKind } from '../schema/define-kind.ts';
import { defaulted, object, ref, str } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { nodeColumns } from './columns/node.ts';
import { KIND_NAMES } from './kind-names.ts';
import { NodeSpecSchema } from './node-spec.ts';
import { NodeStatusSchema } from './node-status.ts';
import { checkNode } from './validation/node.ts';

export const NodeSchema = object('Node', 'A board that runs pods', {
  apiVersion: defaulted(str(undefined, 'always v1')),
  kind: defaulted(str(undefined, 'always Node')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  spec: defaulted(ref(2, NodeSpecSchema, 'what the node is wanted to be', { default: {} })),
  status: defaulted(ref(3, NodeStatusSchema, 'what the node reports of itself', { default: {} })),
});

export type Node = Static<typeof NodeSchema>;

export const NodeKind = defineKind<Node>(KIND_NAMES.Node, {
  shortNames: ['no'],
  subresources: { status: true },
  applyDefaults: ({ status }) => {
    if (status.capacity !== undefined) status.allocatable ??= { ...status.capacity };
  },
  columns: nodeColumns,
  selectableFields: { 'spec.unschedulable': ({ spec }) => String(spec.unschedulable ?? false) },
  validate: ({ spec }, old) => checkNode(spec, old?.spec),
  schema: NodeSchema,
});
