/** Several that have a say about the node's pods, as one: the first that ends a pod is heard, what they grant adds up. */
import type { PodGate } from './pod-gate.ts';

export function combineGates(gates: readonly PodGate[]): PodGate {
  return {
    ending(pod, observed) {
      for (const gate of gates) {
        const ending = gate.ending(pod, observed);
        if (ending !== undefined) return ending;
      }
      return undefined;
    },
    grant(pod, container) {
      const grants = gates.map((gate) => gate.grant(pod, container));
      return {
        devices: grants.flatMap(({ devices }) => devices),
        env: grants.flatMap(({ env }) => env),
        annotations: Object.assign({}, ...grants.map(({ annotations }) => annotations)),
      };
    },
    forget(uid) {
      for (const gate of gates) gate.forget(uid);
    },
  };
}
