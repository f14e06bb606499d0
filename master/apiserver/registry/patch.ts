/** Patches of all types: applied to the stored object, again when it has changed meanwhile, then an update like others. */
import { badRequest, invalid, StatusError } from '../../../shared/machinery/errors.ts';
import { isJsonObject, type JsonObject } from '../../../shared/machinery/json.ts';
import { applyJsonPatch } from '../../../shared/machinery/patch/json-patch.ts';
import { applyMergePatch } from '../../../shared/machinery/patch/merge-patch.ts';
import { PatchError } from '../../../shared/machinery/patch/patch-error.ts';
import { applyStrategicMergePatch } from '../../../shared/machinery/patch/strategic-merge-patch.ts';
import { MEDIA_TYPE } from '../request/media-type.ts';
import type { AnyKind } from '../storage/api-object.ts';
import type { Wanted } from './update.ts';

export interface PatchBody {
  /** Media type of the patch. */
  type: string;
  value: unknown;
}

/** The wanted object of a patch. Throws BadRequest, Invalid, RequestEntityTooLarge, UnsupportedMediaType. */
export function applyPatch(kind: Pick<AnyKind, 'schema'>, current: JsonObject, patch: PatchBody): Wanted {
  const value = asObject(runPatch(kind, current, patch));
  return { value, strictError: (message) => strictPatchError(patch, message) };
}

function runPatch({ schema }: Pick<AnyKind, 'schema'>, current: JsonObject, { type, value }: PatchBody): unknown {
  try {
    switch (type) {
      case MEDIA_TYPE.jsonPatch:
        return applyJsonPatch(current, value);
      case MEDIA_TYPE.mergePatch:
        if (!isJsonObject(value)) throw badRequest('a merge patch must be an object');
        return applyMergePatch(current, value);
      case MEDIA_TYPE.strategicMergePatch:
        return applyStrategicMergePatch(current, value, schema);
      default:
        throw new StatusError('UnsupportedMediaType', `patches of type ${type} are not supported here`);
    }
  } catch (error) {
    throw error instanceof PatchError ? statusOf(error) : error;
  }
}

function statusOf({ reason, message }: PatchError): StatusError {
  switch (reason) {
    case 'malformed':
      return badRequest(message);
    case 'tooLarge':
      return new StatusError('RequestEntityTooLarge', message);
    case 'inapplicable':
    case 'testFailed': {
      // Upstream hides what went wrong behind this sentence; the cause says it.
      const causes = [{ reason: 'FieldValueInvalid', message, field: 'patch' }];
      const sentence = 'the server rejected our request due to an error in our request';
      return new StatusError('Invalid', sentence, { causes });
    }
  }
}

function asObject(value: unknown): JsonObject {
  if (isJsonObject(value)) return value;
  throw badRequest('the patch does not leave an object');
}

/** Longest part of a patch that an error repeats. */
const MAX_SHOWN_CHARS = 512;

/** Upstream's form: the patch as the invalid value of an object without kind and name. */
function strictPatchError({ value }: PatchBody, message: string): StatusError {
  const shown = JSON.stringify(JSON.stringify(value).slice(0, MAX_SHOWN_CHARS));
  return invalid({ group: '', kind: '' }, '', [
    { type: 'invalid', field: 'patch', message: `Invalid value: ${shown}: ${message}` },
  ]);
}
