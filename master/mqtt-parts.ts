/** The master's parts that speak with the house over MQTT, tied together beside main.ts. Nothing is decided here. */
import type { Client } from '../shared/client/client.ts';
import type { Clock } from '../shared/platform/clock.ts';
import type { Component } from '../shared/platform/lifecycle.ts';
import type { Logger } from '../shared/platform/logger.ts';
import type { Random } from '../shared/platform/random.ts';
import type { Broker } from './broker/broker.ts';
import type { MqttUsers } from './gateway/authentication/mqtt-users.ts';
import { MqttBridges } from './gateway/mqtt-bridge/mqtt-bridges.ts';
import { MqttCommands } from './gateway/mqtt-commands.ts';
import type { RequestHandler } from './gateway/request-handler.ts';
import type { AlertSource } from './mqtt-state/alerts.ts';
import { DISCOVERY_ID_PREFIX } from './mqtt-state/discovery.ts';
import { StateTopics } from './mqtt-state/state-topics.ts';

export interface MqttPartsOptions {
  broker: Broker;
  users: MqttUsers;
  apiServer: RequestHandler;
  clientOf(component: string): Client;
  discoveryPrefix: string | undefined;
  clock: Clock;
  random: Random;
  logger: Logger;
}

export interface MqttParts {
  /** To be started when the API answers, and before anybody may connect. */
  components: Component[];
  /** Ends before the broker: what the other broker was told to have arrived must be kept. */
  bridges: Component;
  setAlerts(source: AlertSource): void;
}

export function createMqttParts(options: MqttPartsOptions): MqttParts {
  const { broker, users, apiServer, clientOf, clock, random, logger, discoveryPrefix } = options;
  const environment = { clock, random, logger };
  users.onChange(({ name, gone, isCurrent }) => {
    broker.disconnect(({ identity }) => !isCurrent(identity));
    if (gone) {
      broker.forgetUser(name).catch((error: unknown) => logger.error('sessions were not forgotten', { name, error }));
    }
  });
  const state = new StateTopics({
    ...environment,
    sessions: broker,
    client: clientOf('system:mqtt-state'),
    discoveryPrefix,
  });
  const bridges = new MqttBridges({
    ...environment,
    sessions: broker,
    client: clientOf('system:mqtt-bridges'),
    onBridge: () => state.begin(),
  });
  const commands = new MqttCommands({ sessions: broker, apiServer, clock, logger });
  return { components: [users, commands, state], bridges, setAlerts: (source) => state.setAlerts(source) };
}

/** What the master tells Home Assistant is told anew after each start. */
export function isDiscoveryOfOurs(topic: string): boolean {
  return topic.includes(`/device/${DISCOVERY_ID_PREFIX}`);
}
