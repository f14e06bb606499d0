/** Why a pull failed, in words that help: what the engine says, and before it the cause where it can be found out. Pure. */
import type { ImagePlan } from '../../../shared/api/image-pull.ts';
import { formatBytes } from '../../../shared/machinery/quantity.ts';

/** A pull that came to nothing; the message is for the user. */
export class PullFailure extends Error {
  override readonly name = 'PullFailure';
}

export interface PullCircumstances {
  /** The registry's host. */
  host: string;
  /** What the engine said. */
  engineMessage: string;
  /** What the master found out; undefined: it was not asked, or did not answer. */
  plan: Pick<ImagePlan, 'reason' | 'message'> | undefined;
  /** undefined: unknown. */
  freeBytes: number | undefined;
  /** Whether this node reaches the registry; undefined: nobody looked. */
  reach: RegistryReach | undefined;
}

/** `unnamed`: its name cannot be looked up. */
export type RegistryReach = 'reached' | 'unnamed' | 'silent';

/** Less than this is a full disk to an engine that unpacks an image. */
export const FULL_DISK_BYTES = 64 * 1024 * 1024;

/** What the master says of these is true for every node; whether a registry can be reached is each node's own matter. */
const EVERYWHERE_TRUE = ['NotFound', 'Unauthorized', 'RateLimited', 'PlatformMissing', 'InvalidManifest'];

export function explainPullFailure(circumstances: PullCircumstances): string {
  const cause = findCause(circumstances);
  const { engineMessage } = circumstances;
  return cause === undefined ? engineMessage : `${cause}: ${engineMessage}`;
}

function findCause({ host, plan, freeBytes, reach }: PullCircumstances): string | undefined {
  if (freeBytes !== undefined && freeBytes < FULL_DISK_BYTES) {
    return `the disk of this node is full (${formatBytes(freeBytes)} free)`;
  }
  if (plan?.reason !== undefined && EVERYWHERE_TRUE.includes(plan.reason)) return plan.message;
  if (reach === 'unnamed') return `this node cannot look up the name of registry ${host} (DNS)`;
  if (reach === 'silent') return `registry ${host} does not answer this node`;
  return undefined;
}
