/**
 * Answers the ImagePulls of nodes: looks up what the image is, who has it and who fetches it, and writes each node's plan.
 * Level-triggered: all pulls of one image are looked at together, whatever changed. When the master is away nodes pull by
 * themselves, and what is in memory only begins anew.
 */
import { type ImagePlan, type ImagePull, ImagePullKind } from '../../../shared/api/image-pull.ts';
import type { ReconcileResult } from '../../../shared/client/controller.ts';
import { Informer } from '../../../shared/client/informer.ts';
import { choosePlatform, formatPlatform } from '../../../shared/machinery/image-platform.ts';
import { canonicalImage, parseImageReference } from '../../../shared/machinery/image-reference.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import type { PullCredentials } from '../../../shared/machinery/pull-credentials.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Environment, Informers } from '../informers.ts';
import { OwnWrites } from '../own-writes.ts';
import { unlessNotFound } from '../requests.ts';
import { SyncedController } from '../synced-controller.ts';
import { BY_IMAGE } from './image-info-controller.ts';
import type { ImageFacts, ImageLookups } from './image-lookups.ts';
import type { NodeFacts, NodeImages } from './node-images.ts';
import { collectCredentials, pullSecretsOf } from './pod-images.ts';
import { computePullPlans, type PullChoice, type PullHolder, type PullWant } from './pull-plan.ts';

/** How old an answer of the registry may be for a node that takes any image of that name. */
const ANY_AGE_MS = 60 * 60_000;

/** The same for one that wants to know what the name means now; pods that start together share an answer. */
const FRESH_AGE_MS = 5_000;

/** How long a pull that is over can be seen. */
const KEEP_MS = 10 * 60_000;

/** While nodes wait for another one, whether that one still gets on. */
const LOOK_AGAIN_MS = 30_000;

const CONCURRENCY = 4;

export class ImagePullController implements Component {
  readonly pulls: Informer<ImagePull>;
  readonly #environment: Environment;
  readonly #informers: Informers;
  readonly #lookups: ImageLookups;
  readonly #nodeImages: NodeImages;
  readonly #controller: SyncedController;
  readonly #writes: OwnWrites;
  /** When each pull last changed, by name. */
  readonly #heardMs = new Map<string, number>();

  constructor(
    environment: Environment,
    informers: Informers,
    { lookups, nodeImages }: { lookups: ImageLookups; nodeImages: NodeImages },
  ) {
    this.#environment = environment;
    this.#informers = informers;
    this.#lookups = lookups;
    this.#nodeImages = nodeImages;
    this.#writes = new OwnWrites(environment.clock);
    this.pulls = new Informer<ImagePull>({ ...environment, kind: ImagePullKind });
    this.pulls.addIndex(BY_IMAGE, ({ spec }) => [canonicalImage(spec.image)]);
    this.#controller = new SyncedController({
      ...environment,
      name: 'image-pulls',
      concurrency: CONCURRENCY,
      informers: [informers.pods, informers.nodes, informers.secrets, this.pulls],
      reconcile: (image) => this.#reconcile(image),
    });
    this.pulls.onChange((key, current, previous) => this.#onPull(key, current ?? previous, current === undefined));
    informers.nodes.onChange(() => this.#lookAtAll());
  }

  async start(): Promise<void> {
    await this.pulls.start();
    await this.#controller.start();
  }

  async stop(): Promise<void> {
    await this.#controller.stop();
    await this.pulls.stop();
  }

  /** Something new is known of it. */
  lookAgain(image: string): void {
    if (this.pulls.byIndex(BY_IMAGE, image).length > 0) this.#controller.enqueue(image);
  }

  #onPull(key: string, pull: ImagePull | undefined, isGone: boolean): void {
    if (isGone) this.#heardMs.delete(key);
    else this.#heardMs.set(key, this.#environment.clock.monotonicMs());
    if (pull !== undefined) this.#controller.enqueue(canonicalImage(pull.spec.image));
  }

  /** Nodes change seldom: what is idle tells nothing. */
  #lookAtAll(): void {
    for (const pull of this.pulls.list()) if (!isOver(pull)) this.#controller.enqueue(canonicalImage(pull.spec.image));
  }

  async #reconcile(image: string): Promise<ReconcileResult> {
    const all = this.pulls.byIndex(BY_IMAGE, image);
    const lagMs = Math.max(
      0,
      ...all.map(({ metadata }) => this.#writes.lagMs(metadata.name, metadata.resourceVersion)),
    );
    if (lagMs > 0) return { requeueAfterMs: lagMs };
    const kept = await this.#removeOld(all);
    const open = kept.filter((pull) => !isOver(pull));
    if (open.length > 0) await this.#plan(image, kept, open);
    if (open.length > 0) return { requeueAfterMs: LOOK_AGAIN_MS };
    return kept.length > 0 ? { requeueAfterMs: KEEP_MS } : {};
  }

  async #removeOld(pulls: readonly ImagePull[]): Promise<ImagePull[]> {
    const { client, clock } = this.#environment;
    const oldMs = clock.monotonicMs() - KEEP_MS;
    const isOld = (pull: ImagePull): boolean => {
      const { nodeName, purpose } = pull.spec;
      if (this.#informers.nodes.get(nodeName) === undefined) return true;
      // What was fetched ahead is removed by whoever wanted it.
      return purpose === 'Pod' && isOver(pull) && (this.#heardMs.get(pull.metadata.name) ?? 0) <= oldMs;
    };
    for (const { metadata } of pulls.filter(isOld)) {
      await unlessNotFound(
        client.delete(ImagePullKind, { name: metadata.name }, { preconditions: { uid: metadata.uid } }),
      );
    }
    return pulls.filter((pull) => !isOld(pull));
  }

  async #plan(image: string, pulls: readonly ImagePull[], open: readonly ImagePull[]): Promise<void> {
    const wants = open.map((pull) => this.#wantOf(pull));
    const unanswered = open.filter(({ status }) => status.plannedAttempt !== (status.attempt ?? 0));
    const wantsFresh = unanswered.some(({ spec }) => spec.always);
    const credentials = this.#credentialsFor(image, pulls);
    const maxAgeMs = wantsFresh ? FRESH_AGE_MS : ANY_AGE_MS;
    const askedMs = this.#environment.clock.monotonicMs();
    const facts = await this.#lookups.look(image, credentials, maxAgeMs);
    const isFresh = facts.type === 'known' && facts.askedAtMs >= askedMs - FRESH_AGE_MS;
    const holders = this.#holdersOf(image, pulls, facts);
    const nowMs = this.#environment.clock.monotonicMs();
    const choices = computePullPlans({ wants, holders, nowMs });
    for (const { pull } of wants) {
      const choice = choices.get(pull.metadata.name);
      if (choice === undefined) continue;
      // What a name means now only the registry knows: a copy of what it meant once will not do.
      const isBlind = pull.spec.always === true && !isFresh;
      const context = { image, facts, credentials };
      await this.#write(pull, await this.#complete(pull, isBlind ? { source: 'Registry' } : choice, context));
    }
  }

  #wantOf(pull: ImagePull): PullWant {
    const node = this.#nodeOf(pull);
    return {
      pull,
      platform: node === undefined ? '' : formatPlatform(node),
      isReachable: node?.isReachable ?? false,
      endpoint: node?.endpoint,
      heardAtMs: this.#heardMs.get(pull.metadata.name) ?? 0,
    };
  }

  #nodeOf({ spec }: ImagePull): NodeFacts | undefined {
    const node = this.#informers.nodes.get(spec.nodeName);
    return node === undefined ? undefined : this.#nodeImages.of(node);
  }

  #credentialsFor(image: string, pulls: readonly ImagePull[]): PullCredentials[] {
    const { pods, secrets } = this.#informers;
    const ofPods = pods.byIndex(BY_IMAGE, image).flatMap(pullSecretsOf);
    const ofPulls = pulls.flatMap(({ spec }) => spec.pullSecrets ?? []);
    const names = [...ofPods, ...ofPulls].map(({ namespace = '', name = '' }) => ({ namespace, name }));
    return collectCredentials(image, names, (key) => secrets.get(key));
  }

  /**
   * Nodes that can be copied from. When the registry says what the name means, only those count that have just that: by
   * their own list, or because they have fetched it a moment ago.
   */
  #holdersOf(image: string, pulls: readonly ImagePull[], facts: ImageFacts): PullHolder[] {
    const digest = facts.type === 'known' ? facts.description.digest : undefined;
    const name = digest === undefined ? image : withDigest(image, digest);
    const fetched = new Set(pulls.filter((pull) => hasFetched(pull, digest)).map(({ spec }) => spec.nodeName));
    return this.#informers.nodes.list().flatMap((object) => {
      const node = this.#nodeImages.of(object);
      const { endpoint } = node;
      const hasIt = node.images.has(name) || fetched.has(node.name);
      if (!hasIt || !node.isReachable || endpoint === undefined) return [];
      return [{ nodeName: node.name, platform: formatPlatform(node), ...endpoint }];
    });
  }

  async #complete(pull: ImagePull, choice: PullChoice, context: PlanContext): Promise<ImagePlan> {
    const { image, facts, credentials } = context;
    if (facts.type === 'unknown') return { ...choice, reason: facts.reason, message: facts.message };
    const node = this.#nodeOf(pull);
    const { digest, variants } = facts.description;
    if (node !== undefined && variants.length > 0 && choosePlatform(node, variants) === undefined) {
      const has = variants.map(formatPlatform).join(', ');
      const message = `the image ${pull.spec.image} is not built for ${formatPlatform(node)}, only for ${has}`;
      return { source: 'Registry', digest, reason: 'PlatformMissing', message };
    }
    // The digest to check a copy by costs a request: it is asked for when something is copied.
    const isCopied = choice.source === 'Peers' && node !== undefined;
    const variant = isCopied ? await this.#lookups.variant(image, node, credentials) : undefined;
    return {
      ...choice,
      digest,
      ...(variant?.imageId === undefined ? {} : { imageID: variant.imageId }),
      ...(variant?.sizeBytes === undefined ? {} : { sizeBytes: variant.sizeBytes }),
    };
  }

  async #write(pull: ImagePull, plan: ImagePlan): Promise<void> {
    const { name, uid, resourceVersion } = pull.metadata;
    const { attempt = 0, plannedAttempt } = pull.status;
    if (plannedAttempt === attempt && jsonEqual(pull.status.plan, plan)) return;
    const body = { metadata: { uid }, status: { plannedAttempt: attempt, plan: { ...NO_PLAN, ...plan } } };
    await unlessNotFound(
      this.#environment.client.patch(ImagePullKind, { name }, { type: 'merge', subresource: 'status', body }),
    );
    this.#writes.note(name, resourceVersion);
  }
}

interface PlanContext {
  image: string;
  facts: ImageFacts;
  credentials: readonly PullCredentials[];
}

/** A merge patch keeps what it does not name. */
const NO_PLAN: { readonly [Key in keyof ImagePlan]: null } = {
  source: null,
  peers: null,
  waitsFor: null,
  digest: null,
  imageID: null,
  sizeBytes: null,
  reason: null,
  message: null,
};

function isOver({ status }: ImagePull): boolean {
  return status.phase === 'Succeeded' || status.phase === 'Failed';
}

function hasFetched({ status }: ImagePull, digest: string | undefined): boolean {
  return status.phase === 'Succeeded' && status.plan?.digest === digest;
}

function withDigest(image: string, digest: string): string {
  const reference = parseImageReference(image);
  return reference === undefined ? image : `${reference.domain}/${reference.path}@${digest}`;
}
