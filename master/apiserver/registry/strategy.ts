/**
 * What the server does with the objects of a kind beyond what the kind itself says: which fields are the server's, who may
 * set them when. Strategies change the working copy of a request in place; the stored object is never touched.
 */
import type { FieldError } from '../../../shared/machinery/errors.ts';
import type { ApiObject } from '../storage/api-object.ts';
import type { WriteCall } from './write-call.ts';

export interface Strategy {
  /** Status is taken from a create; elsewhere it is reset, because nobody has observed anything yet. */
  keepsStatusOnCreate?: boolean;
  /** A delete that does not say what becomes of the dependents sets them free. */
  orphansByDefault?: boolean;
  /** A finished delete answers with the object instead of a Status. */
  returnsDeleted?: boolean;
  /** The object counts its changes of the wanted state. */
  hasGeneration?: boolean;
  prepareCreate?(object: ApiObject, call: WriteCall): void;
  /** When name and uid are known; sets members of `object` anew and changes nothing below them. */
  completeCreate?(object: ApiObject): void;
  /** After the fields that the server keeps have been carried over from `old`. */
  prepareUpdate?(object: ApiObject, old: ApiObject, call: WriteCall): void;
  /** For a write to a status-like subresource: sets in `object`, a copy of `old`, what the subresource may change. */
  prepareStatus?(object: ApiObject, sent: ApiObject, old: ApiObject, call: WriteCall): void;
  /** Rules for the result of `prepareStatus`. */
  validateStatus?(object: ApiObject, old: ApiObject, call: WriteCall): FieldError[];
}
