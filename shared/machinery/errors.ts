/**
 * The closed set of errors that the API can answer with, and the one place that maps each reason to its HTTP code.
 * Callers compare `reason`, never the message text.
 * Source: Kubernetes API conventions, "Response Status Kind"; messages follow what kubectl prints.
 */
const CODES = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  /** Bramble's own: Kubernetes' API has it, this server or its present configuration does not. */
  NotImplemented: 501,
  ServiceUnavailable: 503,
  Timeout: 504,
  /** Bramble's own: the master's disk is full (RFC 4918, section 11.5). */
  InsufficientStorage: 507,
} as const;

export type StatusReason = keyof typeof CODES;

export interface StatusCause {
  reason?: string;
  message?: string;
  field?: string;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  /** The resource's plural name in most errors, the kind in `Invalid`. */
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

/** Kubernetes' `Status`, the body of each error and of a finished delete. */
export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: Record<string, unknown>;
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: StatusDetails;
  code?: number;
}

/** An API error on its way to the client; `status` is the body that the client gets. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly reason: StatusReason;
  readonly code: number;
  readonly status: Status;

  constructor(reason: StatusReason, message: string, details?: StatusDetails) {
    super(message);
    this.reason = reason;
    this.code = CODES[reason];
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      ...(details ? { details } : {}),
      code: this.code,
    };
  }
}

/** A resource as error messages name it: `deployments.apps`, or `pods` in the core group. */
export interface ResourceName {
  group: string;
  plural: string;
}

function qualified(resource: ResourceName): string {
  return resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
}

function detailsOf(resource: ResourceName, name: string): StatusDetails {
  return { name, ...(resource.group === '' ? {} : { group: resource.group }), kind: resource.plural };
}

export function notFound(resource: ResourceName, name: string): StatusError {
  return new StatusError('NotFound', `${qualified(resource)} "${name}" not found`, detailsOf(resource, name));
}

export function alreadyExists(resource: ResourceName, name: string): StatusError {
  return new StatusError('AlreadyExists', `${qualified(resource)} "${name}" already exists`, detailsOf(resource, name));
}

/** Optimistic concurrency lost, or a precondition did not hold. */
export function conflict(resource: ResourceName, name: string, why: string): StatusError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`;
  return new StatusError('Conflict', message, detailsOf(resource, name));
}

export function badRequest(message: string): StatusError {
  return new StatusError('BadRequest', message);
}

export function forbidden(resource: ResourceName, name: string, why: string): StatusError {
  const subject = name === '' ? qualified(resource) : `${qualified(resource)} "${name}"`;
  return new StatusError('Forbidden', `${subject} is forbidden: ${why}`, detailsOf(resource, name));
}

/** The requested revision is compacted away: list again. */
export function expired(message: string): StatusError {
  return new StatusError('Expired', message);
}

export function internalError(message: string): StatusError {
  return new StatusError('InternalError', message);
}

/** One complaint about one field; `field` is a path such as `spec.containers[0].image`. */
export interface FieldError {
  type:
    | 'required'
    | 'invalid'
    | 'duplicate'
    | 'notFound'
    | 'notSupported'
    | 'forbidden'
    | 'tooLong'
    | 'tooMany'
    | 'typeInvalid';
  field: string;
  /** The sentence after `field: ` and the type's own words, for instance `Required value: must name an image`. */
  message: string;
}

const CAUSE_REASONS: Record<FieldError['type'], string> = {
  required: 'FieldValueRequired',
  invalid: 'FieldValueInvalid',
  duplicate: 'FieldValueDuplicate',
  notFound: 'FieldValueNotFound',
  notSupported: 'FieldValueNotSupported',
  forbidden: 'FieldValueForbidden',
  tooLong: 'FieldValueTooLong',
  tooMany: 'FieldValueTooMany',
  typeInvalid: 'FieldValueTypeInvalid',
};

/** 422 with a cause a field; `kind` such as `Deployment` in group `apps`. */
export function invalid(
  kind: { group: string; kind: string },
  name: string,
  errors: readonly FieldError[],
): StatusError {
  const subject = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  const lines = errors.map((error) => `${error.field}: ${error.message}`);
  const text = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
  return new StatusError('Invalid', `${subject} "${name}" is invalid: ${text}`, {
    name,
    ...(kind.group === '' ? {} : { group: kind.group }),
    kind: kind.kind,
    causes: errors.map(({ type, field, message }) => ({ reason: CAUSE_REASONS[type], message, field })),
  });
}

export function isStatusError(error: unknown, reason?: StatusReason): error is StatusError {
  return error instanceof StatusError && (reason === undefined || error.reason === reason);
}

/** The typed error of a `Status` body that came over a wire; an unknown reason becomes InternalError. */
export function fromStatus(status: Status): StatusError {
  const reason = (status.reason ?? 'InternalError') in CODES ? (status.reason as StatusReason) : 'InternalError';
  return new StatusError(reason, status.message ?? 'unknown error', status.details);
}

/** Any thrown value as the `Status` a client may see; programmer errors do not leak their text. */
export function toStatus(error: unknown): Status {
  if (error instanceof StatusError) return error.status;
  return internalError("an internal error has occurred; the master's log says more").status;
}
