/** What the API server is made from. */
import type { Clock } from '../../shared/platform/clock.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { MetricsRegistry } from '../../shared/platform/metrics.ts';
import type { Random } from '../../shared/platform/random.ts';
import type { Kind } from '../../shared/schema/define-kind.ts';
import type { Store } from '../store/store.ts';
import type { Authorizer } from './authorization/authorizer.ts';
import type { TokenAuthenticator, TokenIssuer } from './endpoints/tokens.ts';
import type { HealthCheck } from './health/health-checks.ts';
import type { NodeProxy } from './node-proxy.ts';
import type { VersionInfo } from './version-info.ts';
import type { PlacementExplainer } from './virtual/placements.ts';
import type { SnapshotService } from './virtual/snapshots.ts';

export interface ApiServerOptions {
  store: Store;
  kinds: readonly Kind[];
  clock: Clock;
  random: Random;
  logger: Logger;
  version: VersionInfo;
  /** The chain of README.md unless given. */
  authorize?: Authorizer;
  /** Reaches agents, for logs and exec. */
  nodeProxy?: NodeProxy;
  /** Makes tokens of service accounts. */
  issueToken?: TokenIssuer;
  /** Reads them, for token reviews. */
  authenticateToken?: TokenAuthenticator;
  /** Addresses of Services, one range an address family, the default family first; 10.43.0.0/16 unless given. */
  serviceCidrs?: readonly string[];
  /** How long pods stay bound to a lost node; 30 unless given. */
  tolerationSeconds?: number;
  /** Why a pod is where it is; without it placements are not served. */
  explainPlacement?: PlacementExplainer;
  /** Copies of the store; without it they are not served. */
  snapshots?: SnapshotService;
  /** Where this room counts; its own unless given. */
  metrics?: MetricsRegistry;
  /** What else must be well for this process to be. */
  healthChecks?: readonly HealthCheck[];
  /** What other rooms of the process count, as Prometheus text. */
  renderMoreMetrics?(): string;
  /** Port of the masters' HTTPS door, for the Service `kubernetes`; 6443 unless given. */
  apiPort?: number;
  /** Where pods can reach that door, for the endpoints of that Service; nowhere unless given. */
  advertiseAddress?(): string | undefined;
}
