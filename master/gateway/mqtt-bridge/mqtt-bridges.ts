/** Keeps as many bridges running as there are Secrets of bridges, each with its present settings. */
import { type Secret, SecretKind } from '../../../shared/api/secret.ts';
import type { Client } from '../../../shared/client/client.ts';
import { Informer } from '../../../shared/client/informer.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Random } from '../../../shared/platform/random.ts';
import {
  BridgeSettingsError,
  MQTT_BRIDGE_SECRET_TYPE,
  mqttBridgeSecretName,
  parseBridgeSettings,
} from '../../../shared/protocol/mqtt-bridge.ts';
import { MQTT_USER_NAMESPACE } from '../../../shared/protocol/mqtt-user.ts';
import type { Sessions } from '../../broker/sessions.ts';
import { Bridge } from './bridge.ts';

export interface MqttBridgesOptions {
  sessions: Sessions;
  /** Reads Secrets in kube-system. */
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** There is a bridge that may carry what the master tells of the cluster. */
  onBridge?(): void;
}

const MAX_BRIDGES = 16;

export class MqttBridges implements Component {
  readonly #options: MqttBridgesOptions;
  readonly #secrets: Informer<Secret>;
  readonly #bridges = new Map<string, { version: string; bridge: Bridge }>();
  /** Bridges start and end one after the other. */
  #work: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(options: MqttBridgesOptions) {
    this.#options = options;
    const { client, clock, random, logger } = options;
    this.#secrets = new Informer({
      ...{ client, clock, random, logger, kind: SecretKind },
      scope: { namespace: MQTT_USER_NAMESPACE, fieldSelector: `type=${MQTT_BRIDGE_SECRET_TYPE}` },
    });
    this.#secrets.onChange((key) => this.#enqueue(key));
  }

  async start(): Promise<void> {
    await this.#secrets.start();
  }

  async stop(): Promise<void> {
    this.#ended = true;
    await this.#secrets.stop();
    await this.#work;
    for (const { bridge } of this.#bridges.values()) await bridge.stop();
  }

  #enqueue(key: string): void {
    this.#work = this.#work
      .then(() => this.#sync(key))
      .catch((error: unknown) => {
        this.#options.logger.error('a bridge was not started', { secret: key, error });
      });
  }

  async #sync(key: string): Promise<void> {
    if (this.#ended) return;
    const secret = this.#secrets.get(key);
    const version = secret && JSON.stringify(secret.data ?? {});
    const running = this.#bridges.get(key);
    if (running?.version === version) return;
    if (running !== undefined) {
      this.#bridges.delete(key);
      await running.bridge.stop();
    }
    if (secret === undefined || version === undefined || this.#bridges.size >= MAX_BRIDGES) return;
    const bridge = this.#create(secret);
    if (bridge === undefined) return;
    this.#bridges.set(key, { version, bridge });
    this.#options.onBridge?.();
    await bridge.start();
  }

  #create(secret: Secret): Bridge | undefined {
    const { sessions, clock, random, logger } = this.#options;
    const data = Object.entries(secret.data ?? {}).map(([key, value]) => [
      key,
      Buffer.from(value, 'base64').toString(),
    ]);
    const name = secret.metadata.name.slice(mqttBridgeSecretName('').length);
    try {
      const settings = parseBridgeSettings(Object.fromEntries(data));
      return new Bridge({ name, settings, local: sessions.transport(), clock, random, logger });
    } catch (error) {
      if (!(error instanceof BridgeSettingsError)) throw error;
      logger.warn('the settings of a bridge are wrong', { secret: secret.metadata.name, error });
      return undefined;
    }
  }
}
