/** Checks of an IngressClass: a controller that stays the same, and where its settings are. */
import type { FieldError } from '../../machinery/errors.ts';
import { validateDns1123Label, validateDns1123Subdomain, validateQualifiedName } from '../../machinery/names.ts';
import { complaintsAbout, forbiddenValue, invalidValue, requiredValue } from './field-error.ts';
import { checkOptionalText, checkText } from './text.ts';

interface ClassSpec {
  controller?: string;
  parameters?: { apiGroup?: string; kind: string; name: string; scope: 'Cluster' | 'Namespace'; namespace?: string };
}

const MAX_CONTROLLER_CHARS = 250;

export function checkIngressClass({ controller = '', parameters }: ClassSpec, old?: ClassSpec): FieldError[] {
  const isChanged = old !== undefined && controller !== (old.controller ?? '');
  return [
    ...checkController('spec.controller', controller),
    ...(isChanged ? [invalidValue('spec.controller', controller, 'field is immutable')] : []),
    ...(parameters ? checkParameters('spec.parameters', parameters) : []),
  ];
}

/** A domain and a path below it: `example.com/ingress/blue`. */
function checkController(field: string, controller: string): FieldError[] {
  if (controller === '') return [];
  if (controller.length > MAX_CONTROLLER_CHARS) {
    return [{ type: 'tooLong', field, message: `Too long: may not be more than ${MAX_CONTROLLER_CHARS} bytes` }];
  }
  const [domain = '', ...rest] = controller.split('/');
  if (rest.length === 0)
    return [invalidValue(field, controller, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  const complaints = [...validateDns1123Subdomain(domain), ...rest.flatMap((part) => validateQualifiedName(part))];
  return complaintsAbout(field, controller, complaints);
}

function checkParameters(field: string, parameters: NonNullable<ClassSpec['parameters']>): FieldError[] {
  const { apiGroup, kind, name, scope, namespace } = parameters;
  const errors = [
    ...checkOptionalText(`${field}.apiGroup`, apiGroup, validateDns1123Subdomain),
    ...checkText(`${field}.kind`, kind),
    ...checkText(`${field}.name`, name),
  ];
  if (scope === 'Namespace') {
    if (!namespace) errors.push(requiredValue(`${field}.namespace`, "`parameters.scope` is set to 'Namespace'"));
    else errors.push(...complaintsAbout(`${field}.namespace`, namespace, validateDns1123Label(namespace)));
  } else if (namespace !== undefined) {
    errors.push(forbiddenValue(`${field}.namespace`, "`parameters.scope` is set to 'Cluster'"));
  }
  return errors;
}
