/**
 * NodeVolumeLimits: a node attaches only so many volumes of a CSI driver, as its allocatable `attachable-volumes-csi-DRIVER`
 * says. Source: Kubernetes, "Node-specific Volume Limits".
 */
import type { FilterPlugin, Reasons } from '../framework.ts';
import type { NodeInfo } from '../node-info.ts';
import type { VolumeState } from '../volumes/volume-state.ts';

const TOO_MANY: Reasons = ['node(s) exceed max volume count'];

export const volumeLimits: FilterPlugin = {
  name: 'NodeVolumeLimits',
  yieldsToPreemption: true,
  preFilter({ claims }, { volumes }) {
    const wanted = claims.flatMap((key) => handleOf(key, volumes) ?? []);
    if (wanted.length === 0) return undefined;
    const drivers = new Set(wanted.map(({ driver }) => driver));
    return {
      check(node) {
        for (const driver of drivers) {
          const limit = node.allocatable.others.get(`attachable-volumes-csi-${driver}`);
          if (limit === undefined) continue;
          const attached = new Set([...attachedTo(node, volumes), ...wanted].flatMap((one) => namesOf(one, driver)));
          if (attached.size > limit) return TOO_MANY;
        }
        return undefined;
      },
    };
  },
};

interface Handle {
  driver: string;
  volumeHandle: string;
}

function handleOf(claim: string, { claims, volumes }: VolumeState): Handle | undefined {
  return volumes.get(claims.get(claim)?.spec.volumeName ?? '')?.spec.csi;
}

function attachedTo({ pods }: NodeInfo, volumes: VolumeState): Handle[] {
  return [...pods.values()].flatMap((pod) => pod.claims.flatMap((key) => handleOf(key, volumes) ?? []));
}

function namesOf({ driver, volumeHandle }: Handle, wanted: string): string[] {
  return driver === wanted ? [volumeHandle] : [];
}
