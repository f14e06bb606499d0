/** What the judgement of lost boards goes by. docs/node-lifecycle.md explains each; the settings file can change them. */
import type { NodeLifecycleConfiguration } from '../../../shared/api/scheduler-configuration.ts';

export interface NodeLifecycleSettings {
  /** When a larger share of the boards is lost at once, the master doubts itself. */
  readonly selfDoubtShare: number;
  /** How long at most. */
  readonly selfDoubtMs: number;
  /** Pods that are deleted on a lost board are gone after their grace and this time. */
  readonly deadPodMs: number;
}

export const DEFAULT_NODE_LIFECYCLE_SETTINGS: NodeLifecycleSettings = {
  selfDoubtShare: 0.55,
  selfDoubtMs: 300_000,
  deadPodMs: 60_000,
};

export function computeNodeLifecycleSettings(configuration: NodeLifecycleConfiguration = {}): NodeLifecycleSettings {
  const { selfDoubtShare, selfDoubtSeconds, deadPodSeconds } = configuration;
  const defaults = DEFAULT_NODE_LIFECYCLE_SETTINGS;
  return {
    selfDoubtShare: selfDoubtShare ?? defaults.selfDoubtShare,
    selfDoubtMs: selfDoubtSeconds === undefined ? defaults.selfDoubtMs : selfDoubtSeconds * 1000,
    deadPodMs: deadPodSeconds === undefined ? defaults.deadPodMs : deadPodSeconds * 1000,
  };
}
