/**
 * The ConfigMaps and Secrets that the node's pods name, each watched by itself while a pod names it: an agent sees nothing
 * of the others, and a change reaches its pods at once.
 */

import type { ConfigMap } from '../../shared/api/config-map.ts';
import { ConfigMapRef, SecretRef } from '../../shared/api/kind-refs.ts';
import type { Pod } from '../../shared/api/pod.ts';
import type { Secret } from '../../shared/api/secret.ts';
import type { Client, KindRef } from '../../shared/client/client.ts';
import { Informer } from '../../shared/client/informer.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import type { KubernetesObject } from '../../shared/schema/object-meta.ts';
import type { ConfigReader, Found } from './spec/config-reader.ts';
import { type ConfigReference, configReferences } from './spec/config-references.ts';

export interface ConfigSourcesOptions {
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** A pod's source changed. */
  onChange(uid: string): void;
}

interface Watched<T extends KubernetesObject> {
  informer: Informer<T>;
  pods: Set<string>;
}

export class ConfigSources implements ConfigReader {
  readonly #configMaps: Watches<ConfigMap>;
  readonly #secrets: Watches<Secret>;

  constructor(options: ConfigSourcesOptions) {
    this.#configMaps = new Watches(options, ConfigMapRef);
    this.#secrets = new Watches(options, SecretRef);
  }

  /** Watches what the pod names, and nothing more for it; undefined: the pod is gone. */
  setPod(uid: string, pod: Pod | undefined): void {
    const references = pod === undefined ? [] : configReferences(pod);
    this.#configMaps.setPod(uid, select(references, 'ConfigMap'));
    this.#secrets.setPod(uid, select(references, 'Secret'));
  }

  configMap(namespace: string, name: string): Found<ConfigMap> {
    return this.#configMaps.find(namespace, name);
  }

  secret(namespace: string, name: string): Found<Secret> {
    return this.#secrets.find(namespace, name);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#configMaps.stop(), this.#secrets.stop()]);
  }
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

  constructor(options: ConfigSourcesOptions, kind: KindRef<T>) {
    this.#options = options;
    this.#kind = kind;
  }

  find(namespace: string, name: string): Found<T> {
    const key = `${namespace}/${name}`;
    const informer = this.#watched.get(key)?.informer;
    const object = informer?.get(key);
    if (object !== undefined) return { state: 'present', object };
    return { state: informer?.hasSynced ? 'absent' : 'unknown' };
  }

  setPod(uid: string, keys: ReadonlySet<string>): void {
    for (const [key, watched] of [...this.#watched]) {
      if (!keys.has(key) && watched.pods.delete(uid) && watched.pods.size === 0) this.#drop(key, watched);
    }
    for (const key of keys) this.#watch(key).pods.add(uid);
  }

  async stop(): Promise<void> {
    for (const [key, watched] of [...this.#watched]) this.#drop(key, watched);
    await Promise.all(this.#stopping);
  }

  #watch(key: string): Watched<T> {
    const present = this.#watched.get(key);
    if (present !== undefined) return present;
    const slash = key.indexOf('/');
    const [namespace, name] = [key.slice(0, slash), key.slice(slash + 1)];
    const { client, clock, random, logger, onChange } = this.#options;
    const scope = { namespace, fieldSelector: `metadata.name=${name}` };
    const informer = new Informer<T>({ client, kind: this.#kind, clock, random, logger, scope });
    const watched: Watched<T> = { informer, pods: new Set() };
    const tellAll = (): void => {
      for (const uid of watched.pods) onChange(uid);
    };
    informer.onChange((changed) => {
      if (changed === key) tellAll();
    });
    void informer.start();
    // That the object does not exist is news too.
    void informer.whenSynced().then(tellAll);
    this.#watched.set(key, watched);
    return watched;
  }

  #drop(key: string, { informer }: Watched<T>): void {
    this.#watched.delete(key);
    const stopped = informer.stop().finally(() => this.#stopping.delete(stopped));
    this.#stopping.add(stopped);
  }
}
