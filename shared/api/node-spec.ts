/**
 * What a node is wanted to be, and how it is reached and configured. Source: Kubernetes API reference, core/v1 NodeSpec.
 */
import type { Static } from 'typebox';
import { bool, list, object, oneOf, ref, required, str, strings, time } from '../schema/fields.ts';

export const TaintSchema = object('Taint', 'Keeps pods away that do not tolerate it', {
  key: required(str(1, 'key of the taint')),
  value: str(2, 'value of the taint'),
  effect: required(
    oneOf(
      3,
      ['NoSchedule', 'PreferNoSchedule', 'NoExecute'],
      'whether pods are not placed, unwillingly placed, or also driven away',
    ),
  ),
  timeAdded: time(4, 'when it was added'),
});

export type Taint = Static<typeof TaintSchema>;

export const ConfigMapNodeConfigSourceSchema = object(
  'ConfigMapNodeConfigSource',
  'ConfigMap that configures the kubelet; no longer used',
  {
    namespace: required(str(1, 'namespace of the ConfigMap')),
    name: required(str(2, 'name of the ConfigMap')),
    uid: str(3, 'uid of the ConfigMap'),
    resourceVersion: str(4, 'revision of the ConfigMap'),
    kubeletConfigKey: required(str(5, 'key with the configuration')),
  },
);

export type ConfigMapNodeConfigSource = Static<typeof ConfigMapNodeConfigSourceSchema>;

export const NodeConfigSourceSchema = object(
  'NodeConfigSource',
  "Source of the kubelet's configuration; no longer used",
  {
    configMap: ref(2, ConfigMapNodeConfigSourceSchema, 'a ConfigMap'),
  },
);

export type NodeConfigSource = Static<typeof NodeConfigSourceSchema>;

export const NodeSpecSchema = object('NodeSpec', 'What the node is wanted to be', {
  podCIDR: str(1, "range of the pods' addresses"),
  podCIDRs: strings(7, "ranges of the pods' addresses, one an address family", { type: 'set', strategy: 'merge' }),
  providerID: str(3, 'id of the machine at its provider'),
  unschedulable: bool(4, 'no new pods are placed here; set by cordon'),
  taints: list(5, TaintSchema, 'keep pods away'),
  configSource: ref(6, NodeConfigSourceSchema, 'no longer used'),
  externalID: str(2, 'no longer used'),
});

export type NodeSpec = Static<typeof NodeSpecSchema>;
