/**
 * Conditions of a status: at most one of each type, and `lastTransitionTime` moves only when `status` changes.
 * Source: Kubernetes API conventions, "Typical status properties".
 */
export interface Condition {
  type: string;
  /** `True`, `False` or `Unknown`. */
  status: string;
  reason?: string;
  message?: string;
  /** RFC 3339. */
  lastTransitionTime?: string;
}

export function getCondition<T extends Condition>(conditions: readonly T[] | undefined, type: string): T | undefined {
  return conditions?.find((condition) => condition.type === type);
}

export function isConditionTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return getCondition(conditions, type)?.status === 'True';
}

/**
 * The conditions with `next` in the place of the one of its type, or at the end. `now` (RFC 3339) becomes
 * lastTransitionTime when the status is another one. Returns the same array when nothing changed, so that the caller can
 * leave out a write.
 */
export function setCondition<T extends Condition>(conditions: readonly T[] | undefined, next: T, now: string): T[] {
  const present = getCondition(conditions, next.type);
  const isTransition = present?.status !== next.status;
  const since = isTransition ? (next.lastTransitionTime ?? now) : (present.lastTransitionTime ?? now);
  const stamped: T = { ...next, lastTransitionTime: since };
  if (present === undefined) return [...(conditions ?? []), stamped];
  const all = asMutable(conditions);
  return sameMembers(present, stamped) ? all : all.map((condition) => (condition === present ? stamped : condition));
}

export function removeCondition<T extends Condition>(conditions: readonly T[] | undefined, type: string): T[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}

/** Hands the caller's own array back; nothing here writes to it. */
function asMutable<T>(conditions: readonly T[] | undefined): T[] {
  return (conditions ?? []) as T[];
}

/** Members are scalars in all of Kubernetes' condition types. */
function sameMembers(left: object, right: object): boolean {
  const other = new Map(Object.entries(right).filter(([, value]) => value !== undefined));
  const own = Object.entries(left).filter(([, value]) => value !== undefined);
  return own.length === other.size && own.every(([key, value]) => other.get(key) === value);
}
