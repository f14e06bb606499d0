/** Fields that an apply would take from their managers, and the answer that says so in Kubernetes' words. */
import { StatusError } from '../../machinery/errors.ts';
import { compareManagers, type FieldManager } from './field-managers.ts';
import { type FieldSet, intersectionOf, pathsOf } from './field-set.ts';
import { formatPath, type Path } from './path-element.ts';

export interface ApplyConflict {
  manager: FieldManager;
  path: Path;
}

/** The fields of `managers` that `written` gives another value, in the order of managers and fields. */
export function findConflicts(managers: Iterable<FieldManager>, written: FieldSet): ApplyConflict[] {
  return [...managers]
    .sort(compareManagers)
    .flatMap((manager) => pathsOf(intersectionOf(manager.fields, written)).map((path) => ({ manager, path })));
}

/** `"kubectl" with subresource "scale" using apps/v1`: how conflicts name a manager. */
export function describeManager({ manager, subresource, operation, apiVersion }: FieldManager): string {
  const name = JSON.stringify(manager) + (subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`);
  return operation === 'Update' ? `${name} using ${apiVersion}` : name;
}

/** 409 with one cause a field. kubectl shows the message and adds what one can do about it. */
export function applyConflictError(conflicts: readonly ApplyConflict[]): StatusError {
  const causes = conflicts.map(({ manager, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${describeManager(manager)}`,
    field: formatPath(path),
  }));
  return new StatusError('Conflict', conflictMessage(conflicts), { causes });
}

function conflictMessage(conflicts: readonly ApplyConflict[]): string {
  const [first] = conflicts;
  if (conflicts.length === 1 && first !== undefined) {
    return `Apply failed with 1 conflict: conflict with ${describeManager(first.manager)}: ${formatPath(first.path)}`;
  }
  const byManager = [...Map.groupBy(conflicts, ({ manager }) => describeManager(manager))];
  const lines = byManager
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .flatMap(([manager, fields]) => [
      `conflicts with ${manager}:`,
      ...fields.map(({ path }) => `- ${formatPath(path)}`),
    ]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}
