/** Columns that workloads share: what their template runs and which pods they choose. */
import { formatSelector, SelectorError, selectorFromLabelSelector } from '../../machinery/label-selector.ts';
import type { Column } from '../../schema/define-kind.ts';
import type { KubernetesObject } from '../../schema/object-meta.ts';
import type { LabelSelector } from '../label-selector.ts';
import type { PodTemplateSpec } from '../pod-template.ts';

interface Workload extends KubernetesObject {
  spec: { selector: LabelSelector; template: PodTemplateSpec };
}

/** `app=web,tier in (a,b)`, sorted by key; `<none>` for the empty selector, `<error>` for one that makes no sense. */
export function labelSelectorText(selector: LabelSelector): string {
  try {
    const requirements = [...selectorFromLabelSelector(selector).requirements];
    return formatSelector({ requirements: requirements.sort((a, b) => (a.key < b.key ? -1 : 1)) }) || '<none>';
  } catch (error) {
    if (error instanceof SelectorError) return '<error>';
    throw error;
  }
}

/** `app=web,tier=front`, sorted by key; `<none>` without labels. */
export function labelsText(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? '<none>' : pairs.sort().join(',');
}

interface PodTemplate {
  selector?: LabelSelector;
  template: PodTemplateSpec;
}

/** `of` finds the template in an object. */
export function columnsOfTemplate<T extends KubernetesObject>(of: (object: T) => PodTemplate): Column<T>[] {
  return [
    {
      name: 'Containers',
      type: 'string',
      priority: 1,
      description: 'names of the containers',
      value: (object) => containersText(of(object), 'name'),
    },
    {
      name: 'Images',
      type: 'string',
      priority: 1,
      description: 'images of the containers',
      value: (object) => containersText(of(object), 'image'),
    },
    {
      name: 'Selector',
      type: 'string',
      priority: 1,
      description: 'labels of the pods that belong to it',
      value: (object) => selectorText(of(object)),
    },
  ];
}

export const templateColumns: readonly Column<Workload>[] = columnsOfTemplate<Workload>(({ spec }) => spec);

function containersText({ template }: PodTemplate, field: 'name' | 'image'): string {
  return template.spec.containers.map((container) => container[field] ?? '').join(',');
}

function selectorText({ selector }: PodTemplate): string {
  return selector === undefined ? '<none>' : labelSelectorText(selector);
}
