/** Query parameters of create, update and patch. */
import { invalid } from '../../../shared/machinery/errors.ts';
import { queryFlag, queryValue, type Request } from '../../../shared/protocol/exchange.ts';

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export interface WriteOptions {
  dryRun: boolean;
  fieldValidation: FieldValidation;
  /** `''` where the client does not say. */
  fieldManager: string;
  /** Server-side apply takes fields over from other managers. */
  force: boolean;
}

/** kubectl's longest, and upstream's limit. */
const MAX_FIELD_MANAGER_CHARS = 128;

/** `kind` names the options in errors: CreateOptions, UpdateOptions, PatchOptions. */
export function parseWriteOptions(request: Pick<Request, 'query' | 'headers'>, kind: string): WriteOptions {
  const manager = queryValue(request, 'fieldManager') ?? managerOf(request.headers['user-agent']);
  if (manager.length > MAX_FIELD_MANAGER_CHARS) {
    const message = `Too long: may not be more than ${MAX_FIELD_MANAGER_CHARS} bytes`;
    throw invalid({ group: 'meta.k8s.io', kind }, '', [{ type: 'tooLong', field: 'fieldManager', message }]);
  }
  return {
    dryRun: parseDryRun(request.query['dryRun'] ?? [], kind),
    fieldValidation: parseFieldValidation(queryValue(request, 'fieldValidation'), kind),
    fieldManager: manager,
    force: queryFlag(request, 'force'),
  };
}

/** `All` or nothing; anything else must not write by accident. */
export function parseDryRun(values: readonly string[], kind: string): boolean {
  const unknown = values.find((value) => value !== 'All' && value !== '');
  if (unknown !== undefined) {
    const message = `Unsupported value: ${JSON.stringify(values)}: supported values: "All"`;
    throw invalid({ group: 'meta.k8s.io', kind }, '', [{ type: 'notSupported', field: 'dryRun', message }]);
  }
  return values.includes('All');
}

function parseFieldValidation(text: string | undefined, kind: string): FieldValidation {
  // Upstream warns by default.
  if (text === undefined || text === '') return 'Warn';
  if (text === 'Strict' || text === 'Warn' || text === 'Ignore') return text;
  const message = `Unsupported value: ${JSON.stringify(text)}: supported values: "Ignore", "Strict", "Warn"`;
  throw invalid({ group: 'meta.k8s.io', kind }, '', [{ type: 'notSupported', field: 'fieldValidation', message }]);
}

/** Without a name the program's own counts: `kubectl/v1.36.4 (linux/amd64)` is `kubectl`. */
function managerOf(userAgent: string | undefined): string {
  return (userAgent ?? '').split('/')[0] ?? '';
}
