/** Discovery as a tree of small documents: `/api`, `/apis`, `/apis/G`, `/api/v1`, `/apis/G/V`. Pure. */
import { type Catalog, groupVersionOf, type ServedGroup, type ServedVersion } from './catalog.ts';
import type { ServedResource, ServedSubresource } from './served-resource.ts';

/** `/api` */
export function renderApiVersions(catalog: Catalog): object {
  const versions = catalog.group('')?.versions.map(({ version }) => version) ?? [];
  return { kind: 'APIVersions', versions, serverAddressByClientCIDRs: [] };
}

/** `/apis` */
export function renderApiGroupList(catalog: Catalog): object {
  const groups = catalog.groups.filter(({ name }) => name !== '').map(groupFields);
  return { kind: 'APIGroupList', apiVersion: 'v1', groups };
}

/** `/apis/apps` */
export function renderApiGroup(group: ServedGroup): object {
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupFields(group) };
}

/** `/api/v1`, `/apis/apps/v1` */
export function renderApiResourceList(served: ServedVersion): object {
  const resources = served.resources.flatMap((resource) => [
    resourceFields(resource),
    ...resource.subresources.map((subresource) => subresourceFields(resource, subresource)),
  ]);
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: groupVersionOf(served), resources };
}

function groupFields(group: ServedGroup): object {
  const versions = group.versions.map((served) => ({ groupVersion: groupVersionOf(served), version: served.version }));
  return { name: group.name, versions, preferredVersion: versions[0] };
}

function resourceFields(resource: ServedResource): object {
  const { plural, singular, namespaced, kind, verbs, shortNames, categories } = resource;
  return {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs,
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
  };
}

/** Group and version are said only where they differ from the list's. */
function subresourceFields(resource: ServedResource, { name, kind, verbs }: ServedSubresource): object {
  const isForeign = kind.group !== resource.group || kind.version !== resource.version;
  return {
    name: `${resource.plural}/${name}`,
    singularName: '',
    namespaced: resource.namespaced,
    ...(isForeign ? { group: kind.group, version: kind.version } : {}),
    kind: kind.kind,
    verbs,
  };
}
