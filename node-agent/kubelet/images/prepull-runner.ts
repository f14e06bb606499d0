/**
 * Fetches what the master wants this node to have before any pod asks for it. Follows the ImagePulls of the node; a pull that
 * is Pending is taken up once, whatever is heard of it meanwhile. What pods wait for shares the same few transfers.
 */
import type { ImagePull } from '../../../shared/api/image-pull.ts';
import { SecretRef } from '../../../shared/api/kind-refs.ts';
import type { Client } from '../../../shared/client/client.ts';
import { parseImageReference } from '../../../shared/machinery/image-reference.ts';
import { findCredentials, type PullCredentials, parsePullSecret } from '../../../shared/machinery/pull-credentials.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { ImageManager } from './image-manager.ts';
import { isWaiting, type PullPlans } from './pull-plans.ts';

export interface PrepullRunnerOptions {
  client: Client;
  plans: PullPlans;
  images: Pick<ImageManager, 'fetch'>;
  logger: Logger;
}

/** Secrets that are read for one image. */
const MAX_SECRETS = 4;

export class PrepullRunner {
  readonly #options: PrepullRunnerOptions;
  /** Names of pulls that are under way here. */
  readonly #running = new Set<string>();

  /** Before the plans start. */
  constructor(options: PrepullRunnerOptions) {
    this.#options = options;
    options.plans.onChange((pull) => {
      if (pull?.spec.purpose === 'Prepull' && isWaiting(pull.status)) void this.#take(pull);
    });
  }

  async #take(pull: ImagePull): Promise<void> {
    const { name } = pull.metadata;
    if (this.#running.has(name)) return;
    this.#running.add(name);
    const { images, logger } = this.#options;
    const { image: reference } = pull.spec;
    try {
      const credentials = await this.#credentialsFor(pull);
      await images.fetch({ reference, credentials, always: false, hasRun: false });
    } catch (error) {
      // The puller has told the master already.
      logger.info('an image could not be fetched ahead', { image: reference, error });
    } finally {
      this.#running.delete(name);
    }
  }

  async #credentialsFor({ spec }: ImagePull): Promise<PullCredentials[]> {
    const reference = parseImageReference(spec.image);
    if (reference === undefined) return [];
    const found: PullCredentials[] = [];
    for (const { namespace = '', name = '' } of (spec.pullSecrets ?? []).slice(0, MAX_SECRETS)) {
      const secret = await this.#options.client.get(SecretRef, { namespace, name }).catch(() => undefined);
      if (secret !== undefined) found.push(...findCredentials(parsePullSecret(secret), reference));
    }
    return found;
  }
}
