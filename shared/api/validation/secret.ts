/** Checks of a Secret: what its type promises is there. Source: Kubernetes, "Types of Secret". */
import type { FieldError } from '../../machinery/errors.ts';
import type { ObjectMeta } from '../../schema/object-meta.ts';
import { checkDataSize, checkKeys, checkSeal, decodedBytes } from './data.ts';
import { invalidValue, requiredValue } from './field-error.ts';

interface SecretParts {
  metadata: ObjectMeta;
  type: string;
  data?: Record<string, string>;
  immutable?: boolean;
}

/** Keys without which a Secret of that type is of no use. */
const NEEDED_KEYS: ReadonlyMap<string, readonly string[]> = new Map([
  ['kubernetes.io/tls', ['tls.crt', 'tls.key']],
  ['kubernetes.io/ssh-auth', ['ssh-privatekey']],
  ['kubernetes.io/dockercfg', ['.dockercfg']],
  ['kubernetes.io/dockerconfigjson', ['.dockerconfigjson']],
]);

/** Keys whose value must be JSON. */
const JSON_KEYS = ['.dockercfg', '.dockerconfigjson'];

const ACCOUNT_ANNOTATION = 'kubernetes.io/service-account.name';

export function checkSecret(secret: SecretParts, old?: SecretParts): FieldError[] {
  return [
    ...checkKeys('data', secret.data),
    ...checkDataSize('data', decodedBytes(secret.data)),
    ...checkType(secret),
    ...(old !== undefined && old.type !== secret.type ? [invalidValue('type', secret.type, 'field is immutable')] : []),
    ...checkSeal(secret, old),
  ];
}

function checkType({ type, data = {}, metadata }: SecretParts): FieldError[] {
  const needed = NEEDED_KEYS.get(type) ?? [];
  const missing = needed.filter((key) => data[key] === undefined);
  const unreadable = needed.filter((key) => JSON_KEYS.includes(key) && data[key] !== undefined && !isJson(data[key]));
  const errors = [
    ...missing.map((key) => requiredValue(`data[${key}]`)),
    ...unreadable.map((key) => invalidValue(`data[${key}]`, '<secret contents redacted>', 'must be valid JSON')),
  ];
  if (type === 'kubernetes.io/basic-auth' && data['username'] === undefined && data['password'] === undefined) {
    errors.push(requiredValue('data[username]'), requiredValue('data[password]'));
  }
  if (type === 'kubernetes.io/service-account-token' && !metadata.annotations?.[ACCOUNT_ANNOTATION]) {
    errors.push(requiredValue(`metadata.annotations[${ACCOUNT_ANNOTATION}]`));
  }
  return errors;
}

function isJson(base64: string): boolean {
  try {
    JSON.parse(Buffer.from(base64, 'base64').toString());
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
