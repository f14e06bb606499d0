/**
 * Container and EphemeralContainer: a program in a pod. Both have the same fields; in protobuf an ephemeral container embeds
 * the common ones as field 1. Source: Kubernetes API reference, core/v1 Container.
 */
import type { Static } from 'typebox';
import {
  bool,
  defaulted,
  list,
  object,
  oneOf,
  type ProtobufField,
  ref,
  required,
  str,
  strings,
} from '../schema/fields.ts';
import {
  ContainerPortSchema,
  ContainerResizePolicySchema,
  ContainerRestartRuleSchema,
  VolumeDeviceSchema,
  VolumeMountSchema,
} from './container-fields.ts';
import { EnvFromSourceSchema, EnvVarSchema } from './env.ts';
import { LifecycleSchema, ProbeSchema } from './probe.ts';
import { ResourceRequirementsSchema } from './resources.ts';
import { SecurityContextSchema } from './security-context.ts';

/** Number of a common field as the message that holds it writes it. */
type FieldNumber = (field: number) => ProtobufField;

function programFields(pb: FieldNumber) {
  return {
    name: required(str(pb(1), 'unique among the containers of the pod; cannot change')),
    image: str(pb(2), 'image to run'),
    imagePullPolicy: defaulted(
      oneOf(
        pb(14),
        ['Always', 'Never', 'IfNotPresent'],
        'when the image is pulled; Always for the tag latest, otherwise IfNotPresent',
      ),
    ),
    command: strings(pb(3), "replaces the image's entry point; $(NAME) is replaced by environment variables"),
    args: strings(pb(4), "replaces the image's arguments; $(NAME) is replaced by environment variables"),
    workingDir: str(pb(5), "working directory, instead of the image's own"),
    env: list(pb(7), EnvVarSchema, 'environment variables; win over envFrom', {
      type: 'map',
      mapKeys: ['name'],
      mergeKey: 'name',
    }),
    envFrom: list(pb(19), EnvFromSourceSchema, 'many environment variables at once'),
  };
}

function wiringFields(pb: FieldNumber) {
  return {
    ports: list(pb(6), ContainerPortSchema, 'ports that the container listens on', {
      type: 'map',
      mapKeys: ['containerPort', 'protocol'],
      mergeKey: 'containerPort',
    }),
    resources: defaulted(ref(pb(8), ResourceRequirementsSchema, 'amounts of CPU, memory and devices', { default: {} })),
    resizePolicy: list(pb(23), ContainerResizePolicySchema, 'whether a change of amounts restarts the container'),
    volumeMounts: list(pb(9), VolumeMountSchema, 'volumes that appear in the container', {
      type: 'map',
      mapKeys: ['mountPath'],
      mergeKey: 'mountPath',
    }),
    volumeDevices: list(pb(21), VolumeDeviceSchema, 'block volumes that appear as devices', {
      type: 'map',
      mapKeys: ['devicePath'],
      mergeKey: 'devicePath',
    }),
    securityContext: ref(pb(15), SecurityContextSchema, 'rights of the container'),
    stdin: bool(pb(16), 'keep standard input open'),
    stdinOnce: bool(pb(17), 'close standard input after the first client'),
    tty: bool(pb(18), 'give the container a terminal'),
  };
}

function lifeFields(pb: FieldNumber) {
  return {
    restartPolicy: oneOf(
      pb(24),
      ['Always', 'OnFailure', 'Never'],
      'its own restart policy; Always makes an init container a sidecar',
    ),
    restartPolicyRules: list(pb(25), ContainerRestartRuleSchema, 'exceptions from its restart policy'),
    livenessProbe: ref(pb(10), ProbeSchema, 'the container is restarted when this fails'),
    readinessProbe: ref(pb(11), ProbeSchema, 'the container gets no requests while this fails'),
    startupProbe: ref(pb(22), ProbeSchema, 'the other probes wait until this succeeds'),
    lifecycle: ref(pb(12), LifecycleSchema, 'what is done after the start and before the end'),
    terminationMessagePath: defaulted(
      str(pb(13), 'file in which the container explains its end', { default: '/dev/termination-log' }),
    ),
    terminationMessagePolicy: defaulted(
      oneOf(pb(20), ['File', 'FallbackToLogsOnError'], "whether the log's tail explains an end without that file", {
        default: 'File',
      }),
    ),
  };
}

function containerFields(pb: FieldNumber) {
  return { ...programFields(pb), ...wiringFields(pb), ...lifeFields(pb) };
}

export const ContainerSchema = object(
  'Container',
  'A program in a pod',
  containerFields((field) => field),
);

export type Container = Static<typeof ContainerSchema>;

export const EphemeralContainerSchema = object(
  'EphemeralContainer',
  'A container added to a running pod to look at it',
  {
    ...containerFields((field) => `1.${field}`),
    targetContainerName: str(2, 'container whose processes it sees'),
  },
);

export type EphemeralContainer = Static<typeof EphemeralContainerSchema>;
