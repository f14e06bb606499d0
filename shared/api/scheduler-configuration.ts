/**
 * SchedulerConfiguration: the file behind `bramble master --scheduler-config FILE`. Not stored: a file of the master, in the
 * form of an object, with the same words and the same checks. docs/scheduler.md and docs/heat.md explain the fields.
 */
import type { Static } from 'typebox';
import { bool, double, int32, list, object, oneOf, ref, required, str, strings } from '../schema/fields.ts';

const weight = (description: string) => int32(undefined, description, { minimum: 0, maximum: 1_000 });
const seconds = (description: string, minimum = 1) => int32(undefined, description, { minimum, maximum: 86_400 });
const celsius = (description: string, minimum = 20) => double(undefined, description, { minimum, maximum: 120 });

const ScoreWeights = object('SchedulerScoreWeights', 'How much each score counts; 0 switches it off', {
  BoardHealth: weight('boards that are throttled or short of voltage come last; more than all others unless set'),
  NodeTemperature: weight('cool boards'),
  NodeRealLoad: weight('boards that really use little CPU and memory'),
  NodeResourcesFit: weight('by what is requested, see resources'),
  NodeResourcesBalancedAllocation: weight('boards whose CPU and memory fill up evenly'),
  ImageLocality: weight('boards that have the images'),
  TaintToleration: weight('boards without PreferNoSchedule taints'),
  NodeAffinity: weight('preferred node affinity'),
  PodTopologySpread: weight('spread constraints that are wishes'),
  InterPodAffinity: weight('preferred affinity to other pods'),
  OwnerSpread: weight('replicas of one owner on different boards'),
});

const CurvePoint = object('SchedulerCurvePoint', 'One point of a curve', {
  utilization: required(
    int32(undefined, 'share of the board that is requested, in percent', { minimum: 0, maximum: 100 }),
  ),
  score: required(int32(undefined, 'how good that is', { minimum: 0, maximum: 10 })),
});

const ResourceWeight = object('SchedulerResourceWeight', 'How much one resource counts', {
  name: required(str(undefined, 'cpu, memory, or the name of an extended resource')),
  weight: required(int32(undefined, 'how much', { minimum: 1, maximum: 100 })),
});

const Resources = object('SchedulerResources', 'How requests are judged', {
  strategy: oneOf(
    undefined,
    ['LeastAllocated', 'MostAllocated', 'RequestedToCapacityRatio'],
    'fill boards evenly, one after the other, or along a curve',
  ),
  shape: list(undefined, CurvePoint, 'the curve of RequestedToCapacityRatio'),
  weights: list(undefined, ResourceWeight, 'resources that count; cpu and memory alike unless set'),
});

const Load = object('SchedulerLoad', 'How readings of CPU and memory are smoothed', {
  averageSeconds: seconds('time constant of the average'),
  peakSeconds: seconds('time constant with which a peak is forgotten'),
  peakShare: double(undefined, 'how much the peak counts against the average, 0 to 1', { minimum: 0, maximum: 1 }),
});

const Temperature = object('SchedulerTemperature', 'How temperatures are judged', {
  forecastSeconds: seconds('how far ahead a rise is followed; 0 for not at all', 0),
  fullLoadRiseCelsius: celsius('by how much full load makes a board hotter', 0),
});

const Limits = object('HeatLimits', 'How hot a board may get', {
  softCelsius: required(celsius('above it the board takes no new pods')),
  hardCelsius: required(celsius('above it pods are moved away')),
});

const ModelLimits = object('ModelHeatLimits', 'How hot boards of a model may get', {
  model: required(str(undefined, 'value of the label bramble.dev/model; * stands for any text')),
  softCelsius: required(celsius('above it the board takes no new pods')),
  hardCelsius: required(celsius('above it pods are moved away')),
});

const Heat = object('HeatProtection', 'Protection of boards that overheat', {
  enabled: bool(undefined, 'whether boards are protected at all; true unless set'),
  models: list(undefined, ModelLimits, 'limits by model; the first match counts'),
  fallback: ref(undefined, Limits, 'limits of boards that no model matches'),
  hysteresisCelsius: celsius('a board must get so far below a limit to be free of it', 0.5),
  settleSeconds: seconds('time between two moves from one board, in which the first shows its effect'),
  moveIntervalSeconds: seconds('time between two moves in the whole cluster', 0),
  podRestSeconds: seconds('a workload that was moved for heat is not moved again within this time'),
  shedBelowPriority: int32(undefined, 'only pods of a lower priority are given up when no board can take them'),
});

const NodeLifecycle = object('NodeLifecycleSettings', 'How lost boards are judged', {
  selfDoubtShare: double(undefined, 'when a larger share of the boards is lost at once, the master doubts itself', {
    minimum: 0,
    maximum: 1,
  }),
  selfDoubtSeconds: seconds('how long it doubts itself at most', 0),
  deadPodSeconds: seconds('pods that are deleted on a lost board are gone after their grace and this time', 0),
});

export const SchedulerConfigurationSchema = object('SchedulerConfiguration', 'Settings of placement and protection', {
  apiVersion: required(oneOf(undefined, ['bramble.dev/v1'], 'always bramble.dev/v1')),
  kind: required(oneOf(undefined, ['SchedulerConfiguration'], 'always SchedulerConfiguration')),
  scores: ref(undefined, ScoreWeights, 'how much each score counts'),
  disabledFilters: strings(undefined, 'filters that are switched off: NodeTemperature, ImagePlatform'),
  resources: ref(undefined, Resources, 'how requests are judged'),
  load: ref(undefined, Load, 'how readings of CPU and memory are smoothed'),
  temperature: ref(undefined, Temperature, 'how temperatures are judged'),
  preemption: bool(undefined, 'whether pods of higher priority drive others away; true unless set'),
  heat: ref(undefined, Heat, 'protection of boards that overheat'),
  nodeLifecycle: ref(undefined, NodeLifecycle, 'how lost boards are judged'),
});

export type SchedulerConfiguration = Static<typeof SchedulerConfigurationSchema>;
export type HeatConfiguration = NonNullable<SchedulerConfiguration['heat']>;
export type NodeLifecycleConfiguration = NonNullable<SchedulerConfiguration['nodeLifecycle']>;
