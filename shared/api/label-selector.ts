/**
 * LabelSelector: chooses objects by their labels. Both parts must hold; an empty selector chooses everything. Source:
 * Kubernetes API reference, meta/v1.
 */
import type { Static } from 'typebox';
import { list, object, oneOf, required, str, stringMap, strings } from '../schema/fields.ts';

export const LabelSelectorRequirementSchema = object('LabelSelectorRequirement', 'One test of a label', {
  key: required(str(1, 'label that is tested')),
  operator: required(oneOf(2, ['In', 'NotIn', 'Exists', 'DoesNotExist'], "how the label's value is compared")),
  values: strings(3, 'values to compare with; empty for Exists and DoesNotExist'),
});

export type LabelSelectorRequirement = Static<typeof LabelSelectorRequirementSchema>;

export const LabelSelectorSchema = object(
  'LabelSelector',
  'Chooses objects by their labels; both parts must hold',
  {
    matchLabels: stringMap(1, 'labels that must have exactly these values'),
    matchExpressions: list(2, LabelSelectorRequirementSchema, 'further tests, which must all hold'),
  },
  { atomic: true },
);

export type LabelSelector = Static<typeof LabelSelectorSchema>;
