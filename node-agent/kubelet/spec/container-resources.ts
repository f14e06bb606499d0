/** Requests and limits as what a cgroup can say. Source: Kubernetes, pkg/kubelet/cm/helpers_linux.go and qos/policy.go. */
import type { Container } from '../../../shared/api/container.ts';
import type { ResourceRequirements } from '../../../shared/api/resources.ts';
import { quantityToBytes, quantityToMillis } from '../../../shared/machinery/quantity.ts';
import type { ContainerResources } from '../../container-runtime/runtime.ts';
import type { QosClass } from './qos.ts';

/** The kernel's smallest share. */
const MIN_CPU_SHARES = 2;
const SHARES_PER_CPU = 1024;

/** The kernel's smallest quota, 1 ms of each 100 ms. */
const MIN_CPU_LIMIT_MILLIS = 10;

const GUARANTEED_OOM_SCORE_ADJ = -997;
const BEST_EFFORT_OOM_SCORE_ADJ = 1000;
/** A burstable container is always killed before a guaranteed one, and after those of best effort. */
const MIN_BURSTABLE_OOM_SCORE_ADJ = 3;
const MAX_BURSTABLE_OOM_SCORE_ADJ = 999;

export interface ResourceContext {
  /** Amounts of the pod as a whole: what none of its containers may exceed alone. */
  podResources: ResourceRequirements | undefined;
  qosClass: QosClass;
  nodeMemoryBytes: number;
}

export function computeContainerResources(
  container: Pick<Container, 'resources'>,
  { podResources, qosClass, nodeMemoryBytes }: ResourceContext,
): ContainerResources {
  const { requests = {}, limits = {} } = container.resources ?? {};
  const most = { ...podResources?.limits, ...limits };
  const cpuRequest = requests['cpu'] ?? limits['cpu'];
  const memoryRequest = requests['memory'] ?? limits['memory'];
  const cpuLimitMillis = most['cpu'] === undefined ? 0 : quantityToMillis(most['cpu']);
  return {
    cpuShares: cpuRequest === undefined ? MIN_CPU_SHARES : computeShares(quantityToMillis(cpuRequest)),
    cpuLimitMillis: cpuLimitMillis === 0 ? 0 : Math.max(MIN_CPU_LIMIT_MILLIS, cpuLimitMillis),
    memoryLimitBytes: most['memory'] === undefined ? 0 : quantityToBytes(most['memory']),
    oomScoreAdj: computeOomScoreAdj(qosClass, memoryRequest && quantityToBytes(memoryRequest), nodeMemoryBytes),
  };
}

function computeShares(millis: number): number {
  return Math.max(MIN_CPU_SHARES, Math.floor((millis * SHARES_PER_CPU) / 1000));
}

/** The larger the share of the board that a container asked for, the later it is killed. */
function computeOomScoreAdj(qosClass: QosClass, requestBytes: number | '' | undefined, nodeBytes: number): number {
  if (qosClass === 'Guaranteed') return GUARANTEED_OOM_SCORE_ADJ;
  if (qosClass === 'BestEffort') return BEST_EFFORT_OOM_SCORE_ADJ;
  const share = nodeBytes === 0 ? 0 : Math.floor((1000 * (requestBytes || 0)) / nodeBytes);
  return Math.min(MAX_BURSTABLE_OOM_SCORE_ADJ, Math.max(MIN_BURSTABLE_OOM_SCORE_ADJ, 1000 - share));
}
