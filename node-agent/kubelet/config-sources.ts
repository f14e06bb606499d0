/**
 * What the node's pods name: ConfigMaps, Secrets, claims and the volumes of these; each watched by itself while a pod names
 * it: an agent sees nothing of the others, and a change reaches its pods at once. When there are very many of a kind, the
 * further ones are polled.
 */

import type { ConfigMap } from '../../shared/api/config-map.ts';
import { ConfigMapRef, PersistentVolumeClaimRef, PersistentVolumeRef, SecretRef } from '../../shared/api/kind-refs.ts';
import type { PersistentVolume } from '../../shared/api/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../../shared/api/persistent-volume-claim.ts';
import type { Pod } from '../../shared/api/pod.ts';
import type { Secret } from '../../shared/api/secret.ts';
import type { Client, KindRef } from '../../shared/client/client.ts';
import { Informer, parseKey } from '../../shared/client/informer.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import type { KubernetesObject } from '../../shared/schema/object-meta.ts';
import type { KeptObjects } from './assignment/kept-objects.ts';
import { ConfigPoller } from './config-poller.ts';
import type { ConfigReader, Found } from './spec/config-reader.ts';
import { type ConfigReference, configReferences } from './spec/config-references.ts';
import { type ClaimReader, claimNameOf } from './volumes/claims.ts';

export interface ConfigSourcesOptions {
  client: Client;
  /** What was known before this process, and is told what is known now. */
  kept: KeptObjects;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** A pod's source changed. */
  onChange(uid: string): void;
}

/** One object that is looked after, and the pods that name it. */
interface Watched<T extends KubernetesObject> {
  find(): Found<T>;
  retryNow(): void;
  stop(): Promise<void>;
  pods: Set<string>;
}

/** Watches of each kind; a client may have 128 streams in all. Further objects are polled. */
const MAX_WATCHES = 48;

export class ConfigSources implements ConfigReader, ClaimReader {
  readonly #configMaps: Watches<ConfigMap>;
  readonly #secrets: Watches<Secret>;
  readonly #claims: Watches<PersistentVolumeClaim>;
  readonly #volumes: Watches<PersistentVolume>;
  /** Keys of the claims of each pod: what is bound to them comes to be known later. */
  readonly #claimKeys = new Map<string, ReadonlySet<string>>();

  constructor(options: ConfigSourcesOptions) {
    const onClaim = (uid: string): void => {
      this.#followClaims(uid);
      options.onChange(uid);
    };
    this.#configMaps = new Watches(options, ConfigMapRef);
    this.#secrets = new Watches(options, SecretRef);
    this.#claims = new Watches({ ...options, onChange: onClaim }, PersistentVolumeClaimRef);
    this.#volumes = new Watches(options, PersistentVolumeRef);
  }

  /** Watches what the pod names, and nothing more for it; undefined: the pod is gone. */
  setPod(uid: string, pod: Pod | undefined): void {
    const references = pod === undefined ? [] : configReferences(pod);
    this.#configMaps.setPod(uid, select(references, 'ConfigMap'));
    this.#secrets.setPod(uid, select(references, 'Secret'));
    const claims = pod === undefined ? new Set<string>() : claimKeysOf(pod);
    if (claims.size > 0) this.#claimKeys.set(uid, claims);
    else this.#claimKeys.delete(uid);
    this.#claims.setPod(uid, claims);
    this.#followClaims(uid);
  }

  configMap(namespace: string, name: string): Found<ConfigMap> {
    return this.#configMaps.find(`${namespace}/${name}`);
  }

  secret(namespace: string, name: string): Found<Secret> {
    return this.#secrets.find(`${namespace}/${name}`);
  }

  claim(namespace: string, name: string): Found<PersistentVolumeClaim> {
    return this.#claims.find(`${namespace}/${name}`);
  }

  persistentVolume(name: string): Found<PersistentVolume> {
    return this.#volumes.find(name);
  }

  /** The master can be reached again. */
  retryNow(): void {
    for (const watches of this.#all()) watches.retryNow();
  }

  /** For good: what is heard of pods afterwards changes nothing. */
  async stop(): Promise<void> {
    await Promise.all(this.#all().map((watches) => watches.stop()));
  }

  #all(): { retryNow(): void; stop(): Promise<void> }[] {
    return [this.#configMaps, this.#secrets, this.#claims, this.#volumes];
  }

  #followClaims(uid: string): void {
    const claims = [...(this.#claimKeys.get(uid) ?? [])].map((key) => this.#claims.find(key));
    const names = claims.flatMap((found) => (found.state === 'present' ? (found.object.spec.volumeName ?? []) : []));
    this.#volumes.setPod(uid, new Set(names));
  }
}

function claimKeysOf(pod: Pod): Set<string> {
  const names = (pod.spec.volumes ?? []).flatMap((volume) => claimNameOf(pod, volume) ?? []);
  return new Set(names.map((name) => `${pod.metadata.namespace ?? ''}/${name}`));
}

function select(references: readonly ConfigReference[], kind: ConfigReference['kind']): Set<string> {
  const wanted = references.filter((reference) => reference.kind === kind);
  return new Set(wanted.map(({ namespace, name }) => `${namespace}/${name}`));
}

class Watches<T extends KubernetesObject> {
  readonly #options: ConfigSourcesOptions;
  readonly #kind: KindRef<T>;
  readonly #watched = new Map<string, Watched<T>>();
  readonly #stopping = new Set<Promise<void>>();
  #watches = 0;
  #isStopping = false;

  constructor(options: ConfigSourcesOptions, kind: KindRef<T>) {
    this.#options = options;
    this.#kind = kind;
  }

  find(key: string): Found<T> {
    return this.#watched.get(key)?.find() ?? { state: 'unknown' };
  }

  setPod(uid: string, keys: ReadonlySet<string>): void {
    // A watch that began now would never end.
    if (this.#isStopping) return;
    for (const [key, watched] of [...this.#watched]) {
      if (!keys.has(key) && watched.pods.delete(uid) && watched.pods.size === 0) this.#drop(key, watched);
    }
    for (const key of keys) this.#lookAfter(key).pods.add(uid);
  }

  retryNow(): void {
    for (const { retryNow } of this.#watched.values()) retryNow();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const [key, watched] of [...this.#watched]) this.#drop(key, watched);
    await Promise.all(this.#stopping);
  }

  #lookAfter(key: string): Watched<T> {
    const present = this.#watched.get(key);
    if (present !== undefined) return present;
    const watched = this.#watches < MAX_WATCHES ? this.#watch(key) : this.#poll(key);
    this.#watched.set(key, watched);
    return watched;
  }

  #watch(key: string): Watched<T> {
    const { namespace, name } = parseKey(key);
    const { client, kept, clock, random, logger } = this.#options;
    const scope = { ...(namespace === undefined ? {} : { namespace }), fieldSelector: `metadata.name=${name}` };
    const known = kept.find(this.#kind, key);
    const seed = (): T[] | undefined => known && (known.object === undefined ? [] : [known.object]);
    const informer = new Informer<T>({ client, kind: this.#kind, clock, random, logger, scope, seed });
    const pods = new Set<string>();
    const onNews = (): void => this.#onNews(key, informer.get(key), { isHeard: informer.hasListed, pods });
    informer.onChange(onNews);
    // That the object does not exist is news too.
    void informer.whenListed().then(onNews);
    void informer.start();
    this.#watches += 1;
    const stop = (): Promise<void> => {
      this.#watches -= 1;
      return informer.stop();
    };
    const find = (): Found<T> => asFound(informer.get(key), informer.hasSynced);
    return { pods, stop, find, retryNow: () => informer.retryNow() };
  }

  #poll(key: string): Watched<T> {
    const { client, kept, clock, random } = this.#options;
    const pods = new Set<string>();
    const known = kept.find(this.#kind, key);
    const onChange = (): void => this.#onNews(key, poller.object, { isHeard: true, pods });
    const poller = new ConfigPoller<T>({
      client,
      kind: this.#kind,
      key: parseKey(key),
      known,
      clock,
      random,
      onChange,
    });
    poller.start();
    const find = (): Found<T> => asFound(poller.object, poller.isKnown);
    return { pods, stop: () => poller.stop(), find, retryNow: () => undefined };
  }

  #onNews(key: string, object: T | undefined, { isHeard, pods }: { isHeard: boolean; pods: Set<string> }): void {
    if (isHeard && this.#watched.has(key)) this.#options.kept.keep(this.#kind, key, object);
    this.#tell(pods);
  }

  #tell(pods: ReadonlySet<string>): void {
    for (const uid of pods) this.#options.onChange(uid);
  }

  #drop(key: string, watched: Watched<T>): void {
    this.#watched.delete(key);
    if (!this.#isStopping) this.#options.kept.forget(this.#kind, key);
    const stopped = watched.stop().finally(() => this.#stopping.delete(stopped));
    this.#stopping.add(stopped);
  }
}

function asFound<T>(object: T | undefined, isKnown: boolean): Found<T> {
  if (object !== undefined) return { state: 'present', object };
  return { state: isKnown ? 'absent' : 'unknown' };
}
