/**
 * Claims, volumes and storage classes as the scheduler knows them, with the choices that it has made and the API does not
 * show yet, and which pods use which claim.
 */
import type { PersistentVolume } from '../../../shared/api/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../../../shared/api/persistent-volume-claim.ts';
import type { StorageClass } from '../../../shared/api/storage-class.ts';
import { addTo } from '../pod-groups.ts';
import type { PodInfo } from '../pod-info.ts';

/** Key of a claim → name of the volume that it will get. */
export type VolumeChoices = ReadonlyMap<string, string>;

export class VolumeState {
  readonly claims = new Map<string, PersistentVolumeClaim>();
  readonly volumes = new Map<string, PersistentVolume>();
  readonly classes = new Map<string, StorageClass>();
  /** Volume → key of the claim that it is kept for since a decision. */
  readonly #reserved = new Map<string, string>();
  /** Claim → node → number of placed pods that use it there. */
  readonly #users = new Map<string, Map<string, number>>();

  /** Whose the volume is or will be; undefined: it is free. */
  ownerOf(volume: PersistentVolume): string | undefined {
    const { claimRef } = volume.spec;
    if (claimRef !== undefined) return `${claimRef.namespace}/${claimRef.name}`;
    return this.#reserved.get(volume.metadata.name);
  }

  reserve(choices: VolumeChoices): void {
    for (const [claim, volume] of choices) this.#reserved.set(volume, claim);
  }

  release(choices: VolumeChoices): void {
    for (const [claim, volume] of choices) if (this.#reserved.get(volume) === claim) this.#reserved.delete(volume);
  }

  /** Nodes with placed pods that use the claim. */
  usersOf(claim: string): ReadonlyMap<string, number> | undefined {
    return this.#users.get(claim);
  }

  count({ claims }: PodInfo, nodeName: string, sign: 1 | -1): void {
    for (const claim of claims) {
      const nodes = this.#users.get(claim) ?? new Map<string, number>();
      addTo(nodes, nodeName, sign);
      if (nodes.size === 0) this.#users.delete(claim);
      else this.#users.set(claim, nodes);
    }
  }
}
