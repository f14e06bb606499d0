/** What containers consist of: ports, mounts, restart rules. Source: Kubernetes API reference, core/v1 Container. */
import type { Static } from 'typebox';
import { bool, defaulted, int32, list, object, oneOf, ref, required, str } from '../schema/fields.ts';

export const ContainerPortSchema = object('ContainerPort', 'A port that the container listens on', {
  name: str(1, 'name that services and probes may use'),
  hostPort: int32(2, 'port of the node that leads to it'),
  containerPort: required(int32(3, 'number of the port inside the pod')),
  protocol: defaulted(oneOf(4, ['TCP', 'UDP', 'SCTP'], 'protocol of the port', { default: 'TCP' })),
  hostIP: str(5, 'address of the node to bind hostPort to'),
});

export type ContainerPort = Static<typeof ContainerPortSchema>;

export const VolumeMountSchema = object('VolumeMount', 'Makes a volume of the pod appear in the container', {
  name: required(str(1, 'name of the volume')),
  readOnly: bool(2, 'whether writes are refused'),
  recursiveReadOnly: oneOf(7, ['Disabled', 'IfPossible', 'Enabled'], 'whether mounts below are read-only too'),
  mountPath: required(str(3, 'where it appears in the container')),
  subPath: str(4, 'directory or file of the volume to mount instead of its root'),
  mountPropagation: oneOf(
    5,
    ['None', 'HostToContainer', 'Bidirectional'],
    'whether mounts made later are seen by the other side',
  ),
  subPathExpr: str(6, "like subPath, with $(VARIABLE) replaced by the container's environment"),
});

export type VolumeMount = Static<typeof VolumeMountSchema>;

export const VolumeDeviceSchema = object('VolumeDevice', 'Makes a block volume appear as a device', {
  name: required(str(1, "name of the pod's claim")),
  devicePath: required(str(2, 'path of the device in the container')),
});

export type VolumeDevice = Static<typeof VolumeDeviceSchema>;

export const ContainerResizePolicySchema = object(
  'ContainerResizePolicy',
  'Whether a change of an amount restarts the container',
  {
    resourceName: required(str(1, 'cpu or memory')),
    restartPolicy: required(oneOf(2, ['NotRequired', 'RestartContainer'], 'what a change does')),
  },
);

export type ContainerResizePolicy = Static<typeof ContainerResizePolicySchema>;

export const ContainerRestartRuleOnExitCodesSchema = object(
  'ContainerRestartRuleOnExitCodes',
  'Holds for some exit codes',
  {
    operator: required(oneOf(1, ['In', 'NotIn'], 'whether the listed or the other exit codes are meant')),
    values: list(2, required(int32(undefined, 'one exit code')), 'exit codes', { type: 'set' }),
  },
);

export type ContainerRestartRuleOnExitCodes = Static<typeof ContainerRestartRuleOnExitCodesSchema>;

export const ContainerRestartRuleSchema = object(
  'ContainerRestartRule',
  'What to do at the end of a container, in place of its restart policy',
  {
    action: required(oneOf(1, ['Restart', 'RestartAllContainers'], 'what to do')),
    exitCodes: ref(2, ContainerRestartRuleOnExitCodesSchema, 'exit codes for which the rule holds'),
  },
);

export type ContainerRestartRule = Static<typeof ContainerRestartRuleSchema>;
