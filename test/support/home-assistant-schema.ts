/**
 * What Home Assistant documents of device discovery ("MQTT discovery", since 2024.11), as far as Bramble uses it: which keys a
 * device, an origin and each platform know, and which they need. Keys that are not listed are refused, as Home Assistant does
 * with unknown ones in its strict parts.
 */
import assert from 'node:assert/strict';

type Fields = Readonly<Record<string, unknown>>;

interface Shape {
  required: readonly string[];
  optional: readonly string[];
}

const DEVICE: Shape = {
  required: ['identifiers'],
  optional: [
    ...['name', 'manufacturer', 'model', 'model_id', 'serial_number', 'hw_version', 'sw_version', 'connections'],
    ...['configuration_url', 'suggested_area', 'via_device'],
  ],
};

const ORIGIN: Shape = { required: ['name'], optional: ['sw_version', 'support_url'] };

const COMMON = [
  ...[
    'platform',
    'unique_id',
    'name',
    'icon',
    'entity_category',
    'availability',
    'availability_mode',
    'availability_topic',
  ],
  ...[
    'default_entity_id',
    'enabled_by_default',
    'encoding',
    'entity_picture',
    'json_attributes_topic',
    'qos',
    'device_class',
  ],
  ...['payload_available', 'payload_not_available'],
];

const PLATFORMS: Readonly<Record<string, Shape>> = {
  sensor: {
    required: ['state_topic'],
    optional: [
      ...['value_template', 'unit_of_measurement', 'state_class', 'suggested_display_precision', 'expire_after'],
      ...['force_update', 'last_reset_value_template', 'options'],
    ],
  },
  binary_sensor: {
    required: ['state_topic'],
    optional: ['value_template', 'payload_on', 'payload_off', 'expire_after', 'force_update', 'off_delay'],
  },
  switch: {
    required: ['command_topic'],
    optional: [
      ...[
        'state_topic',
        'value_template',
        'payload_on',
        'payload_off',
        'state_on',
        'state_off',
        'optimistic',
        'retain',
      ],
      'command_template',
    ],
  },
  button: { required: ['command_topic'], optional: ['payload_press', 'command_template', 'retain'] },
};

const DEVICE_CLASSES: Readonly<Record<string, readonly string[]>> = {
  sensor: ['temperature'],
  binary_sensor: ['connectivity', 'problem', 'running'],
  button: ['restart'],
  switch: ['switch', 'outlet'],
};

const ENTITY_CATEGORIES = ['config', 'diagnostic'];
const STATE_CLASSES = ['measurement', 'total', 'total_increasing'];

/** Throws an AssertionError that names the component and the key. */
export function checkDiscovery(payload: Fields): void {
  checkKeys('payload', payload, { required: ['device', 'origin', 'components'], optional: ['state_topic', 'qos'] });
  checkKeys('device', fieldsOf(payload['device']), DEVICE);
  checkKeys('origin', fieldsOf(payload['origin']), ORIGIN);
  const ids = new Set<unknown>();
  const components = Object.entries(fieldsOf(payload['components']));
  assert(components.length > 0, 'a device has components');
  for (const [key, value] of components) {
    const component = fieldsOf(value);
    checkComponent(key, component);
    assert(!ids.has(component['unique_id']), `${key}: unique_id is used twice`);
    ids.add(component['unique_id']);
  }
}

function checkComponent(key: string, component: Fields): void {
  const platform = String(component['platform']);
  const shape = PLATFORMS[platform];
  assert(shape !== undefined, `${key}: ${platform} is no platform that is known here`);
  checkKeys(key, component, {
    required: ['platform', 'unique_id', ...shape.required],
    optional: [...COMMON, ...shape.optional],
  });
  isOneOf(key, component['device_class'], DEVICE_CLASSES[platform] ?? []);
  isOneOf(key, component['entity_category'], ENTITY_CATEGORIES);
  isOneOf(key, component['state_class'], STATE_CLASSES);
  for (const [name, value] of Object.entries(component)) {
    if (name.endsWith('_topic'))
      assert.match(String(value), /^[^+#\0]+$/, `${key}: ${name} is a topic without wildcards`);
    if (name.endsWith('_template')) assert.match(String(value), /\{\{.+\}\}/, `${key}: ${name} is a template`);
  }
  for (const one of Array.isArray(component['availability']) ? component['availability'] : []) {
    checkKeys(`${key}: availability`, fieldsOf(one), {
      required: ['topic'],
      optional: ['payload_available', 'payload_not_available', 'value_template'],
    });
  }
}

function checkKeys(what: string, fields: Fields, { required, optional }: Shape): void {
  for (const key of required) assert(fields[key] !== undefined, `${what}: ${key} is missing`);
  for (const key of Object.keys(fields)) {
    assert(required.includes(key) || optional.includes(key), `${what}: ${key} is not known`);
  }
}

function isOneOf(what: string, value: unknown, allowed: readonly string[]): void {
  if (value !== undefined)
    assert(allowed.includes(String(value)), `${what}: ${value} is none of ${allowed.join(', ')}`);
}

function fieldsOf(value: unknown): Fields {
  assert(typeof value === 'object' && value !== null, 'an object is expected');
  return { ...value };
}
