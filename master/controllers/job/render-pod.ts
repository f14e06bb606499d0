/** The pods of a Job as its template wants them. Pure. */
import type { Container } from '../../../shared/api/container.ts';
import { type Job, JobKind } from '../../../shared/api/job.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { subjectOf } from '../../../shared/client/event-recorder.ts';
import { controllerReference } from '../../../shared/machinery/owner-references.ts';
import type { Draft } from '../../../shared/schema/object-meta.ts';
import { COMPLETION_INDEX, FAILURE_COUNT, IGNORED_FAILURE_COUNT, TRACKING_FINALIZER } from './pod-facts.ts';
import type { PodWish } from './sizing.ts';

/** By which a container knows its part of the work. */
const INDEX_VARIABLE = 'JOB_COMPLETION_INDEX';

const MAX_HOSTNAME_CHARS = 63;

/** Leaves room for the suffix that the server adds. */
const MAX_PREFIX_CHARS = 58;

export function renderPod(job: Job, { index, failures }: PodWish): Draft<Pod> {
  const { metadata, spec } = job.spec.template;
  const owner = { ...subjectOf(JobKind, job), metadata: job.metadata };
  const { labels, annotations, finalizers = [] } = metadata;
  return {
    metadata: {
      generateName: generateName(job, index),
      namespace: job.metadata.namespace,
      labels: { ...labels, ...(index === undefined ? {} : { [COMPLETION_INDEX]: String(index) }) },
      annotations: { ...annotations, ...indexAnnotations({ index, failures }) },
      finalizers: [...finalizers.filter((name) => name !== TRACKING_FINALIZER), TRACKING_FINALIZER],
      ownerReferences: [controllerReference(owner)],
    },
    spec: index === undefined ? spec : { ...spec, ...indexedSpec(job, index) },
  };
}

function generateName({ metadata }: Job, index: number | undefined): string {
  const suffix = index === undefined ? '-' : `-${index}-`;
  return `${metadata.name.slice(0, MAX_PREFIX_CHARS - suffix.length)}${suffix}`;
}

function indexAnnotations({ index, failures }: PodWish): Record<string, string> {
  if (index === undefined) return {};
  if (failures === undefined) return { [COMPLETION_INDEX]: String(index) };
  const { counted, ignored } = failures;
  return {
    [COMPLETION_INDEX]: String(index),
    [FAILURE_COUNT]: String(counted),
    ...(ignored === 0 ? {} : { [IGNORED_FAILURE_COUNT]: String(ignored) }),
  };
}

function indexedSpec({ metadata, spec }: Job, index: number): Draft<Pod>['spec'] {
  const { containers, initContainers, hostname } = spec.template.spec;
  return {
    hostname: hostname ?? `${metadata.name}-${index}`.slice(0, MAX_HOSTNAME_CHARS),
    containers: containers.map(withIndex),
    ...(initContainers === undefined ? {} : { initContainers: initContainers.map(withIndex) }),
  };
}

function withIndex(container: Container): Container {
  const { env = [] } = container;
  if (env.some(({ name }) => name === INDEX_VARIABLE)) return container;
  const fieldRef = { apiVersion: 'v1', fieldPath: `metadata.labels['${COMPLETION_INDEX}']` };
  return { ...container, env: [...env, { name: INDEX_VARIABLE, valueFrom: { fieldRef } }] };
}
