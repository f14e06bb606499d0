/**
 * How boards and deployments introduce themselves to Home Assistant. Pure. Source: Home Assistant, "MQTT discovery", device
 * discovery payload: one retained message a device, with its components; an empty one takes the device away.
 */
import type { Deployment } from '../../shared/api/deployment.ts';
import type { Node } from '../../shared/api/node.ts';
import { GIT_VERSION } from '../../shared/platform/version.ts';
import { topics } from '../../shared/protocol/topics.ts';

/** In front of every object id of ours, so that what is ours can be told from what others publish there. */
export const DISCOVERY_ID_PREFIX = 'bramble_';

export interface DiscoveryMessage {
  topic: string;
  payload: object;
}

type Component = Readonly<Record<string, unknown>> & { platform: string; name: string };

const ORIGIN = { name: 'Bramble', sw_version: GIT_VERSION };

export function nodeDiscoveryTopic(prefix: string, name: string): string {
  return discoveryTopic(prefix, `node_${name}`);
}

export function deploymentDiscoveryTopic(prefix: string, key: { namespace: string; name: string }): string {
  return discoveryTopic(prefix, `deployment_${key.namespace}_${key.name}`);
}

export function renderNodeDiscovery({ metadata, status }: Node) {
  const { name } = metadata;
  const id = `${DISCOVERY_ID_PREFIX}node_${metadata.uid || name}`;
  const model = metadata.annotations?.['bramble.dev/model'] ?? metadata.labels?.['bramble.dev/model'];
  const { kubeletVersion, architecture } = status.nodeInfo ?? {};
  return {
    device: {
      identifiers: [id],
      name,
      manufacturer: 'Bramble',
      ...(model ? { model } : {}),
      ...(kubeletVersion ? { sw_version: kubeletVersion } : {}),
      ...(architecture ? { hw_version: architecture } : {}),
    },
    origin: ORIGIN,
    components: withIds(id, nodeComponents(name)),
  };
}

function nodeComponents(name: string): Record<string, Component> {
  const state = topics.nodeState(name);
  // Readings of a lost board are old; whether it is online is not.
  const present = { availability: [{ topic: state, value_template: onWhen('online', 'online', 'offline') }] };
  const sensor = (label: string, member: string, more: object): Component => ({
    platform: 'sensor',
    name: label,
    state_topic: state,
    value_template: `{{ value_json.${member} | default(none) }}`,
    state_class: 'measurement',
    ...present,
    ...more,
  });
  const binary = (label: string, member: string, more: object): Component => ({
    platform: 'binary_sensor',
    name: label,
    state_topic: state,
    value_template: onWhen(member, 'ON', 'OFF'),
    ...more,
  });
  const share = (label: string, member: string, icon: string): Component =>
    sensor(label, member, { unit_of_measurement: '%', suggested_display_precision: 0, icon });
  return {
    temperature: sensor('Temperature', 'temperatureCelsius', {
      device_class: 'temperature',
      unit_of_measurement: '°C',
    }),
    cpu: share('CPU', 'cpuPercent', 'mdi:chip'),
    memory: share('Memory', 'memoryPercent', 'mdi:memory'),
    disk: share('Disk', 'diskPercent', 'mdi:sd'),
    pods: sensor('Pods', 'pods', { icon: 'mdi:cube-outline' }),
    online: binary('Online', 'online', { device_class: 'connectivity' }),
    throttled: binary('Throttled', 'throttled', { device_class: 'problem', entity_category: 'diagnostic', ...present }),
    under_voltage: binary('Under-voltage', 'underVoltage', {
      ...{ device_class: 'problem', entity_category: 'diagnostic', ...present },
    }),
    cordon: {
      platform: 'switch',
      name: 'Cordon',
      icon: 'mdi:cancel',
      state_topic: state,
      value_template: onWhen('cordoned', 'ON', 'OFF'),
      command_topic: topics.nodeCommand(name, 'cordon'),
      payload_on: 'ON',
      payload_off: 'OFF',
      entity_category: 'config',
    },
    reboot: {
      platform: 'button',
      name: 'Reboot',
      device_class: 'restart',
      command_topic: topics.nodeCommand(name, 'reboot'),
      payload_press: 'PRESS',
      entity_category: 'config',
      ...present,
    },
  };
}

export function renderDeploymentDiscovery({ metadata }: Deployment) {
  const { name, namespace = 'default' } = metadata;
  const id = `${DISCOVERY_ID_PREFIX}deployment_${metadata.uid || `${namespace}_${name}`}`;
  const state = topics.deploymentState(namespace, name);
  const components: Record<string, Component> = {
    ready: {
      platform: 'sensor',
      name: 'Ready pods',
      icon: 'mdi:cube-outline',
      state_topic: state,
      value_template: '{{ value_json.ready }}',
      state_class: 'measurement',
    },
    complete: {
      platform: 'binary_sensor',
      name: 'Complete',
      device_class: 'running',
      state_topic: state,
      value_template: onWhen('complete', 'ON', 'OFF'),
    },
    restart: {
      platform: 'button',
      name: 'Restart',
      device_class: 'restart',
      command_topic: topics.deploymentCommand(namespace, name, 'restart'),
      payload_press: 'PRESS',
    },
  };
  const device = { identifiers: [id], name: `${namespace}/${name}`, manufacturer: 'Bramble', model: 'Deployment' };
  return { device, origin: ORIGIN, components: withIds(id, components) };
}

/** Names of nodes and namespaces may hold dots, which an object id may not. */
function discoveryTopic(prefix: string, id: string): string {
  return `${prefix}/device/${DISCOVERY_ID_PREFIX}${id.replace(/[^a-zA-Z0-9_-]/g, '_')}/config`;
}

function onWhen(member: string, yes: string, no: string): string {
  return `{{ '${yes}' if value_json.${member} else '${no}' }}`;
}

function withIds(id: string, components: Record<string, Component>): Record<string, Component> {
  return Object.fromEntries(
    Object.entries(components).map(([key, component]) => [key, { ...component, unique_id: `${id}_${key}` }]),
  );
}
