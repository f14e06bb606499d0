/** The common shape of conditions in newer kinds. Source: Kubernetes API reference, meta/v1 Condition. */
import type { Static } from 'typebox';
import { int64, object, oneOf, required, str, time } from '../schema/fields.ts';

export const ConditionSchema = object('Condition', "One aspect of an object's present state", {
  type: required(str(1, 'which aspect')),
  status: required(oneOf(2, ['True', 'False', 'Unknown'], 'whether it holds')),
  observedGeneration: int64(3, 'generation of the object that this was judged by'),
  lastTransitionTime: required(time(4, 'when status last changed')),
  reason: required(str(5, 'why, in one CamelCase word')),
  message: required(str(6, 'why, for people')),
});

export type Condition = Static<typeof ConditionSchema>;
