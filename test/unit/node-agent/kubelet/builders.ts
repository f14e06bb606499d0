/** Short words for pods, runs and views in tables. */
import type { ContainerRecord, SandboxRecord } from '../../../../node-agent/container-runtime/runtime.ts';
import { sortObserved } from '../../../../node-agent/kubelet/pod/observed-pod.ts';
import { NO_PROBES, type PodView } from '../../../../node-agent/kubelet/pod/pod-view.ts';
import { AS_ASKED } from '../../../../node-agent/kubelet/spec/allocation.ts';
import { hashContainer } from '../../../../node-agent/kubelet/spec/container-config.ts';
import type { Container } from '../../../../shared/api/container.ts';
import type { Pod } from '../../../../shared/api/pod.ts';

export const NOW_MS = Date.parse('2026-01-01T01:00:00Z');
export const IDENTITY = { namespace: 'default', name: 'web', uid: 'uid-1' };

export function container(name: string, over: Partial<Container> = {}): Container {
  return {
    name,
    image: `${name}:1`,
    imagePullPolicy: 'IfNotPresent',
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    ...over,
  };
}

export interface PodOver {
  spec?: Partial<Pod['spec']>;
  metadata?: Partial<Pod['metadata']>;
  status?: Partial<Pod['status']>;
}

export function pod({ spec, metadata, status }: PodOver = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...IDENTITY, resourceVersion: '7', creationTimestamp: '2026-01-01T00:00:00Z', ...metadata },
    spec: {
      containers: [container('main')],
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      securityContext: {},
      schedulerName: 'default-scheduler',
      nodeName: 'pi-1',
      ...spec,
    },
    status: { phase: 'Pending', qosClass: 'BestEffort', ...status },
  };
}

export function sandbox(over: Partial<SandboxRecord> = {}): SandboxRecord {
  return {
    id: 's0',
    pod: IDENTITY,
    attempt: 0,
    state: 'ready',
    createdAtMs: NOW_MS,
    ip: '10.0.0.5',
    annotations: {},
    ...over,
  };
}

/** A run of a container; `crashes` is what it was annotated with. */
export function run(name: string, over: Partial<ContainerRecord> & { crashes?: number } = {}): ContainerRecord {
  const { crashes = 0, ...rest } = over;
  const attempt = rest.attempt ?? 0;
  return {
    id: `${name}-${attempt}`,
    sandboxId: 's0',
    pod: IDENTITY,
    name,
    attempt,
    hash: hashContainer({ name, image: `${name}:1` }),
    annotations: { 'bramble.dev/crashes': String(crashes) },
    image: `${name}:1`,
    imageId: 'sha256:1',
    amounts: { cpuShares: 2, cpuLimitMillis: 0, memoryLimitBytes: 0 },
    state: 'running',
    createdAtMs: NOW_MS - 61_000,
    startedAtMs: NOW_MS - 60_000,
    exit: undefined,
    ...rest,
  };
}

/** A run that ended `agoMs` ago with `code`. */
export function ended(
  name: string,
  code: number,
  over: Parameters<typeof run>[1] & { agoMs?: number } = {},
): ContainerRecord {
  const { agoMs = 1_000, ...rest } = over;
  const finishedAtMs = NOW_MS - agoMs;
  const exit = { code, signal: 0, finishedAtMs, oomKilled: false, startFailed: false, message: '' };
  return run(name, { state: 'exited', startedAtMs: finishedAtMs - 5_000, exit, ...rest });
}

export interface ViewOver extends Partial<Omit<PodView, 'pod' | 'observed'>> {
  pod?: Pod;
  sandboxes?: SandboxRecord[];
  containers?: ContainerRecord[];
}

export function view({ pod: wanted = pod(), sandboxes = [], containers = [], ...over }: ViewOver = {}): PodView {
  return {
    pod: wanted,
    observed: sortObserved({ sandboxes, containers }),
    nowMs: NOW_MS,
    volumesReady: true,
    volumesComing: false,
    image: () => ({ type: 'present', imageUser: '' }),
    stoppingGraceSeconds: () => undefined,
    endedForMs: ({ exit }) => NOW_MS - (exit?.finishedAtMs ?? NOW_MS),
    probes: NO_PROBES,
    startProblem: () => undefined,
    sandboxProblem: undefined,
    postStart: () => undefined,
    allocation: AS_ASKED,
    amounts: () => ({ cpuShares: 2, cpuLimitMillis: 0, memoryLimitBytes: 0 }),
    resizeProblem: () => undefined,
    ...over,
  };
}
