/** Why a pod is where it is, or why nowhere: what the scheduler says, board by board. */
import { element, fill } from './dom.ts';
import { ask, RequestError } from './requests.ts';

/** Of `placements` in bramble.dev/v1; what is used of it. */
interface Placement {
  outcome: string;
  message: string;
  source?: string;
  nodes: {
    name: string;
    feasible: boolean;
    total?: number;
    scores?: { plugin: string; score: number; weight: number }[];
    plugin?: string;
    reasons?: string[];
  }[];
  nodesLeftOut: number;
}

const OUTCOMES: Readonly<Record<string, string>> = {
  Placed: 'It has its board.',
  Unschedulable: 'It fits nowhere now.',
  Waiting: 'It waits for its turn.',
  NotConsidered: 'It is not being placed.',
};

export async function showPlacement(
  place: HTMLElement,
  { namespace, name }: { namespace: string; name: string },
): Promise<void> {
  try {
    const query = new URLSearchParams({ namespace, pod: name });
    const { placement } = await ask<{ placement: Placement }>('GET', `/api/placement?${query}`);
    fill(place, render(placement));
  } catch (error) {
    fill(place, [
      element('p', { class: 'empty', text: error instanceof RequestError ? error.message : String(error) }),
    ]);
  }
}

function render({ outcome, message, source, nodes, nodesLeftOut }: Placement): Node[] {
  const when = source === 'Recorded' ? 'As it was decided' : 'As it would be decided now';
  return [
    element('p', { class: 'lead', text: OUTCOMES[outcome] ?? outcome }),
    element('p', { text: source === undefined ? message : `${when}: ${message}` }),
    element('ol', { class: 'nodes' }, nodes.map(renderNode)),
    element('p', { class: 'empty', text: nodesLeftOut > 0 ? `${nodesLeftOut} more boards were not looked at.` : '' }),
  ];
}

function renderNode({
  name,
  feasible,
  total,
  scores = [],
  plugin,
  reasons = [],
}: Placement['nodes'][number]): HTMLElement {
  const title = element('p', {}, [
    element('strong', { text: name }),
    element('span', { class: feasible ? 'ok' : 'problem', text: feasible ? ` ${total ?? ''}` : ` ${plugin ?? ''}` }),
  ]);
  if (!feasible) return element('li', {}, [title, element('p', { class: 'why', text: reasons.join(', ') })]);
  const terms = scores.map(({ plugin, score, weight }) => `${plugin} ${Math.round(score)}×${weight}`);
  return element('li', {}, [title, element('p', { class: 'why', text: terms.join(' · ') })]);
}
