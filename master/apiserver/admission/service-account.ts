/**
 * A pod runs as a service account that is there, and finds a token of it, the cluster's certificate and its namespace where
 * in-cluster clients look for them. Source: Kubernetes, admission plugin ServiceAccount; "Configure Service Accounts for
 * Pods".
 */
import type { Container } from '../../../shared/api/container.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { PodSpec } from '../../../shared/api/pod-spec.ts';
import type { ServiceAccount } from '../../../shared/api/service-account.ts';
import type { Volume } from '../../../shared/api/volume.ts';
import { forbidden } from '../../../shared/machinery/errors.ts';
import { type Clock, sleep } from '../../../shared/platform/clock.ts';
import { type Random, randomSuffix } from '../../../shared/platform/random.ts';
import { asKind } from '../storage/api-object.ts';
import type { AdmissionStep } from './admission.ts';
import type { ServiceAccountReader } from './image-pull-secrets.ts';

export interface ServiceAccountOptions {
  readServiceAccount: ServiceAccountReader;
  clock: Clock;
  random: Random;
}

const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
const VOLUME_PREFIX = 'kube-api-access-';

/** In every namespace, by a controller. */
export const ROOT_CA_CONFIG_MAP = 'kube-root-ca.crt';

/** Upstream's: an hour and a little, by which such tokens can be told from others. */
const TOKEN_SECONDS = 3607;

/** The account of a new namespace comes a moment after it. */
const MAX_LOOKS = 10;
const LOOK_AGAIN_MS = 100;

/** Comes after the step that gives the pod its account's name. */
export function createServiceAccountAdmission(options: ServiceAccountOptions): AdmissionStep {
  return async ({ operation, call, object }) => {
    const isNewPod = operation === 'CREATE' && call.kind.kind === 'Pod' && call.kind.group === '';
    if (!isNewPod || call.subresource !== '' || object === undefined) return;
    const pod = asKind<Pod>(call.kind, object);
    const account = await findAccount(options, call.namespace, pod);
    if (pod.spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) {
      mountToken(pod.spec, options.random);
    }
  };
}

async function findAccount(
  { readServiceAccount, clock }: ServiceAccountOptions,
  namespace: string,
  { metadata, spec }: Pod,
): Promise<ServiceAccount> {
  const name = spec.serviceAccountName || 'default';
  for (let look = 0; look < MAX_LOOKS; look += 1) {
    if (look > 0) await sleep(clock, LOOK_AGAIN_MS);
    const found = await readServiceAccount(namespace, name);
    if (found !== undefined) return asKind<ServiceAccount>({ kind: 'ServiceAccount' }, found);
  }
  const why = `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`;
  throw forbidden({ group: '', plural: 'pods' }, metadata.name, why);
}

/** Containers that mount something of their own there are left alone. */
function mountToken(spec: PodSpec, random: Random): void {
  const present = (spec.volumes ?? []).find(({ name }) => name.startsWith(VOLUME_PREFIX));
  const name = present?.name ?? `${VOLUME_PREFIX}${randomSuffix(random)}`;
  const wanting = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].filter(
    (container) => !hasMount(container),
  );
  for (const container of wanting) {
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath: MOUNT_PATH }];
  }
  if (present === undefined && wanting.length > 0) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)];
}

function hasMount({ volumeMounts = [] }: Container): boolean {
  return volumeMounts.some(({ mountPath }) => mountPath === MOUNT_PATH);
}

function tokenVolume(name: string): Volume {
  const namespace = { apiVersion: 'v1', fieldPath: 'metadata.namespace' };
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: 'token' } },
        { configMap: { name: ROOT_CA_CONFIG_MAP, items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef: namespace }] } },
      ],
      defaultMode: 0o644,
    },
  };
}
