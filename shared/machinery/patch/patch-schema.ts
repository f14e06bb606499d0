/**
 * What a strategic merge patch must know of a kind: which lists merge, and by which key. A read-only view that the schemas
 * of shared/schema satisfy as they are, so that machinery need not import them.
 */
export interface PatchSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, PatchSchema>>;
  readonly items?: PatchSchema;
  readonly patternProperties?: Readonly<Record<string, PatchSchema>>;
  readonly additionalProperties?: PatchSchema | boolean;
  readonly 'x-kubernetes-patch-merge-key'?: string;
  readonly 'x-kubernetes-patch-strategy'?: string;
}

export type PatchStrategy = 'merge' | 'replace' | undefined;

/** The schema of a member: a property, or the value schema of a map. */
export function memberSchema(schema: PatchSchema | undefined, key: string): PatchSchema | undefined {
  const { properties, patternProperties, additionalProperties } = schema ?? {};
  if (properties !== undefined && Object.hasOwn(properties, key)) return properties[key];
  const [pattern] = Object.values(patternProperties ?? {});
  return pattern ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
}

/** The strategy without `retainKeys`, which tells clients what to send and servers nothing. */
export function patchStrategy(schema: PatchSchema | undefined): PatchStrategy {
  const strategies = schema?.['x-kubernetes-patch-strategy']?.split(',') ?? [];
  if (strategies.includes('merge')) return 'merge';
  return strategies.includes('replace') ? 'replace' : undefined;
}

export function patchMergeKey(schema: PatchSchema | undefined): string | undefined {
  return schema?.['x-kubernetes-patch-merge-key'];
}
