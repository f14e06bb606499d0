/** What has to be written so that a Node shows what it should: pure, and empty when it does already. */
import { PEER_PORT_ANNOTATION } from '../../../shared/api/image-peers.ts';
import type { Node } from '../../../shared/api/node.ts';
import type { NodeCondition } from '../../../shared/api/node-status.ts';
import { setCondition } from '../../../shared/machinery/conditions.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import { DEVICE_LABEL_PREFIX, RESOURCE_PREFIX } from '../devices/device.ts';
import { findStaleConditions } from './node-conditions.ts';
import type { OwnNodeStatus } from './node-object.ts';

type Values = Readonly<Record<string, string>>;
type Removals = Record<string, string | null>;

/** Labels to merge; null removes that of a device that is gone. Labels of others stay. */
export function computeLabelChanges(shown: Values, wanted: Values): Removals {
  const gone = Object.keys(shown).filter((key) => key.startsWith(DEVICE_LABEL_PREFIX) && wanted[key] === undefined);
  const changed = Object.entries(wanted).filter(([key, value]) => shown[key] !== value);
  return Object.fromEntries([...gone.map((key): [string, null] => [key, null]), ...changed]);
}

/** Annotations to merge. Those of others stay: people name devices there. */
export function computeAnnotationChanges(shown: Values = {}, wanted: Values, peerPort = 0): Removals {
  const all = { ...wanted, ...(peerPort === 0 ? {} : { [PEER_PORT_ANNOTATION]: String(peerPort) }) };
  const isClosed = peerPort === 0 && shown[PEER_PORT_ANNOTATION] !== undefined;
  const changed = Object.entries(all).filter(([key, value]) => shown[key] !== value);
  return { ...Object.fromEntries(changed), ...(isClosed ? { [PEER_PORT_ANNOTATION]: null } : {}) };
}

/** Amounts to merge: resources that somebody else has added to the node stay. */
export function computeAmountChanges(shown: Values = {}, wanted: Values = {}): Removals {
  const gone = Object.keys(shown).filter((key) => key.startsWith(RESOURCE_PREFIX) && wanted[key] === undefined);
  const changed = Object.entries(wanted).filter(([key, value]) => shown[key] !== value);
  return Object.fromEntries([...gone.map((key): [string, null] => [key, null]), ...changed]);
}

export interface StatusChanges {
  /** Body of a strategic merge patch of the status; conditions without times. */
  status: Record<string, unknown>;
  conditions: NodeCondition[];
  /** Types of conditions to remove. */
  stale: string[];
}

/** undefined: the Node shows it all. */
export function computeStatusChanges(node: Node, wanted: OwnNodeStatus): StatusChanges | undefined {
  const { conditions: told = [], capacity, allocatable, addresses, ...rest } = wanted;
  const amounts = { capacity: computeAmountChanges(node.status.capacity, capacity) };
  const shares = { allocatable: computeAmountChanges(node.status.allocatable, allocatable) };
  const changedAmounts = Object.entries({ ...amounts, ...shares }).filter(([, value]) => Object.keys(value).length > 0);
  const changedRest = Object.entries(rest).filter(([key, value]) => !jsonEqual(Reflect.get(node.status, key), value));
  // Addresses are replaced as a whole: a strategic patch would keep those of an old network.
  const moved = jsonEqual(node.status.addresses, addresses) ? [] : [...(addresses ?? []), { $patch: 'replace' }];
  const status = {
    ...Object.fromEntries([...changedAmounts, ...changedRest]),
    ...(moved.length > 0 ? { addresses: moved } : {}),
  };
  const shown = node.status.conditions ?? [];
  const conditions = told.filter((condition) => !isShown(shown, condition));
  const stale = findStaleConditions(shown, told);
  const isSame = Object.keys(status).length + conditions.length + stale.length === 0;
  return isSame ? undefined : { status, conditions, stale };
}

function isShown(all: readonly NodeCondition[], wanted: NodeCondition): boolean {
  const shown = all.find(({ type }) => type === wanted.type);
  return shown?.status === wanted.status && shown.reason === wanted.reason && shown.message === wanted.message;
}

export function renderStatusPatch(node: Node, { status, conditions, stale }: StatusChanges, now: string) {
  const stamped = conditions.map((condition) => stamp(node, condition, now));
  const removed = stale.map((type) => ({ $patch: 'delete', type }));
  const list = [...stamped, ...removed];
  return { status: { ...status, ...(list.length > 0 ? { conditions: list } : {}) } };
}

function stamp({ status }: Node, condition: NodeCondition, now: string): NodeCondition {
  const present = (status.conditions ?? []).filter(({ type }) => type === condition.type);
  return { ...condition, ...setCondition(present, condition, now)[0], lastHeartbeatTime: now };
}
