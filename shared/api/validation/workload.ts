/**
 * Checks that workloads share whose pods never end: counts, and a selector that matches the template and never changes.
 */
import type { FieldError } from '../../machinery/errors.ts';
import { jsonEqual } from '../../machinery/json.ts';
import { selectorFromLabelSelector, selectorMatches } from '../../machinery/label-selector.ts';
import type { LabelSelector } from '../label-selector.ts';
import type { PodTemplateSpec } from '../pod-template.ts';
import { checkNotNegative, forbiddenValue, invalidValue, unsupportedValue } from './field-error.ts';
import { checkLabelSelector, isEmptySelector } from './labels.ts';
import { checkPodTemplate } from './pod-spec.ts';

interface WorkloadSpec {
  replicas?: number;
  minReadySeconds?: number;
  selector: LabelSelector;
  template: PodTemplateSpec;
}

/** `noun` as in `empty selector is invalid for deployment`. */
export function checkWorkload(noun: string, spec: WorkloadSpec, old?: WorkloadSpec): FieldError[] {
  return [
    ...checkNotNegative('spec.replicas', spec.replicas),
    ...checkNotNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...(spec.selector ? checkSelector(noun, spec.selector, spec.template) : []),
    ...(old && !jsonEqual(spec.selector, old.selector)
      ? [invalidValue('spec.selector', spec.selector, 'field is immutable')]
      : []),
    ...(spec.template ? checkEndlessTemplate(noun, spec.template) : []),
  ];
}

function checkSelector(noun: string, selector: LabelSelector, template: PodTemplateSpec | undefined): FieldError[] {
  const errors = checkLabelSelector('spec.selector', selector);
  if (errors.length > 0) return errors;
  if (isEmptySelector(selector)) {
    return [invalidValue('spec.selector', selector, `empty selector is invalid for ${noun}`)];
  }
  const labels = template?.metadata?.labels ?? {};
  if (selectorMatches(selectorFromLabelSelector(selector), labels)) return [];
  return [invalidValue('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')];
}

/** The pods of a workload are to run for ever: they restart always and have no deadline. */
function checkEndlessTemplate(noun: string, template: PodTemplateSpec): FieldError[] {
  const { restartPolicy, activeDeadlineSeconds } = template.spec;
  const errors = checkPodTemplate('spec.template', template);
  if (restartPolicy !== undefined && restartPolicy !== 'Always') {
    errors.push(unsupportedValue('spec.template.spec.restartPolicy', restartPolicy, ['Always']));
  }
  if (activeDeadlineSeconds !== undefined) {
    const why = `activeDeadlineSeconds in ${noun} is not supported`;
    errors.push(forbiddenValue('spec.template.spec.activeDeadlineSeconds', why));
  }
  return errors;
}
