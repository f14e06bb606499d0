/** Buttons for what this person may do, each confirmed in a sentence before it is done. */
import { type Action, isAction } from '../actions/action-names.ts';
import { byId, element, fill, setText } from './dom.ts';
import { ask, RequestError } from './requests.ts';

interface Wording {
  button: string;
  /** What will happen. */
  sentence(name: string): string;
  danger?: boolean;
}

const WORDS: Readonly<Record<Action, Wording>> = {
  restart: { button: 'Restart', sentence: (name) => `All pods of ${name} are replaced, a few at a time.` },
  scale: { button: 'Scale', sentence: (name) => `How many pods should ${name} have?` },
  cordon: { button: 'Cordon', sentence: (name) => `${name} takes no new pods; those that are there stay.` },
  uncordon: { button: 'Uncordon', sentence: (name) => `${name} takes new pods again.` },
  drain: {
    button: 'Drain',
    sentence: (name) =>
      `${name} takes no new pods and its pods are moved away. Data in their emptyDir volumes is lost.`,
    danger: true,
  },
  reboot: {
    button: 'Reboot',
    sentence: (name) => `${name} starts again. It is lost for a minute or two, and its pods with it.`,
    danger: true,
  },
  delete: { button: 'Delete', sentence: (name) => `${name} is deleted, with all that belongs to it.`, danger: true },
  approve: {
    button: 'Let in',
    sentence: (name) => `Board ${name} gets a certificate and becomes part of the cluster.`,
  },
  deny: { button: 'Turn away', sentence: (name) => `Board ${name} gets no certificate.`, danger: true },
};

export interface ActionTarget {
  /** Key of the entry. */
  about: string;
  name: string;
  /** Present number, for what can be scaled. */
  replicas?: number;
  /** Actions that make no sense now. */
  without: readonly Action[];
}

/** Fills `place` with the buttons that the API server grants, unless something else is shown by then. */
export async function showActions(place: HTMLElement, target: ActionTarget, isShown: () => boolean): Promise<void> {
  const { actions } = await ask<{ actions: string[] }>('GET', `/api/rights?about=${encodeURIComponent(target.about)}`);
  if (!isShown()) return;
  const buttons = actions
    .filter(isAction)
    .filter((action) => !target.without.includes(action))
    .map((action) => makeButton(action, target));
  const focused = place.contains(document.activeElement) ? document.activeElement : null;
  fill(place, buttons);
  if (focused === null) return;
  const same = buttons.find(({ dataset }) => dataset['action'] === focused.getAttribute('data-action'));
  (same ?? buttons[0])?.focus();
}

function makeButton(action: Action, target: ActionTarget): HTMLButtonElement {
  const { button: text, danger } = WORDS[action];
  const className = danger ? 'danger' : '';
  const button = element('button', { type: 'button', class: className, text, 'data-action': action });
  button.addEventListener('click', () => confirm(action, target));
  return button;
}

function confirm(action: Action, target: ActionTarget): void {
  const words = WORDS[action];
  const dialog = byId<HTMLDialogElement>('confirm');
  const input = byId<HTMLInputElement>('replicas');
  setText(byId('confirm-title'), `${words.button} ${target.name}?`);
  setText(byId('confirm-text'), words.sentence(target.name));
  setText(byId('confirm-error'), '');
  byId('replicas-label').hidden = action !== 'scale';
  input.value = String(target.replicas ?? 1);
  const button = byId<HTMLButtonElement>('confirm-yes');
  setText(button, words.button);
  button.className = words.danger ? 'danger' : 'primary';
  byId('confirm-form').onsubmit = (event) => {
    event.preventDefault();
    const body = { action, about: target.about, ...(action === 'scale' ? { replicas: input.valueAsNumber } : {}) };
    void run(body, dialog, button);
  };
  byId('confirm-no').onclick = () => dialog.close();
  dialog.showModal();
}

async function run(body: object, dialog: HTMLDialogElement, button: HTMLButtonElement): Promise<void> {
  button.disabled = true;
  try {
    const { message } = await ask<{ message: string }>('POST', '/api/actions', body);
    dialog.close();
    toast(message);
  } catch (error) {
    setText(byId('confirm-error'), error instanceof RequestError ? error.message : String(error));
  } finally {
    button.disabled = false;
  }
}

const TOAST_MS = 6_000;
let toastTimer: ReturnType<typeof setTimeout> | undefined;

export function toast(text: string): void {
  const node = byId('toast');
  setText(node, text);
  // Above whatever dialog is open.
  node.hidePopover();
  node.showPopover();
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => node.hidePopover(), TOAST_MS);
}
