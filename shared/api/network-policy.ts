/**
 * NetworkPolicy: which connections the pods of a selection may have. Source: Kubernetes API reference, networking.k8s.io/v1
 * NetworkPolicy.
 */
import type { Static } from 'typebox';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import { defaulted, int32, intOrString, list, object, oneOf, ref, required, str, strings } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { labelSelectorText } from './columns/workload.ts';
import { KIND_NAMES } from './kind-names.ts';
import { LabelSelectorSchema } from './label-selector.ts';
import { checkNetworkPolicy } from './validation/network-policy.ts';

export const IPBlockSchema = object('IPBlock', 'A range of addresses', {
  cidr: required(str(1, 'the range, such as 192.168.1.0/24')),
  except: strings(2, 'ranges inside of it that are left out'),
});

export type IPBlock = Static<typeof IPBlockSchema>;

export const NetworkPolicyPortSchema = object('NetworkPolicyPort', 'Ports of a connection', {
  protocol: defaulted(oneOf(1, ['TCP', 'UDP', 'SCTP'], 'protocol of the connection', { default: 'TCP' })),
  port: intOrString(2, 'number or name of the port; absent for all'),
  endPort: int32(3, 'last port of a range that begins with port'),
});

export type NetworkPolicyPort = Static<typeof NetworkPolicyPortSchema>;

export const NetworkPolicyPeerSchema = object('NetworkPolicyPeer', 'The other end of a connection', {
  podSelector: ref(1, LabelSelectorSchema, 'pods, of the same namespace unless namespaces are chosen'),
  namespaceSelector: ref(2, LabelSelectorSchema, 'namespaces'),
  ipBlock: ref(3, IPBlockSchema, 'addresses; nothing else may be set then'),
});

export type NetworkPolicyPeer = Static<typeof NetworkPolicyPeerSchema>;

export const NetworkPolicyIngressRuleSchema = object('NetworkPolicyIngressRule', 'Connections that may come in', {
  ports: list(1, NetworkPolicyPortSchema, 'to which ports; none for all'),
  from: list(2, NetworkPolicyPeerSchema, 'from whom; none for everybody'),
});

export type NetworkPolicyIngressRule = Static<typeof NetworkPolicyIngressRuleSchema>;

export const NetworkPolicyEgressRuleSchema = object('NetworkPolicyEgressRule', 'Connections that may go out', {
  ports: list(1, NetworkPolicyPortSchema, 'to which ports; none for all'),
  to: list(2, NetworkPolicyPeerSchema, 'to whom; none for everybody'),
});

export type NetworkPolicyEgressRule = Static<typeof NetworkPolicyEgressRuleSchema>;

export const NetworkPolicySpecSchema = object('NetworkPolicySpec', 'What is allowed', {
  podSelector: defaulted(ref(1, LabelSelectorSchema, 'pods that the policy is about; empty for all', { default: {} })),
  ingress: list(2, NetworkPolicyIngressRuleSchema, 'connections that may come in'),
  egress: list(3, NetworkPolicyEgressRuleSchema, 'connections that may go out'),
  policyTypes: defaulted(strings(4, 'directions that the policy is about: Ingress, Egress')),
});

export type NetworkPolicySpec = Static<typeof NetworkPolicySpecSchema>;

export const NetworkPolicySchema = object('NetworkPolicy', 'Which connections pods may have', {
  apiVersion: defaulted(str(undefined, 'always networking.k8s.io/v1')),
  kind: defaulted(str(undefined, 'always NetworkPolicy')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  spec: defaulted(ref(2, NetworkPolicySpecSchema, 'what is allowed', { default: {} })),
});

export type NetworkPolicy = Static<typeof NetworkPolicySchema>;

/** A policy is about what comes in, and about what goes out when it says something of that. */
function applyNetworkPolicyDefaults({ spec }: NetworkPolicy): void {
  if ((spec.policyTypes ?? []).length > 0) return;
  spec.policyTypes = (spec.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
}

export const NetworkPolicyKind = defineKind<NetworkPolicy>(KIND_NAMES.NetworkPolicy, {
  shortNames: ['netpol'],
  columns: [
    nameColumn(),
    {
      name: 'Pod-Selector',
      type: 'string',
      description: 'pods that the policy is about',
      value: ({ spec }) => labelSelectorText(spec.podSelector ?? {}),
    },
    ageColumn(),
  ],
  applyDefaults: applyNetworkPolicyDefaults,
  validate: ({ spec }) => checkNetworkPolicy(spec),
  schema: NetworkPolicySchema,
});
