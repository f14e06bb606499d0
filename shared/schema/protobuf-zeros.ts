/**
 * Which zero values of a protobuf body mean "not set".
 *
 * Go writes every field that is not a pointer, also when nobody set it: "", 0, false, an empty struct. In JSON the same
 * field would be left out. A field that is a pointer is written only when it is set, so that its zero is a wish (0
 * replicas). The bytes do not tell the two apart and neither do our schemas, so these are the rules:
 *
 * - An empty string means not set, unless the field is required. All strings of Go where empty differs from absent are
 *   pointers; of these only `storageClassName` gives the empty string a meaning of its own.
 * - 0 and false mean not set for the names below, which are plain values in Go and optional in JSON, and 0 in every status.
 *   All other numbers and booleans are kept: pointers such as `replicas`, and `false` where it says the same as nothing.
 * - A struct without content means not set for the names below, which are plain structs in Go. All others are pointers,
 *   whose presence alone says something (`emptyDir: {}`).
 *
 * Source: types.go of k8s.io/api, compared with the fields of our kinds.
 */
import { isJsonObject } from '../machinery/json.ts';
import type { SchemaNode } from './schema-node.ts';

const MEANINGFUL_EMPTY_STRINGS = new Set(['storageClassName']);

const PLAIN_NUMBERS = new Set([
  'availableReplicas',
  'count',
  'currentReplicas',
  'failureThreshold',
  'fullyLabeledReplicas',
  'generation',
  'healthCheckNodePort',
  'hostPort',
  'initialDelaySeconds',
  'minReadySeconds',
  'nodePort',
  'number',
  'observedGeneration',
  'periodSeconds',
  'readyReplicas',
  'signal',
  'sizeBytes',
  'successThreshold',
  'timeoutSeconds',
  'unavailableReplicas',
  'updatedReplicas',
]);

const PLAIN_BOOLEANS = new Set([
  'chapAuthDiscovery',
  'chapAuthSession',
  'denied',
  'globalDefault',
  'hostIPC',
  'hostNetwork',
  'hostPID',
  'paused',
  'publishNotReadyAddresses',
  'readOnly',
  'sslEnabled',
  'stdin',
  'stdinOnce',
  'tty',
  'unschedulable',
]);

/** `targetPort` is a plain struct that holds a number or a text. */
const PLAIN_INT_OR_STRINGS = new Set(['targetPort']);

const PLAIN_STRUCTS = new Set([
  'daemonEndpoints',
  'jobTemplate',
  'kubeletEndpoint',
  'lastState',
  'loadBalancer',
  'metadata',
  'nodeInfo',
  'port',
  'resources',
  'source',
  'spec',
  'state',
  'status',
  'strategy',
  'template',
  'updateStrategy',
  'userInfo',
]);

/** Whether a decoded field counts as absent. */
export function isUnset(parent: SchemaNode, key: string, value: unknown): boolean {
  if (parent.required?.includes(key)) return false;
  if (value === '') return !MEANINGFUL_EMPTY_STRINGS.has(key);
  if (value === 0) return isStatus(parent) || PLAIN_NUMBERS.has(key) || PLAIN_INT_OR_STRINGS.has(key);
  if (value === false) return PLAIN_BOOLEANS.has(key);
  return isJsonObject(value) && Object.keys(value).length === 0 && isPlainStruct(key);
}

/** Whether Go has the field as a struct, not as a pointer to one: then it is in every object. */
export function isPlainStruct(key: string): boolean {
  return PLAIN_STRUCTS.has(key);
}

function isStatus(node: SchemaNode): boolean {
  return node['x-name']?.endsWith('Status') ?? false;
}
