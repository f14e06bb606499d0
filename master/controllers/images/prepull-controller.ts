/**
 * Fetches images ahead for Deployments that ask for it: each node that could run their pods gets an ImagePull, and the same
 * planner as always decides from where. Events on the Deployment say how far it is; `kubectl get imagepulls` says it in full.
 */
import { type Deployment, DeploymentKind } from '../../../shared/api/deployment.ts';
import { type ImagePull, ImagePullKind } from '../../../shared/api/image-pull.ts';
import type { ReconcileResult } from '../../../shared/client/controller.ts';
import { createEventRecorder, type EventRecorder, subjectOf } from '../../../shared/client/event-recorder.ts';
import type { Informer } from '../../../shared/client/informer.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { choosePlatform } from '../../../shared/machinery/image-platform.ts';
import { imagePullName } from '../../../shared/machinery/image-pull-name.ts';
import { canonicalImage } from '../../../shared/machinery/image-reference.ts';
import { type Selector, SelectorError } from '../../../shared/machinery/label-selector.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Environment, Informers } from '../informers.ts';
import { unlessNotFound } from '../requests.ts';
import { SyncedController } from '../synced-controller.ts';
import type { ImageLookups } from './image-lookups.ts';
import type { NodeFacts, NodeImages } from './node-images.ts';
import { collectCredentials, type SecretName } from './pod-images.ts';
import {
  computePrepull,
  findCandidates,
  imagesOfTemplate,
  PREPULL_ANNOTATION,
  type PrepullPlan,
  readPrepull,
} from './prepull-plan.ts';

/** How old what the registry said of an image may be. */
const INFO_AGE_MS = 10 * 60_000;

export interface PrepullOptions {
  lookups: ImageLookups;
  nodeImages: NodeImages;
  pulls: Informer<ImagePull>;
}

export class PrepullController implements Component {
  readonly #environment: Environment;
  readonly #informers: Informers;
  readonly #options: PrepullOptions;
  readonly #events: EventRecorder;
  readonly #controller: SyncedController;
  /** When each pull last changed, by name. */
  readonly #heardMs = new Map<string, number>();
  /** What was told last of a Deployment's image: told again only when it changes. */
  readonly #told = new Map<string, string>();

  constructor(environment: Environment, informers: Informers, options: PrepullOptions) {
    this.#environment = environment;
    this.#informers = informers;
    this.#options = options;
    this.#events = createEventRecorder({ ...environment, component: 'image-controller' });
    const { deployments, nodes, secrets, serviceAccounts } = informers;
    this.#controller = new SyncedController({
      ...environment,
      name: 'prepull',
      informers: [deployments, nodes, secrets, serviceAccounts, options.pulls],
      reconcile: (key) => this.#reconcile(key),
    });
    deployments.onChange((key, current, previous) => {
      if (isAsking(current) || isAsking(previous)) this.#controller.enqueue(key);
    });
    nodes.onChange(() => this.#lookAtAll());
    options.pulls.onChange((key, current) => this.#onPull(key, current));
  }

  start(): Promise<void> {
    return this.#controller.start();
  }

  async stop(): Promise<void> {
    await this.#controller.stop();
    await this.#events.stop();
  }

  #onPull(key: string, current: ImagePull | undefined): void {
    if (current === undefined) this.#heardMs.delete(key);
    else this.#heardMs.set(key, this.#environment.clock.monotonicMs());
    this.#lookAtAll();
  }

  #lookAtAll(): void {
    for (const deployment of this.#informers.deployments.list().filter(isAsking)) {
      this.#controller.enqueue(`${deployment.metadata.namespace}/${deployment.metadata.name}`);
    }
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const deployment = this.#informers.deployments.get(key);
    const selector = deployment === undefined ? undefined : this.#readSelector(deployment);
    await this.#removeUnwanted();
    if (deployment === undefined || selector === undefined) {
      for (const told of [...this.#told.keys()]) if (told.startsWith(`${key} `)) this.#told.delete(told);
      return {};
    }
    const waits: number[] = [];
    for (const image of imagesOfTemplate(deployment)) {
      const plan = await this.#prepull(deployment, image, selector);
      if (plan.requeueAfterMs !== undefined) waits.push(plan.requeueAfterMs);
    }
    return waits.length > 0 ? { requeueAfterMs: Math.min(...waits) } : {};
  }

  #readSelector(deployment: Deployment): Selector | undefined {
    try {
      return readPrepull(deployment);
    } catch (error) {
      if (!(error instanceof SelectorError)) throw error;
      const message = `the annotation ${PREPULL_ANNOTATION} is neither "true" nor a label selector: ${error.message}`;
      this.#tell(deployment, '', { type: 'Warning', reason: 'PrepullInvalid', message });
      return undefined;
    }
  }

  async #prepull(deployment: Deployment, image: string, selector: Selector): Promise<PrepullPlan> {
    const { clock } = this.#environment;
    const secrets = this.#secretsOf(deployment);
    const nodes = await this.#nodesFor(deployment, image, { selector, secrets });
    const plan = computePrepull({ image, nodes, nowMs: clock.monotonicMs(), findPull: (name) => this.#findPull(name) });
    for (const node of plan.create) await this.#create(node, image, secrets);
    for (const pull of plan.retry) await this.#retry(pull);
    this.#tellProgress(deployment, image, { plan, total: nodes.length });
    return plan;
  }

  /** Those that could run the pods and for which the image is built, as far as that is known. */
  async #nodesFor(
    deployment: Deployment,
    image: string,
    { selector, secrets }: { selector: Selector; secrets: readonly SecretName[] },
  ): Promise<NodeFacts[]> {
    const { lookups, nodeImages } = this.#options;
    const candidates = findCandidates(deployment, selector, this.#informers.nodes.list()).map((node) =>
      nodeImages.of(node),
    );
    const canonical = canonicalImage(image);
    if (candidates.every(({ images }) => images.has(canonical))) return candidates;
    const credentials = collectCredentials(canonical, secrets, (key) => this.#informers.secrets.get(key));
    const facts = await lookups.look(canonical, credentials, INFO_AGE_MS);
    const variants = facts.type === 'known' ? facts.description.variants : [];
    if (variants.length === 0) return candidates;
    return candidates.filter((node) => choosePlatform(node, variants) !== undefined);
  }

  /** Those of the template, or of its service account, as admission does with its pods. */
  #secretsOf({ metadata, spec }: Deployment): SecretName[] {
    const namespace = metadata.namespace ?? '';
    const { imagePullSecrets = [], serviceAccountName } = spec.template.spec;
    const account = this.#informers.serviceAccounts.get(`${namespace}/${serviceAccountName || 'default'}`);
    const names = imagePullSecrets.length > 0 ? imagePullSecrets : (account?.imagePullSecrets ?? []);
    return names.flatMap(({ name }) => (name ? [{ namespace, name }] : []));
  }

  #findPull(name: string): { pull: ImagePull; heardAtMs: number } | undefined {
    const pull = this.#options.pulls.get(name);
    return pull === undefined ? undefined : { pull, heardAtMs: this.#heardMs.get(name) ?? 0 };
  }

  async #create(nodeName: string, image: string, secrets: readonly SecretName[]): Promise<void> {
    const metadata = { name: imagePullName(nodeName, image, false) };
    const pullSecrets = secrets.length > 0 ? { pullSecrets: [...secrets] } : {};
    const spec = { nodeName, image, purpose: 'Prepull' as const, ...pullSecrets };
    try {
      await this.#environment.client.create(ImagePullKind, { metadata, spec });
    } catch (error) {
      // Made a moment ago, by the node itself or by us: the informer will show it.
      if (!isStatusError(error, 'AlreadyExists')) throw error;
    }
  }

  async #retry({ metadata, status }: ImagePull): Promise<void> {
    const again = { phase: 'Pending', attempt: (status.attempt ?? 0) + 1, failedPeers: null, message: null };
    const body = { metadata: { uid: metadata.uid }, status: again };
    const patch = { type: 'merge', subresource: 'status', body } as const;
    await unlessNotFound(this.#environment.client.patch(ImagePullKind, { name: metadata.name }, patch));
  }

  /** Pulls that no Deployment asks for any more. */
  async #removeUnwanted(): Promise<void> {
    const asking = this.#informers.deployments.list().filter(isAsking);
    const wanted = new Set(asking.flatMap(imagesOfTemplate).map(canonicalImage));
    for (const { metadata, spec } of this.#options.pulls.list()) {
      if (spec.purpose !== 'Prepull' || wanted.has(canonicalImage(spec.image))) continue;
      await unlessNotFound(this.#environment.client.delete(ImagePullKind, { name: metadata.name }));
    }
  }

  #tellProgress(deployment: Deployment, image: string, { plan, total }: { plan: PrepullPlan; total: number }): void {
    const { done, failed } = plan;
    if (total === 0) {
      const message = `No node that could run it needs image "${image}": none fits the template and the annotation`;
      this.#tell(deployment, image, { type: 'Warning', reason: 'PrepullNowhere', message });
    } else if (done.length === total) {
      const message = `Image "${image}" is on all ${total} nodes that could run it`;
      this.#tell(deployment, image, { type: 'Normal', reason: 'Prepulled', message });
    } else {
      const message = `Image "${image}" is on ${done.length} of ${total} nodes that could run it, the others fetch it`;
      this.#tell(deployment, image, { type: 'Normal', reason: 'Prepulling', message });
    }
    for (const { spec, status } of failed) {
      const message = `Image "${image}" could not be fetched by node ${spec.nodeName}: ${status.message ?? 'for no known reason'}`;
      this.#tell(deployment, `${image} ${spec.nodeName}`, { type: 'Warning', reason: 'PrepullFailed', message });
    }
  }

  #tell(
    deployment: Deployment,
    topic: string,
    { type, reason, message }: { type: 'Normal' | 'Warning'; reason: string; message: string },
  ): void {
    const key = `${deployment.metadata.namespace}/${deployment.metadata.name} ${topic}`;
    if (this.#told.get(key) === message) return;
    this.#told.set(key, message);
    this.#events.event(subjectOf(DeploymentKind, deployment), type, reason, message);
  }
}

function isAsking(deployment: Deployment | undefined): boolean {
  return deployment?.metadata.annotations?.[PREPULL_ANNOTATION] !== undefined;
}
