/** Makes and removes volumes of the provisioner `bramble.dev/local-path`. Executes; local-path.ts says what. */
import {
  LOCAL_PATH_FINALIZER,
  LOCAL_PATH_PROVISIONER,
  REMOVE_VOLUME_LABEL,
} from '../../../shared/api/local-path-names.ts';
import { type PersistentVolume, PersistentVolumeKind } from '../../../shared/api/persistent-volume.ts';
import { type PersistentVolumeClaim, PersistentVolumeClaimKind } from '../../../shared/api/persistent-volume-claim.ts';
import type { StorageClass } from '../../../shared/api/storage-class.ts';
import { type EventRecorder, subjectOf } from '../../../shared/client/event-recorder.ts';
import { keyOf, parseKey } from '../../../shared/client/informer.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import type { Environment, Informers } from '../informers.ts';
import { thisObject, unlessGone } from '../requests.ts';
import { removeFinalizer } from './finalizers.ts';
import { hasHostname, hostnameOf, localPathComplaint, renderLocalVolume } from './local-path.ts';
import { SELECTED_NODE } from './names.ts';

export class LocalPathProvisioner {
  readonly #environment: Environment;
  readonly #informers: Informers;
  readonly #events: EventRecorder;

  constructor(environment: Environment, informers: Informers, events: EventRecorder) {
    this.#environment = environment;
    this.#informers = informers;
    this.#events = events;
  }

  async provision(claim: PersistentVolumeClaim, storageClass: StorageClass): Promise<void> {
    const name = claim.metadata.annotations?.[SELECTED_NODE];
    if (name === undefined) {
      return this.#fail(claim, `StorageClass ${storageClass.metadata.name} needs the mode WaitForFirstConsumer`);
    }
    const complaint = localPathComplaint(claim);
    if (complaint !== undefined) return this.#fail(claim, complaint);
    const node = this.#informers.nodes.get(name);
    if (node === undefined) return this.#giveBack(claim, name);
    const message = `Provisioner ${LOCAL_PATH_PROVISIONER} makes a volume for claim ${keyOf(claim)} on node ${name}`;
    this.#tell(claim, 'Normal', 'Provisioning', message);
    try {
      const { metadata } = await this.#environment.client.create(
        PersistentVolumeKind,
        renderLocalVolume(claim, storageClass, node),
      );
      this.#tell(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${metadata.name}`);
    } catch (error) {
      // Made before, and not shown by the informer yet.
      if (!isStatusError(error, 'AlreadyExists')) throw error;
    }
  }

  /** Asks for the removal; the agent of the node does it. */
  async remove(volume: PersistentVolume): Promise<void> {
    if (volume.metadata.deletionTimestamp !== undefined) return;
    const { client } = this.#environment;
    await unlessGone(client.delete(PersistentVolumeKind, parseKey(keyOf(volume)), thisObject(volume.metadata)));
  }

  /** For a volume that is being deleted and that nobody holds any more. */
  async finish(volume: PersistentVolume): Promise<void> {
    const { client } = this.#environment;
    const hostname = hostnameOf(volume) ?? '';
    const node = this.#informers.nodes.list().find((candidate) => hasHostname(candidate, hostname));
    const keepsData = volume.spec.persistentVolumeReclaimPolicy !== 'Delete';
    if (keepsData || node === undefined) {
      // The data stays on purpose, or went with its node.
      await removeFinalizer(client, PersistentVolumeKind, volume, LOCAL_PATH_FINALIZER);
    } else if (volume.metadata.labels?.[REMOVE_VOLUME_LABEL] !== node.metadata.name) {
      const labels = { ...volume.metadata.labels, [REMOVE_VOLUME_LABEL]: node.metadata.name };
      await client.update(PersistentVolumeKind, { ...volume, metadata: { ...volume.metadata, labels } });
    }
  }

  /** The chosen node is gone: the scheduler shall choose again. */
  async #giveBack(claim: PersistentVolumeClaim, node: string): Promise<void> {
    const body = { metadata: { uid: claim.metadata.uid, annotations: { [SELECTED_NODE]: null } } };
    await this.#environment.client.patch(PersistentVolumeClaimKind, parseKey(keyOf(claim)), { type: 'merge', body });
    this.#fail(claim, `node ${JSON.stringify(node)} not found`);
  }

  #fail(claim: PersistentVolumeClaim, why: string): void {
    this.#tell(claim, 'Warning', 'ProvisioningFailed', `failed to provision volume: ${why}`);
  }

  #tell(claim: PersistentVolumeClaim, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#events.event(subjectOf(PersistentVolumeClaimKind, claim), type, reason, message);
  }
}
