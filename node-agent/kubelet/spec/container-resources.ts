/** Requests and limits as what a cgroup can say. Source: Kubernetes, pkg/kubelet/cm/helpers_linux.go and qos/policy.go. */
import type { Container } from '../../../shared/api/container.ts';
import { quantityToBytes, quantityToMillis } from '../../../shared/machinery/quantity.ts';
import type { ContainerResources } from '../../container-runtime/runtime.ts';
import type { QosClass } from './qos.ts';

/** The kernel's smallest share. */
const MIN_CPU_SHARES = 2;
const SHARES_PER_CPU = 1024;

const GUARANTEED_OOM_SCORE_ADJ = -997;
const BEST_EFFORT_OOM_SCORE_ADJ = 1000;
/** A burstable container is always killed before a guaranteed one, and after those of best effort. */
const MIN_BURSTABLE_OOM_SCORE_ADJ = 3;
const MAX_BURSTABLE_OOM_SCORE_ADJ = 999;

export function computeContainerResources(
  container: Pick<Container, 'resources'>,
  qosClass: QosClass,
  nodeMemoryBytes: number,
): ContainerResources {
  const { requests = {}, limits = {} } = container.resources ?? {};
  const cpuRequest = requests['cpu'] ?? limits['cpu'];
  const memoryRequest = requests['memory'] ?? limits['memory'];
  return {
    cpuShares: cpuRequest === undefined ? MIN_CPU_SHARES : computeShares(quantityToMillis(cpuRequest)),
    cpuLimitMillis: limits['cpu'] === undefined ? 0 : quantityToMillis(limits['cpu']),
    memoryLimitBytes: limits['memory'] === undefined ? 0 : quantityToBytes(limits['memory']),
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
