/** Puts the authorizers together, in the order in which they are asked. */
import type { ClusterRole } from '../../../shared/api/cluster-role.ts';
import type { ClusterRoleBinding } from '../../../shared/api/cluster-role-binding.ts';
import type { ImagePull } from '../../../shared/api/image-pull.ts';
import type { PersistentVolume } from '../../../shared/api/persistent-volume.ts';
import { RBAC_GROUP } from '../../../shared/api/policy-rule.ts';
import type { Role } from '../../../shared/api/role.ts';
import type { RoleBinding } from '../../../shared/api/role-binding.ts';
import type { Services } from '../services.ts';
import { asKind } from '../storage/api-object.ts';
import type { ObjectIndexes } from '../storage/object-index.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { PodIndex } from '../storage/pod-index.ts';
import { type Authorizer, chainAuthorizers } from './authorizer.ts';
import { masterAuthorizer, pathAuthorizer, selfReviewAuthorizer } from './basic-authorizers.ts';
import { createNodeAuthorizer, type ImagePullReader } from './node-authorizer.ts';
import { createRbacAuthorizer } from './rbac/rbac-authorizer.ts';
import { RuleResolver } from './rbac/rule-resolver.ts';
import { createSigningRequestAuthorizer } from './signing-request-authorizer.ts';
import { tlsSecretReader } from './tls-secret-reader.ts';

type KindLookup = Services['kindOf'];

type Storage = Pick<Services, 'objects' | 'hubs' | 'kindOf'>;

/** Undefined where this server does not have roles and bindings. */
export function composeResolver({ indexes }: { indexes: ObjectIndexes }): RuleResolver | undefined {
  const roles = indexes.make<Role>(RBAC_GROUP, 'Role');
  const clusterRoles = indexes.make<ClusterRole>(RBAC_GROUP, 'ClusterRole');
  const roleBindings = indexes.make<RoleBinding>(RBAC_GROUP, 'RoleBinding');
  const clusterRoleBindings = indexes.make<ClusterRoleBinding>(RBAC_GROUP, 'ClusterRoleBinding');
  if (!roles || !clusterRoles || !roleBindings || !clusterRoleBindings) return undefined;
  return new RuleResolver({ roles, clusterRoles, roleBindings, clusterRoleBindings });
}

/** Without roles, everybody may still look around and ask about themselves. */
export function composeAuthorizer({ objects, hubs, kindOf }: Storage, rules: RuleResolver | undefined): Authorizer {
  const pods = kindOf('', 'Pod');
  const requests = kindOf('certificates.k8s.io', 'CertificateSigningRequest');
  return chainAuthorizers([
    masterAuthorizer,
    ...(rules ? [createRbacAuthorizer(rules)] : [pathAuthorizer, selfReviewAuthorizer]),
    ...(requests ? [createSigningRequestAuthorizer((name) => objects.get(requests, { namespace: '', name }))] : []),
    ...(pods
      ? [
          createNodeAuthorizer({
            pods: new PodIndex(pods, objects, hubs.of(pods)),
            readPulls: pullReader(objects, kindOf),
            readTlsSecrets: tlsSecretReader({ objects, kindOf }),
            readVolume: volumeReader(objects, kindOf),
          }),
        ]
      : []),
  ]);
}

function volumeReader(objects: ObjectStore, kindOf: KindLookup) {
  const kind = kindOf('', 'PersistentVolume');
  return async (name: string): Promise<PersistentVolume | undefined> => {
    const found = kind && (await objects.get(kind, { namespace: '', name }));
    return found && asKind<PersistentVolume>(kind, found);
  };
}

/** What nodes were told to fetch ahead: few, and looked at only when no pod explains a request. */
function pullReader(objects: ObjectStore, kindOf: KindLookup): ImagePullReader {
  const kind = kindOf('bramble.dev', 'ImagePull');
  if (kind === undefined) return async () => [];
  return async (node) => {
    const { items } = await objects.list(kind, { namespace: '' });
    return items.map(({ object }) => asKind<ImagePull>(kind, object)).filter(({ spec }) => spec.nodeName === node);
  };
}
