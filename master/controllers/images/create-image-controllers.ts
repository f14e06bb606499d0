/** The image controllers: one set of answers of registries and one copy of the ImagePulls for all of them. */
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Environment, Informers } from '../informers.ts';
import { ImageInfoController } from './image-info-controller.ts';
import { ImageLookups } from './image-lookups.ts';
import { ImagePullController } from './image-pull-controller.ts';
import { NodeImages } from './node-images.ts';
import { PrepullController } from './prepull-controller.ts';
import type { RegistryClient } from './registry/registry-client.ts';

/** In the order of their start. Without a registry client nobody is asked, and nothing is known before an image is pulled. */
export function createImageControllers(
  environment: Environment,
  informers: Informers,
  registry: RegistryClient | undefined,
): Component[] {
  const lookups = new ImageLookups({
    ...environment,
    registry,
    onLateAnswer: (image) => {
      infos.lookAgain(image);
      pulls.lookAgain(image);
    },
  });
  const nodeImages = new NodeImages();
  const infos = new ImageInfoController(environment, informers, { lookups, nodeImages });
  const pulls = new ImagePullController(environment, informers, { lookups, nodeImages });
  const prepulls = new PrepullController(environment, informers, { lookups, nodeImages, pulls: pulls.pulls });
  return [...(registry === undefined ? [] : [infos]), pulls, prepulls];
}
