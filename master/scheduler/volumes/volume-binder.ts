/**
 * Gives the pod's waiting claims their volumes once its node is chosen (Reserve and PreBind): a volume that is there is
 * claimed, for one that must be made the claim is told the node. Then it waits until the claims are bound.
 */
import { PersistentVolumeKind } from '../../../shared/api/persistent-volume.ts';
import { PersistentVolumeClaimKind } from '../../../shared/api/persistent-volume-claim.ts';
import type { Client } from '../../../shared/client/client.ts';
import { parseKey } from '../../../shared/client/informer.ts';
import { type Clock, sleep } from '../../../shared/platform/clock.ts';
import type { NodeInfo } from '../node-info.ts';
import { chooseVolumes, type WaitingClaim, waitingClaimsOf } from '../plugins/volume-binding.ts';
import type { PodInfo } from '../pod-info.ts';
import { SELECTED_NODE_ANNOTATION } from './match-volume.ts';
import type { VolumeState } from './volume-state.ts';

export interface VolumeBinderOptions {
  client: Client;
  clock: Clock;
  volumes: VolumeState;
}

/** What was decided for one pod; nothing of it is told to the API yet. */
export interface VolumePlan {
  nodeName: string;
  waiting: readonly WaitingClaim[];
  /** Claim → volume that is there; claims that are absent get one made. */
  choices: ReadonlyMap<string, string>;
}

/** A provisioner that has not made the volume by then will hardly do: the pod looks for a place anew. */
export const BIND_TIMEOUT_MS = 120_000;

const LOOK_INTERVAL_MS = 200;

export class VolumeBindError extends Error {
  override readonly name = 'VolumeBindError';
}

export class VolumeBinder {
  readonly #options: VolumeBinderOptions;
  readonly #abort = new AbortController();

  constructor(options: VolumeBinderOptions) {
    this.#options = options;
  }

  /** Ends all waiting. */
  stop(): void {
    this.#abort.abort(new VolumeBindError('the scheduler ends'));
  }

  /** Reserve. Undefined: the pod has no claims that wait. */
  reserve(pod: PodInfo, node: NodeInfo): VolumePlan | undefined {
    const { volumes } = this.#options;
    const waiting = pod.claims.length === 0 ? [] : waitingClaimsOf(pod, volumes);
    if (waiting.length === 0) return undefined;
    const chosen = chooseVolumes(waiting, volumes, node) ?? new Map<string, undefined>();
    const choices = new Map<string, string>();
    for (const [claim, volume] of chosen) if (volume !== undefined) choices.set(claim, volume);
    volumes.reserve(choices);
    return { nodeName: node.name, waiting, choices };
  }

  /** Unreserve. */
  release({ choices }: VolumePlan): void {
    this.#options.volumes.release(choices);
  }

  /** PreBind. Rejects when the claims do not get bound for this node. */
  async bind(plan: VolumePlan): Promise<void> {
    const { clock } = this.#options;
    await Promise.all(plan.waiting.map((waiting) => this.#ask(waiting, plan)));
    const deadlineMs = clock.monotonicMs() + BIND_TIMEOUT_MS;
    const asked = new Set<string>();
    while (!this.#areBound(plan, asked)) {
      if (clock.monotonicMs() >= deadlineMs) throw new VolumeBindError('timed out waiting for volumes to be bound');
      await sleep(clock, LOOK_INTERVAL_MS, this.#abort.signal);
    }
  }

  async #ask({ key, claim }: WaitingClaim, { choices, nodeName }: VolumePlan): Promise<void> {
    const { client } = this.#options;
    const { name, namespace, uid, resourceVersion } = claim.metadata;
    const volume = choices.get(key);
    if (volume === undefined) {
      const annotations = { [SELECTED_NODE_ANNOTATION]: nodeName };
      const body = { metadata: { uid, annotations } };
      await client.patch(PersistentVolumeClaimKind, parseKey(key), { type: 'merge', body });
      return;
    }
    const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid, resourceVersion };
    const version = this.#options.volumes.volumes.get(volume)?.metadata.resourceVersion;
    // Somebody else may have claimed it meanwhile: the version refuses that.
    const body = { metadata: { ...(version === undefined ? {} : { resourceVersion: version }) }, spec: { claimRef } };
    await client.patch(
      PersistentVolumeKind,
      { name: volume },
      { type: 'merge', body: JSON.parse(JSON.stringify(body)) },
    );
  }

  /** `asked`: claims that have been seen with the node's name; a provisioner that gives up takes it away again. */
  #areBound({ waiting, nodeName }: VolumePlan, asked: Set<string>): boolean {
    const { claims } = this.#options.volumes;
    return waiting.every(({ key, claim }) => {
      const current = claims.get(key);
      if (current === undefined || current.metadata.uid !== claim.metadata.uid) {
        throw new VolumeBindError(`the claim ${key} is gone`);
      }
      const selected = current.metadata.annotations?.[SELECTED_NODE_ANNOTATION];
      if (selected === nodeName) asked.add(key);
      else if (selected !== undefined || asked.has(key)) {
        throw new VolumeBindError(`the claim ${key} does not get a volume on ${nodeName}`);
      }
      return current.status.phase === 'Bound' && Boolean(current.spec.volumeName);
    });
  }
}
