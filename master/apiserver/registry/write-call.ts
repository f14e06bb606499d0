/** One write as it goes through the registry: whose it is, what it is about, and how it wants to be treated. */
import type { Verb } from '../request/request-info.ts';
import type { WriteOptions } from '../request/write-options.ts';
import type { AnyKind } from '../storage/api-object.ts';
import type { UserInfo } from '../user-info.ts';

export interface WriteCall extends WriteOptions {
  user: UserInfo;
  verb: Verb;
  kind: AnyKind;
  /** `''` for cluster-scoped kinds. */
  namespace: string;
  /** `''` for a create. */
  name: string;
  subresource: string;
  /** Where it differs: /scale writes the object itself and keeps an entry of its own. */
  managedSubresource?: string;
  /**
   * Whether what this write creates is tracked: who manages which of its fields. Clients that say their name want it; our own
   * components do not: each status they write would cost the card another kilobyte that nobody asks for. An apply starts the
   * tracking of any object.
   */
  startsFieldTracking: boolean;
  /** Shown to the user beside the answer, as a Warning header. */
  warn(message: string): void;
}
