/**
 * ImageLocality: a node that has the pod's images already is preferred, the more the larger they are and the more nodes have
 * them, so that one node with the image does not draw all its pods. Source: Kubernetes, "Scheduler Configuration", ImageLocality.
 */
import { clampScore, MAX_SCORE, type ScorePlugin } from '../framework.ts';
import { neededImages } from '../images/image-state.ts';

/** Less is fetched in no time; more is all the same. */
const MIN_BYTES = 23 * 1024 * 1024;
const MAX_BYTES_A_CONTAINER = 1000 * 1024 * 1024;

export const imageLocality: ScorePlugin = {
  name: 'ImageLocality',
  preScore({ pod }, { images, nodes: all }) {
    const present = neededImages(pod).flatMap(({ canonical }) => {
      const holders = images.holderCount(canonical);
      return holders === 0 ? [] : [{ canonical, spread: holders / all.length }];
    });
    if (present.length === 0) return undefined;
    const containers = pod.spec.containers.length + (pod.spec.initContainers?.length ?? 0);
    const range = MAX_BYTES_A_CONTAINER * containers - MIN_BYTES;
    return ({ name }) => {
      let bytes = 0;
      for (const { canonical, spread } of present) bytes += (images.sizeOn(name, canonical) ?? 0) * spread;
      return clampScore(((bytes - MIN_BYTES) / range) * MAX_SCORE);
    };
  },
};
