/** What endpoints work with. Made once by createApiServer and handed down; nothing here changes afterwards. */
import type { Clock } from '../../shared/platform/clock.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import type { AdmissionStep } from './admission/admission.ts';
import type { Authorizer } from './authorization/authorizer.ts';
import type { RuleResolver } from './authorization/rbac/rule-resolver.ts';
import type { TokenAuthenticator, TokenIssuer } from './endpoints/tokens.ts';
import type { NodeProxy } from './node-proxy.ts';
import type { ProtobufDecoder } from './request/body.ts';
import type { Responder } from './response/responder.ts';
import type { AnyKind } from './storage/api-object.ts';
import type { ObjectStore } from './storage/object-store.ts';
import type { WatchHubs } from './storage/watch-hubs.ts';

export interface Services {
  objects: ObjectStore;
  hubs: WatchHubs;
  clock: Clock;
  random: Random;
  logger: Logger;
  admission: readonly AdmissionStep[];
  authorize: Authorizer;
  /** Rules by roles and bindings; undefined where this server does not have these kinds. */
  rules: RuleResolver | undefined;
  decodeProtobuf: ProtobufDecoder;
  responder: Responder;
  /** Stored kinds by group and kind; undefined where this server does not have it. */
  kindOf(group: string, kind: string): AnyKind | undefined;
  nodeProxy: NodeProxy | undefined;
  issueToken: TokenIssuer | undefined;
  authenticateToken: TokenAuthenticator | undefined;
}
