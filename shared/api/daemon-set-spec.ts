/** What is wanted of a DaemonSet. Source: Kubernetes API reference, apps/v1 DaemonSetSpec. */
import type { Static } from 'typebox';
import { defaulted, int32, intOrString, object, oneOf, ref, required } from '../schema/fields.ts';
import { LabelSelectorSchema } from './label-selector.ts';
import { PodTemplateSpecSchema } from './pod-template.ts';

export const RollingUpdateDaemonSetSchema = object('RollingUpdateDaemonSet', 'How fast pods are replaced', {
  maxUnavailable: intOrString(1, 'nodes that may be without an available pod meanwhile, a number or a percentage'),
  maxSurge: intOrString(2, 'nodes that may have an old and a new pod meanwhile, a number or a percentage'),
});

export type RollingUpdateDaemonSet = Static<typeof RollingUpdateDaemonSetSchema>;

export const DaemonSetUpdateStrategySchema = object('DaemonSetUpdateStrategy', 'How new pods replace old ones', {
  type: defaulted(
    oneOf(1, ['RollingUpdate', 'OnDelete'], 'node by node, or when somebody deletes a pod', {
      default: 'RollingUpdate',
    }),
  ),
  rollingUpdate: ref(2, RollingUpdateDaemonSetSchema, 'speed of a replacement node by node'),
});

export type DaemonSetUpdateStrategy = Static<typeof DaemonSetUpdateStrategySchema>;

export const DaemonSetSpecSchema = object('DaemonSetSpec', 'What is wanted', {
  selector: required(ref(1, LabelSelectorSchema, "chooses the pods; must match the template's labels; cannot change")),
  template: required(ref(2, PodTemplateSpecSchema, 'what the pods look like; its node selector chooses the nodes')),
  updateStrategy: defaulted(ref(3, DaemonSetUpdateStrategySchema, 'how new pods replace old ones', { default: {} })),
  minReadySeconds: int32(4, 'how long a new pod must be ready before it counts as available'),
  revisionHistoryLimit: defaulted(int32(6, 'old revisions kept for undo', { default: 10 })),
});

export type DaemonSetSpec = Static<typeof DaemonSetSpecSchema>;
