/** DeleteOptions: body of a delete. Source: Kubernetes API reference, meta/v1 DeleteOptions. */
import type { Static } from 'typebox';
import { bool, int64, object, oneOf, ref, str, strings } from '../schema/fields.ts';

export const PreconditionsSchema = object('Preconditions', 'The object is only changed when it is still this one', {
  uid: str(1, 'uid that the object must have'),
  resourceVersion: str(2, 'revision that the object must have'),
});

export type Preconditions = Static<typeof PreconditionsSchema>;

export const DeleteOptionsSchema = object('DeleteOptions', 'How an object shall be deleted', {
  apiVersion: str(undefined, 'group and version of the body'),
  kind: str(undefined, 'always DeleteOptions'),
  gracePeriodSeconds: int64(1, 'seconds given to the object to end; 0 is at once'),
  preconditions: ref(2, PreconditionsSchema, 'what must still hold'),
  orphanDependents: bool(3, 'old form of propagationPolicy Orphan'),
  propagationPolicy: oneOf(4, ['Orphan', 'Background', 'Foreground'], 'what happens to objects that this one owns'),
  dryRun: strings(5, 'All: check everything, store nothing'),
  ignoreStoreReadErrorWithClusterBreakingPotential: bool(6, 'delete an object that can no longer be read'),
});

export type DeleteOptions = Static<typeof DeleteOptionsSchema>;
