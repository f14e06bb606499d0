/** Requests whose aim is reached when the object is gone. */
import type { DeleteOptions } from '../../shared/client/client.ts';
import { isStatusError } from '../../shared/machinery/errors.ts';
import type { ObjectMeta } from '../../shared/schema/object-meta.ts';

/** Resolves when the object is not there (any more), or when another one has its name: the uid of the request refused it. */
export async function unlessGone(request: Promise<unknown>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
  }
}

/** Like `unlessGone`, where a conflict means that the plan was made from an old state and must be made again. */
export async function unlessNotFound(request: Promise<unknown>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
}

/** Deletes this very object and no successor of the same name. */
export function thisObject({ uid }: Pick<ObjectMeta, 'uid'>): Pick<DeleteOptions, 'preconditions'> {
  return { preconditions: { uid } };
}
