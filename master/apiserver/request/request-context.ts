/** One request on its way: what came, who sent it, what it is about, and what the answer shall carry beside its body. */
import type { Request } from '../../../shared/protocol/exchange.ts';
import type { ServedResource } from '../discovery/served-resource.ts';
import type { AnyKind } from '../storage/api-object.ts';
import type { UserInfo } from '../user-info.ts';
import type { ResourceRequestInfo } from './request-info.ts';

export interface RequestContext {
  request: Request;
  user: UserInfo;
  info: ResourceRequestInfo;
  served: ServedResource;
  /** Sentences for the user, sent as Warning headers. */
  warnings: string[];
}

/** A request for objects that are stored. */
export interface StoredContext extends RequestContext {
  kind: AnyKind;
}
