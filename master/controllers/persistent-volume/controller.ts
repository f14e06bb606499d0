/**
 * The persistent volume controller: brings claims and volumes together, one to one, and gives volumes back when their claim
 * is gone. Both halves of a binding are written with the revision that was read, so that no volume ever has two claims.
 */
import { LOCAL_PATH_FINALIZER, LOCAL_PATH_PROVISIONER } from '../../../shared/api/local-path-names.ts';
import { type PersistentVolume, PersistentVolumeKind } from '../../../shared/api/persistent-volume.ts';
import { type PersistentVolumeClaim, PersistentVolumeClaimKind } from '../../../shared/api/persistent-volume-claim.ts';
import type { StorageClass } from '../../../shared/api/storage-class.ts';
import { createEventRecorder, type EventRecorder, subjectOf } from '../../../shared/client/event-recorder.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../../../shared/platform/lifecycle.ts';
import { type ActionOf, type Executors, execute } from '../actions.ts';
import type { Environment, Informers } from '../informers.ts';
import { SyncedController } from '../synced-controller.ts';
import { boundClaim, boundClaimStatus, boundVolume, volumeStatus } from './binding.ts';
import { type ClaimActions, computeClaimStep, type Notice } from './claim-plan.ts';
import { isLocalPathVolume } from './local-path.ts';
import { BIND_COMPLETED, STORAGE_PROVISIONER } from './names.ts';
import { LocalPathProvisioner } from './provisioner.ts';
import { computeVolumeStep, unboundVolume, type VolumeActions } from './volume-plan.ts';

/** Volumes by `namespace/name` of the claim that they name. */
const BY_CLAIM_REF = 'claim reference';

export class PersistentVolumeController implements Component {
  readonly #environment: Environment;
  readonly #informers: Informers;
  readonly #events: EventRecorder;
  readonly #provisioner: LocalPathProvisioner;
  readonly #claims: SyncedController;
  readonly #volumes: SyncedController;

  constructor(environment: Environment, informers: Informers) {
    this.#environment = environment;
    this.#informers = informers;
    this.#events = createEventRecorder({ ...environment, component: 'persistentvolume-controller' });
    this.#provisioner = new LocalPathProvisioner(environment, informers, this.#events);
    const { persistentVolumes, persistentVolumeClaims, storageClasses, nodes } = informers;
    const needed = [persistentVolumes, persistentVolumeClaims, storageClasses, nodes];
    const shared = { ...environment, informers: needed };
    this.#claims = new SyncedController({
      ...shared,
      name: 'persistent-volume-claim',
      reconcile: (key) => this.#reconcileClaim(key),
    });
    this.#volumes = new SyncedController({
      ...shared,
      name: 'persistent-volume',
      reconcile: (key) => this.#reconcileVolume(key),
    });
    persistentVolumes.addIndex(BY_CLAIM_REF, (volume) => claimKeyOf(volume) ?? []);
    this.#listen();
  }

  start(): Promise<void> {
    return startAll([this.#claims, this.#volumes]);
  }

  async stop(): Promise<void> {
    await stopAll([this.#claims, this.#volumes]);
    await this.#events.stop();
  }

  #listen(): void {
    const { persistentVolumes, persistentVolumeClaims, storageClasses, nodes } = this.#informers;
    persistentVolumeClaims.onChange((key, current, previous) => {
      this.#claims.enqueue(key);
      const named = [current, previous].flatMap((claim) => claim?.spec.volumeName || []);
      const naming = persistentVolumes.byIndex(BY_CLAIM_REF, key).map(({ metadata }) => metadata.name);
      for (const name of new Set([...named, ...naming])) this.#volumes.enqueue(name);
    });
    persistentVolumes.onChange((key, current, previous) => {
      this.#volumes.enqueue(key);
      for (const volume of [current, previous])
        for (const claim of claimKeyOf(volume) ?? []) this.#claims.enqueue(claim);
      const isFree = current !== undefined && current.spec.claimRef === undefined;
      if (isFree && current.status.phase === 'Available') this.#lookAtOpenClaims();
    });
    storageClasses.onChange(() => this.#lookAtOpenClaims());
    nodes.onChange((_name, current) => {
      if (current !== undefined) return;
      for (const { metadata } of persistentVolumes.list()) {
        if (metadata.deletionTimestamp !== undefined) this.#volumes.enqueue(metadata.name);
      }
    });
  }

  #lookAtOpenClaims(): void {
    for (const { metadata, spec } of this.#informers.persistentVolumeClaims.list()) {
      if (!spec.volumeName) this.#claims.enqueue(`${metadata.namespace}/${metadata.name}`);
    }
  }

  async #reconcileClaim(key: string): Promise<void> {
    const { persistentVolumes, persistentVolumeClaims, storageClasses } = this.#informers;
    const claim = persistentVolumeClaims.get(key);
    if (claim === undefined) return;
    const classes = storageClasses.list();
    const step = computeClaimStep({ claim, volumes: persistentVolumes.list(), classes });
    await execute(this.#claimExecutors(claim), step);
  }

  #claimExecutors(claim: PersistentVolumeClaim): Executors<ClaimActions> {
    const { client } = this.#environment;
    return {
      setClass: async ({ name }) => {
        await client.update(PersistentVolumeClaimKind, { ...claim, spec: { ...claim.spec, storageClassName: name } });
      },
      bind: ({ volume }) => this.#bind(claim, volume),
      provision: ({ storageClass }) => this.#provision(claim, storageClass),
      expand: ({ volume, storage }) => this.#expand(claim, volume, storage),
      wait: async ({ notice }) => this.#tell(claim, notice),
      lose: async ({ notice }) => {
        if (claim.status.phase === 'Lost') return;
        await client.update(
          PersistentVolumeClaimKind,
          { ...claim, status: { ...claim.status, phase: 'Lost' } },
          'status',
        );
        this.#tell(claim, notice);
      },
    };
  }

  /** Volume first: its claimRef decides who has it. What an earlier attempt has written is not written again. */
  async #bind(claim: PersistentVolumeClaim, volume: PersistentVolume): Promise<void> {
    const { client } = this.#environment;
    const wantedVolume = boundVolume(volume, claim);
    const written = wantedVolume === volume ? volume : await client.update(PersistentVolumeKind, wantedVolume);
    await this.#setPhase(written, { phase: 'Bound' });
    const wantedClaim = boundClaim(claim, volume);
    const bound = wantedClaim === claim ? claim : await client.update(PersistentVolumeClaimKind, wantedClaim);
    const status = { ...bound.status, ...boundClaimStatus(volume) };
    if (jsonEqual(status, bound.status)) return;
    await client.update(PersistentVolumeClaimKind, { ...bound, status }, 'status');
  }

  async #provision(claim: PersistentVolumeClaim, storageClass: StorageClass): Promise<void> {
    const { provisioner } = storageClass;
    const { annotations = {} } = claim.metadata;
    if (annotations[STORAGE_PROVISIONER] !== provisioner) {
      const metadata = { ...claim.metadata, annotations: { ...annotations, [STORAGE_PROVISIONER]: provisioner } };
      // The claim's change brings it here again.
      await this.#environment.client.update(PersistentVolumeClaimKind, { ...claim, metadata });
      return;
    }
    if (provisioner === LOCAL_PATH_PROVISIONER) return this.#provisioner.provision(claim, storageClass);
    const message = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
    this.#tell(claim, { type: 'Normal', reason: 'ExternalProvisioning', message });
  }

  /** The volume's change brings the claim here again, which is told its new size then. */
  async #expand(claim: PersistentVolumeClaim, volume: PersistentVolume, storage: string): Promise<void> {
    const spec = { ...volume.spec, capacity: { ...volume.spec.capacity, storage } };
    await this.#environment.client.update(PersistentVolumeKind, { ...volume, spec });
    this.#tell(claim, { type: 'Normal', reason: 'VolumeResizeSuccessful', message: 'Resize volume succeeded' });
  }

  #tell(claim: PersistentVolumeClaim, notice: Notice | undefined): void {
    if (notice === undefined) return;
    this.#events.event(subjectOf(PersistentVolumeClaimKind, claim), notice.type, notice.reason, notice.message);
  }

  async #reconcileVolume(key: string): Promise<void> {
    const volume = this.#informers.persistentVolumes.get(key);
    if (volume === undefined) return;
    const step = computeVolumeStep({ volume, claim: await this.#claimOf(volume) });
    await execute(this.#volumeExecutors(volume), step);
    const isDeleted = volume.metadata.deletionTimestamp !== undefined;
    const isHeld = volume.metadata.finalizers?.includes(LOCAL_PATH_FINALIZER) ?? false;
    if (isDeleted && isHeld && isUnused(step)) await this.#provisioner.finish(volume);
  }

  /** A claim that the informer does not know may be one that it does not know yet. */
  async #claimOf(volume: PersistentVolume): Promise<PersistentVolumeClaim | undefined> {
    const { namespace = '', name = '', uid } = volume.spec.claimRef ?? {};
    if (name === '') return undefined;
    const known = this.#informers.persistentVolumeClaims.get(`${namespace}/${name}`);
    if (known !== undefined && (!uid || known.metadata.uid === uid)) return known;
    try {
      return await this.#environment.client.get(PersistentVolumeClaimKind, { namespace, name });
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  #volumeExecutors(volume: PersistentVolume): Executors<VolumeActions> {
    return {
      keep: async ({ phase, reason, message }) => {
        const isNews = volume.status.phase !== phase;
        await this.#setPhase(volume, { phase, ...(reason ? { reason } : {}), ...(message ? { message } : {}) });
        if (!isNews || reason === undefined) return;
        this.#events.event(subjectOf(PersistentVolumeKind, volume), 'Warning', reason, message ?? '');
      },
      lookAtClaim: async ({ phase }) => {
        await this.#setPhase(volume, { phase });
        for (const key of claimKeyOf(volume) ?? []) if (!this.#isComplete(key)) this.#claims.enqueue(key);
      },
      unbind: async ({ phase }) => {
        const written = await this.#environment.client.update(PersistentVolumeKind, unboundVolume(volume));
        await this.#setPhase(written, { phase });
      },
      remove: async ({ phase }) => {
        await this.#setPhase(volume, { phase });
        if (isLocalPathVolume(volume)) await this.#provisioner.remove(volume);
      },
    };
  }

  #isComplete(key: string): boolean {
    const claim = this.#informers.persistentVolumeClaims.get(key);
    return claim?.metadata.annotations?.[BIND_COMPLETED] !== undefined && claim.status.phase === 'Bound';
  }

  async #setPhase(
    volume: PersistentVolume,
    next: { phase: PersistentVolume['status']['phase']; reason?: string; message?: string },
  ): Promise<void> {
    const { client, clock } = this.#environment;
    const status = volumeStatus(volume, { ...next, now: formatTime(clock.nowMs()) });
    if (jsonEqual(status, volume.status)) return;
    await client.update(PersistentVolumeKind, { ...volume, status }, 'status');
  }
}

function isUnused(step: ActionOf<VolumeActions>): boolean {
  return step.type === 'remove' || (step.type === 'keep' && step.phase !== 'Bound');
}

function claimKeyOf(volume: PersistentVolume | undefined): string[] | undefined {
  const { namespace, name } = volume?.spec.claimRef ?? {};
  return name ? [`${namespace}/${name}`] : undefined;
}
