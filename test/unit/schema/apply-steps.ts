/**
 * The steps around server-side apply that an API server takes: defaults before an object is stored, managedFields kept in
 * its metadata, one second between writes. No object is there before the first write.
 */
import assert from 'node:assert/strict';
import { DeploymentKind } from '../../../shared/api/deployment.ts';
import { cloneJson, isJsonArray, isJsonObject, type JsonObject, jsonEqual } from '../../../shared/machinery/json.ts';
import { applyConfig, type Refused } from '../../../shared/schema/apply/apply-config.ts';
import { requestedManagedFields } from '../../../shared/schema/apply/field-managers.ts';
import { formatPath } from '../../../shared/schema/apply/path-element.ts';
import { keepTimes, updateManagedFields } from '../../../shared/schema/apply/update-managed-fields.ts';
import { applySchemaDefaults } from '../../../shared/schema/defaulting.ts';
import { apiVersionOf, type Kind } from '../../../shared/schema/define-kind.ts';
import { normalizeObject } from '../../../shared/schema/normalize.ts';
import type { KubernetesObject, ManagedFieldsEntry } from '../../../shared/schema/object-meta.ts';

export interface StepOptions {
  force?: boolean;
  subresource?: string;
}

export class Steps {
  stored: JsonObject | undefined;
  nowMs = 0;
  readonly #kind: Kind;

  constructor(kind: Kind = DeploymentKind) {
    this.#kind = kind;
  }

  /** Undefined when it went through. */
  apply(manager: string, config: JsonObject, options: StepOptions = {}): Refused | undefined {
    const { force = false, subresource = '' } = options;
    const result = applyConfig({
      ...this.#write(manager, subresource),
      live: this.stored,
      applied: { apiVersion: apiVersionOf(this.#kind), kind: this.#kind.kind, ...config },
      managers: this.managedFields(),
      force,
    });
    if (!result.ok) return result;
    this.#store(result.object, result.managedFields);
    return undefined;
  }

  /** Throws when there are conflicts. */
  mustApply(manager: string, config: JsonObject, options: StepOptions = {}): void {
    const refused = this.apply(manager, config, options);
    assert.equal(refused?.conflicts.map(({ path }) => formatPath(path)).join(' '), undefined);
  }

  /** Conflicts as `manager path`. */
  conflicts(manager: string, config: JsonObject): string[] {
    const refused = this.apply(manager, config);
    return refused?.conflicts.map((conflict) => `${conflict.manager.manager} ${formatPath(conflict.path)}`) ?? [];
  }

  create(manager: string, object: JsonObject): void {
    assert.equal(this.stored, undefined);
    this.#update(manager, object, '');
  }

  /** `change` gets a copy. */
  update(manager: string, change: (object: JsonObject) => void, options: StepOptions = {}): void {
    const next = cloneJson(this.stored ?? {});
    change(next);
    this.#update(manager, next, options.subresource ?? '');
  }

  managedFields(): ManagedFieldsEntry[] {
    const metadata = this.stored?.['metadata'];
    const entries = isJsonObject(metadata) ? metadata['managedFields'] : undefined;
    return isJsonArray(entries) ? entries.map((entry) => entry as ManagedFieldsEntry) : [];
  }

  entry(manager: string, subresource?: string): ManagedFieldsEntry | undefined {
    return this.managedFields().find((entry) => entry.manager === manager && entry.subresource === subresource);
  }

  fields(manager: string, subresource?: string): unknown {
    return this.entry(manager, subresource)?.fieldsV1;
  }

  #write(manager: string, subresource: string) {
    this.nowMs += 1000;
    const { schema } = this.#kind;
    const resetFields = subresource === 'status' ? [['metadata'], ['spec']] : [['status']];
    return { schema, apiVersion: apiVersionOf(this.#kind), manager, subresource, resetFields, nowMs: this.nowMs };
  }

  #update(manager: string, wanted: JsonObject, subresource: string): void {
    const after = this.#complete(wanted);
    const sent = isJsonObject(wanted['metadata']) ? wanted['metadata']['managedFields'] : undefined;
    const managers = requestedManagedFields(sent, this.managedFields(), subresource);
    const write = this.#write(manager, subresource);
    this.#store(after, updateManagedFields({ ...write, before: this.stored, after, managers }));
  }

  #complete(object: JsonObject): JsonObject {
    const complete = normalizeObject(this.#kind.schema, object);
    assert.ok(isJsonObject(complete));
    applySchemaDefaults(this.#kind.schema, complete);
    this.#kind.applyDefaults?.(asStored(complete));
    return complete;
  }

  #store(object: JsonObject, managedFields: ManagedFieldsEntry[]): void {
    const complete = this.#complete(object);
    const metadata = isJsonObject(complete['metadata']) ? complete['metadata'] : {};
    const next: JsonObject = { ...complete, metadata: { ...metadata, managedFields } };
    const current = this.stored;
    const kept = current === undefined ? next : keepTimes(asStored(current), asStored(next));
    this.stored = current !== undefined && jsonEqual(kept, current) ? current : kept;
  }
}

/** The edge: what has the schema's normal form is an object of its kind. */
function asStored(value: unknown): KubernetesObject & JsonObject {
  return value as KubernetesObject & JsonObject;
}

/** The value at `keys`; a list item is meant by its name. */
export function at(value: unknown, ...keys: readonly string[]): unknown {
  return keys.reduce<unknown>((current, key) => {
    if (isJsonArray(current)) return current.find((item) => isJsonObject(item) && item['name'] === key);
    return isJsonObject(current) ? current[key] : undefined;
  }, value);
}

export function setAt(object: JsonObject, keys: readonly string[], value: unknown): void {
  const parent = at(object, ...keys.slice(0, -1));
  assert.ok(isJsonObject(parent), `${keys.join('.')} has a parent`);
  const last = keys.at(-1) ?? '';
  if (value === undefined) delete parent[last];
  else parent[last] = value;
}

/** A Deployment with one container; `spec` and `podSpec` replace fields of its spec and of its pod template's spec. */
export function deployment(spec: JsonObject = {}, podSpec: JsonObject = {}): JsonObject {
  return {
    metadata: { name: 'web', labels: { app: 'web' } },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'web', image: 'nginx:1.27' }], ...podSpec },
      },
      ...spec,
    },
  };
}

export function containers(...list: readonly JsonObject[]): JsonObject {
  return deployment({}, { containers: list });
}
