/**
 * How important a new pod is: its PriorityClass says so by name, and a pod cannot say it by number. Source: Kubernetes,
 * "Pod Priority and Preemption", admission plugin Priority.
 */
import type { Pod } from '../../../shared/api/pod.ts';
import type { PriorityClass } from '../../../shared/api/priority-class.ts';
import { SYSTEM_PRIORITIES } from '../../../shared/api/validation/priority-class.ts';
import { forbidden, type StatusError } from '../../../shared/machinery/errors.ts';
import { asKind } from '../storage/api-object.ts';
import type { ObjectReader } from '../storage/object-index.ts';
import type { AdmissionReview, AdmissionStep } from './admission.ts';

type Classes = ObjectReader<PriorityClass> | undefined;

type Priority = Pick<PriorityClass, 'value' | 'preemptionPolicy'>;

/** Without the kind, the two system classes alone are known. */
export function createPodPriority(classes: Classes): AdmissionStep {
  return async ({ operation, call, object, old }) => {
    const { kind, subresource } = call;
    if (object === undefined || subresource !== '' || operation === 'DELETE') return;
    if (kind.group === '' && kind.kind === 'Pod' && operation === 'CREATE') {
      await setPriority(asKind<Pod>(kind, object), classes);
    } else if (kind.group === 'scheduling.k8s.io' && kind.kind === 'PriorityClass' && classes) {
      const before = old === undefined ? undefined : asKind<PriorityClass>(kind, old);
      await refuseSecondDefault({ call, classes }, asKind<PriorityClass>(kind, object), before);
    }
  };
}

async function setPriority(pod: Pod, classes: Classes): Promise<void> {
  const { spec } = pod;
  if (!spec.priorityClassName) {
    const standard = await defaultOf(classes);
    if (standard !== undefined) spec.priorityClassName = standard.metadata.name;
  }
  const { value, preemptionPolicy } = await priorityOf(pod, classes);
  if (spec.priority !== undefined && spec.priority !== value) {
    const why = `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`;
    throw refuse(pod, why);
  }
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== preemptionPolicy) {
    const why = `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${preemptionPolicy} from the given PriorityClass name`;
    throw refuse(pod, why);
  }
  spec.priority = value;
  spec.preemptionPolicy = preemptionPolicy;
}

/** Of several defaults the least important one. */
async function defaultOf(classes: Classes): Promise<PriorityClass | undefined> {
  const defaults = ((await classes?.list('')) ?? []).filter(({ globalDefault }) => globalDefault === true);
  return defaults.sort((a, b) => a.value - b.value)[0];
}

async function priorityOf(pod: Pod, classes: Classes): Promise<Priority> {
  const name = pod.spec.priorityClassName ?? '';
  if (name === '') return { value: 0, preemptionPolicy: 'PreemptLowerPriority' };
  const found = await classes?.get('', name);
  if (found !== undefined) return found;
  const value = Object.hasOwn(SYSTEM_PRIORITIES, name) ? SYSTEM_PRIORITIES[name] : undefined;
  if (value === undefined) throw refuse(pod, `no PriorityClass with name ${name} was found`);
  return { value, preemptionPolicy: 'PreemptLowerPriority' };
}

function refuse({ metadata }: Pod, why: string): StatusError {
  return forbidden({ group: '', plural: 'pods' }, metadata.name ?? '', why);
}

async function refuseSecondDefault(
  { call, classes }: { call: AdmissionReview['call']; classes: ObjectReader<PriorityClass> },
  { metadata, globalDefault }: PriorityClass,
  old: PriorityClass | undefined,
): Promise<void> {
  if (globalDefault !== true || old?.globalDefault === true) return;
  const other = await defaultOf(classes);
  if (other === undefined || other.metadata.name === metadata.name) return;
  const why = `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`;
  throw forbidden(call.kind, metadata.name, why);
}
