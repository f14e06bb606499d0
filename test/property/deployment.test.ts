/**
 * A rolling update in a small model of the cluster: whatever the order in which controllers act and pods get ready, however
 * old the statuses that they see, there are never more pods than replicas + maxSurge, never fewer available ones than
 * replicas − maxUnavailable, and in the end all run the new template.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { renderReplicaSet } from '../../master/controllers/deployment/executors.ts';
import { computeDeploymentRollout, type DeploymentAction } from '../../master/controllers/deployment/rollout.ts';
import { computeBounds } from '../../master/controllers/deployment/scaling.ts';
import { rankForDeletion } from '../../master/controllers/replica-set/ranking.ts';
import type { Deployment } from '../../shared/api/deployment.ts';
import type { Pod } from '../../shared/api/pod.ts';
import type { ReplicaSet } from '../../shared/api/replica-set.ts';
import { defined } from '../../shared/platform/assert.ts';
import { makeDeployment, makeReplica, makeReplicaSet, START_MS } from '../unit/controllers/objects.ts';

type Move = 'deployment' | 'replica-sets' | 'statuses' | 'ready';

const MOVES: readonly Move[] = ['deployment', 'replica-sets', 'statuses', 'ready'];

class World {
  readonly sets = new Map<string, { set: ReplicaSet; pods: Pod[] }>();
  deployment: Deployment;
  #names = 0;

  constructor(deployment: Deployment) {
    this.deployment = deployment;
  }

  make(move: Move): void {
    if (move === 'deployment') this.#rollOut();
    else if (move === 'statuses') this.#writeStatuses();
    else if (move === 'ready') this.#makeOneReady();
    else this.#scalePods();
  }

  get pods(): Pod[] {
    return [...this.sets.values()].flatMap(({ pods }) => pods);
  }

  get available(): number {
    return this.pods.filter(isAvailable).length;
  }

  #rollOut(): void {
    const replicaSets = [...this.sets.values()].map(({ set }) => set);
    const { deployment } = this;
    const { actions } = computeDeploymentRollout({ deployment, replicaSets, pods: this.pods, nowMs: START_MS });
    for (const action of actions) this.#execute(action);
  }

  #execute(action: DeploymentAction): void {
    if (action.type === 'createReplicaSet') {
      const { spec, metadata } = renderReplicaSet(this.deployment, action);
      const set = makeReplicaSet({ name: action.name, annotations: action.annotations, status: NO_PODS, replicas: 0 });
      const template = this.deployment.spec.template;
      const complete = { ...set, spec: { ...set.spec, template, replicas: spec?.replicas ?? 0 } };
      this.sets.set(defined(metadata.name, 'name'), { set: complete, pods: [] });
    } else if (action.type === 'updateReplicaSet') {
      const entry = defined(this.sets.get(action.replicaSet.metadata.name), 'the scaled ReplicaSet');
      const metadata = { ...entry.set.metadata, annotations: action.annotations };
      entry.set = { ...entry.set, metadata, spec: { ...entry.set.spec, replicas: action.replicas } };
    } else if (action.type === 'updateStatus') this.deployment = { ...this.deployment, status: action.status };
  }

  #scalePods(): void {
    for (const entry of this.sets.values()) {
      const missing = entry.set.spec.replicas - entry.pods.length;
      for (let count = 0; count < missing; count += 1) entry.pods.push(makeReplica({ name: `p${++this.#names}` }));
      const ranked = rankForDeletion({ pods: entry.pods, related: this.pods, nowMs: START_MS });
      const doomed = new Set(missing < 0 ? ranked.slice(0, -missing) : []);
      entry.pods = entry.pods.filter((pod) => !doomed.has(pod));
    }
  }

  #makeOneReady(): void {
    for (const entry of this.sets.values()) {
      const index = entry.pods.findIndex((pod) => !isAvailable(pod));
      if (index < 0) continue;
      entry.pods[index] = makeReplica({ name: defined(entry.pods[index], 'pod').metadata.name, readyAt: -10 });
      return;
    }
  }

  #writeStatuses(): void {
    for (const entry of this.sets.values()) {
      const available = entry.pods.filter(isAvailable).length;
      const counts = { replicas: entry.pods.length, readyReplicas: available, availableReplicas: available };
      entry.set = { ...entry.set, status: { ...entry.set.status, ...counts } };
    }
  }
}

const NO_PODS = { replicas: 0, readyReplicas: 0, availableReplicas: 0 };

function isAvailable(pod: Pod): boolean {
  return pod.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

/** Long enough for every roll-out of the sizes below. */
const SETTLING_ROUNDS = 200;

function settle(world: World): void {
  for (let round = 0; round < SETTLING_ROUNDS; round += 1) for (const move of MOVES) world.make(move);
}

const CASE = fc.record({
  replicas: fc.integer({ min: 1, max: 9 }),
  maxSurge: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constantFrom('25%', '50%', '100%')),
  maxUnavailable: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constantFrom('25%', '50%', '100%')),
  moves: fc.array(fc.constantFrom(...MOVES), { maxLength: 120 }),
  images: fc.array(fc.constantFrom('nginx:1', 'nginx:2', 'nginx:3'), { minLength: 1, maxLength: 3 }),
});

test('a rolling update keeps to its bounds and ends', () => {
  fc.assert(
    fc.property(CASE, ({ moves, images, ...options }) => {
      const world = new World(makeDeployment({ ...options, image: 'nginx:0' }));
      settle(world);
      assert.equal(world.available, options.replicas);
      const { maxSurge, maxUnavailable } = computeBounds(world.deployment);
      const perImage = Math.ceil(moves.length / images.length);
      images.forEach((image, index) => {
        const { spec } = makeDeployment({ ...options, image });
        const { metadata } = world.deployment;
        world.deployment = { ...world.deployment, spec, metadata: { ...metadata, generation: index + 2 } };
        for (const move of moves.slice(index * perImage, (index + 1) * perImage)) {
          world.make(move);
          assert.ok(world.pods.length <= options.replicas + maxSurge, `${world.pods.length} pods after ${move}`);
          assert.ok(world.available >= options.replicas - maxUnavailable, `${world.available} available after ${move}`);
        }
      });
      settle(world);
      const active = [...world.sets.values()].filter(({ pods }) => pods.length > 0);
      assert.deepEqual(
        active.map(({ set, pods }) => [set.spec.template.spec.containers[0]?.image, pods.length]),
        [[images.at(-1), options.replicas]],
      );
    }),
    { seed: 20260101, numRuns: 60 },
  );
});
