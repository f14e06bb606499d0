/** The one object that a request is about: by its path, or by a field selector that lets only one name through. */
import type { AuthorizationAttributes } from './authorizer.ts';

export function requestedName({ request, fieldSelector }: AuthorizationAttributes): string | undefined {
  if (request.isResource && request.name !== '') return request.name;
  return selectedValue({ fieldSelector }, 'metadata.name');
}

/** The value that a field must have for an object to be selected. */
export function selectedValue(
  { fieldSelector }: Pick<AuthorizationAttributes, 'fieldSelector'>,
  field: string,
): string | undefined {
  return fieldSelector.find((requirement) => requirement.field === field && requirement.operator === '=')?.value;
}
