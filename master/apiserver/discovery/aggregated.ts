/**
 * Discovery as one document for `/api` and one for `/apis`, which kubectl asks for first. Pure.
 * Source: Kubernetes API reference, apidiscovery.k8s.io/v2 APIGroupDiscoveryList.
 */
import type { Catalog, ServedGroup, ServedVersion } from './catalog.ts';
import type { GroupVersionKind, ServedResource, ServedSubresource } from './served-resource.ts';

export type AggregatedVersion = 'v2' | 'v2beta1';

export function aggregatedContentType(version: AggregatedVersion): string {
  return `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
}

/** `core` gives the document of `/api`, its opposite that of `/apis`. */
export function renderAggregated(catalog: Catalog, part: 'core' | 'groups', version: AggregatedVersion): object {
  const groups = catalog.groups.filter(({ name }) => (name === '') === (part === 'core'));
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map(groupItem),
  };
}

function groupItem(group: ServedGroup): object {
  return {
    metadata: group.name === '' ? {} : { name: group.name },
    versions: group.versions.map(versionItem),
  };
}

function versionItem({ version, resources }: ServedVersion): object {
  return { version, resources: resources.map(resourceItem), freshness: 'Current' };
}

function resourceItem(resource: ServedResource): object {
  const { plural, namespaced, singular, verbs, shortNames, categories, subresources } = resource;
  return {
    resource: plural,
    responseKind: responseKind(resource),
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs,
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
    ...(subresources.length > 0 ? { subresources: subresources.map(subresourceItem) } : {}),
  };
}

function subresourceItem({ name, kind, verbs }: ServedSubresource): object {
  return { subresource: name, responseKind: responseKind(kind), verbs };
}

function responseKind({ group, version, kind }: GroupVersionKind): object {
  return { group, version, kind };
}
