/**
 * Probes and life-cycle hooks: what the kubelet asks of a running container. Source: Kubernetes API reference, core/v1
 * Probe and Lifecycle.
 */
import type { Static } from 'typebox';
import {
  defaulted,
  int32,
  int64,
  intOrString,
  list,
  object,
  oneOf,
  ref,
  required,
  str,
  strings,
} from '../schema/fields.ts';

export const ExecActionSchema = object('ExecAction', 'Runs a command in the container', {
  command: strings(1, 'the command and its arguments, not run by a shell; exit code 0 is success'),
});

export type ExecAction = Static<typeof ExecActionSchema>;

export const HTTPHeaderSchema = object('HTTPHeader', 'One header of a request', {
  name: required(str(1, 'name of the header')),
  value: required(str(2, 'value of the header')),
});

export type HTTPHeader = Static<typeof HTTPHeaderSchema>;

export const HTTPGetActionSchema = object('HTTPGetAction', 'Sends an HTTP GET; 200 to 399 is success', {
  path: defaulted(str(1, 'path of the request', { default: '/' })),
  port: required(intOrString(2, "number or name of the container's port")),
  host: str(3, "host to connect to; the pod's own address unless set"),
  scheme: defaulted(oneOf(4, ['HTTP', 'HTTPS'], 'protocol of the request', { default: 'HTTP' })),
  httpHeaders: list(5, HTTPHeaderSchema, 'headers of the request'),
});

export type HTTPGetAction = Static<typeof HTTPGetActionSchema>;

export const TCPSocketActionSchema = object('TCPSocketAction', 'Opens a TCP connection; a connection is success', {
  port: required(intOrString(1, "number or name of the container's port")),
  host: str(2, "host to connect to; the pod's own address unless set"),
});

export type TCPSocketAction = Static<typeof TCPSocketActionSchema>;

export const GRPCActionSchema = object('GRPCAction', 'Asks the gRPC health service', {
  port: required(int32(1, 'number of the gRPC port')),
  service: str(2, 'service whose health is asked for', { default: '' }),
});

export type GRPCAction = Static<typeof GRPCActionSchema>;

export const SleepActionSchema = object('SleepAction', 'Waits before the container is stopped', {
  seconds: required(int64(1, 'how long to wait')),
});

export type SleepAction = Static<typeof SleepActionSchema>;

export const ProbeSchema = object('Probe', 'A periodic question whether a container is well', {
  exec: ref('1.1', ExecActionSchema, 'ask by a command in the container'),
  httpGet: ref('1.2', HTTPGetActionSchema, 'ask by an HTTP request'),
  tcpSocket: ref('1.3', TCPSocketActionSchema, 'ask by a TCP connection'),
  grpc: ref('1.4', GRPCActionSchema, 'ask by a gRPC health check'),
  initialDelaySeconds: int32(2, "how long after the container's start the first question comes"),
  timeoutSeconds: defaulted(int32(3, 'how long an answer may take', { default: 1 })),
  periodSeconds: defaulted(int32(4, 'time between two questions', { default: 10 })),
  successThreshold: defaulted(int32(5, 'good answers in a row before it counts as well again', { default: 1 })),
  failureThreshold: defaulted(int32(6, 'bad answers in a row before it counts as unwell', { default: 3 })),
  terminationGracePeriodSeconds: int64(7, "seconds to end after a failed probe, instead of the pod's own"),
});

export type Probe = Static<typeof ProbeSchema>;

export const LifecycleHandlerSchema = object('LifecycleHandler', "What to do at one point of a container's life", {
  exec: ref(1, ExecActionSchema, 'run a command in the container'),
  httpGet: ref(2, HTTPGetActionSchema, 'send an HTTP request'),
  tcpSocket: ref(3, TCPSocketActionSchema, 'kept for old manifests; does nothing'),
  sleep: ref(4, SleepActionSchema, 'wait'),
});

export type LifecycleHandler = Static<typeof LifecycleHandlerSchema>;

export const LifecycleSchema = object('Lifecycle', 'What to do after the start and before the end of a container', {
  postStart: ref(1, LifecycleHandlerSchema, 'done right after the start; the container is killed when it fails'),
  preStop: ref(2, LifecycleHandlerSchema, 'done before the container gets its stop signal'),
  stopSignal: str(3, "signal that stops the container, instead of the image's own"),
});

export type Lifecycle = Static<typeof LifecycleSchema>;
