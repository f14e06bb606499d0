/** What the registry works with; made once by the API server. */
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Random } from '../../../shared/platform/random.ts';
import type { AdmissionStep } from '../admission/admission.ts';
import type { ObjectStore } from '../storage/object-store.ts';

export interface RegistryDeps {
  objects: ObjectStore;
  clock: Clock;
  random: Random;
  admission: readonly AdmissionStep[];
}
