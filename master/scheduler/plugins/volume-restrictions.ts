/** VolumeRestrictions: a claim that is ReadWriteOncePod is used by one pod of the whole cluster. */
import type { FilterPlugin, Reasons } from '../framework.ts';

const IN_USE: Reasons = [
  'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode',
];

export const volumeRestrictions: FilterPlugin = {
  name: 'VolumeRestrictions',
  yieldsToPreemption: true,
  preFilter({ claims }, { volumes }) {
    if (claims.length === 0) return undefined;
    const exclusive = new Set(
      claims.filter((key) => volumes.claims.get(key)?.spec.accessModes?.includes('ReadWriteOncePod')),
    );
    if (exclusive.size === 0) return undefined;
    let users = 0;
    for (const key of exclusive) for (const count of volumes.usersOf(key)?.values() ?? []) users += count;
    return {
      check: () => (users > 0 ? IN_USE : undefined),
      podComes: ({ claims: others }) => {
        users += others.filter((key) => exclusive.has(key)).length;
      },
      podLeaves: ({ claims: others }) => {
        users -= others.filter((key) => exclusive.has(key)).length;
      },
    };
  },
  wakesOn: ({ claims }, event) => event.type === 'pod-left' && event.pod.claims.some((key) => claims.includes(key)),
};
