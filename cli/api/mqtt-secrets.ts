/** What the commands of MQTT users and bridges share: both are Secrets in kube-system, made by people's words. */
import { readFile } from 'node:fs/promises';
import { isStatusError } from '../../shared/machinery/errors.ts';
import type { JsonObject } from '../../shared/machinery/json.ts';
import { BridgeSettingsError } from '../../shared/protocol/mqtt-bridge.ts';
import { MQTT_USER_NAMESPACE, MqttUserError } from '../../shared/protocol/mqtt-user.ts';
import { EXIT, Failure, systemErrorCode } from '../failure.ts';
import type { Api } from './api.ts';
import { member } from './select-objects.ts';

export const SECRETS = `/api/v1/namespaces/${MQTT_USER_NAMESPACE}/secrets`;

/** Wrong words of a person become a Failure. */
export async function checked<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof MqttUserError || error instanceof BridgeSettingsError) {
      throw new Failure(EXIT.usage, error.message);
    }
    throw error;
  }
}

export function secretOf(name: string, type: string): JsonObject {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: MQTT_USER_NAMESPACE }, type };
}

export function listSecrets(api: Api, type: string): Promise<JsonObject> {
  return api.object({ path: SECRETS, query: { fieldSelector: `type=${type}` } });
}

/** The Secret's data, decoded. */
export function dataOf(secret: JsonObject): Record<string, string> {
  const entries = Object.entries(member(secret, 'data'));
  return Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(String(value), 'base64').toString()]));
}

export function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

export async function createObject(api: Api, clash: string, path: string, body: JsonObject): Promise<void> {
  try {
    await api.object({ method: 'POST', path, body });
  } catch (error) {
    if (isStatusError(error, 'AlreadyExists'))
      throw new Failure(EXIT.failed, clash, 'remove it first, or take another name');
    throw error;
  }
}

export async function removeObject(api: Api, path: string): Promise<void> {
  await api.object({ method: 'DELETE', path });
}

export async function onMissing(message: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (isStatusError(error, 'NotFound'))
      throw new Failure(EXIT.failed, message, 'see: bramble mqtt user list, bramble mqtt bridge list');
    throw error;
  }
}

export function ignoreMissing(error: unknown): void {
  if (!isStatusError(error, 'NotFound')) throw error;
}

export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    throw new Failure(EXIT.input, `${path} cannot be read (${code})`);
  }
}

/** The first line: a password. */
export async function readLine(path: string): Promise<string> {
  return (await readText(path)).split(/\r?\n/, 1)[0] ?? '';
}
