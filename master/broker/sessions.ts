/** What the rest of the master sees of the broker: who is connected, and a transport of its own. */
import type { Transport, Unsubscribe } from '../../shared/protocol/transport.ts';

/** Who a session is, fixed when it connects. The shape of Kubernetes' UserInfo. */
export interface SessionIdentity {
  name: string;
  uid: string;
  groups: readonly string[];
  extra: Readonly<Record<string, readonly string[]>>;
}

export interface Session {
  clientId: string;
  identity: SessionIdentity;
}

export interface SessionListener {
  connected(session: Session): void;
  /** Also when another session takes the client id over; `connected` of that one follows. */
  disconnected(session: Session): void;
}

/** Implemented by the real broker and by the simulation's. */
export interface Sessions {
  /** The master's own attachment: always up, free of topic rules. */
  transport(): Transport;
  /** Hears at once of the sessions that are there, then of each change. */
  onSession(listener: SessionListener): Unsubscribe;
}
