/** Buttons for what this person may do, each confirmed in a sentence before it is done. */
import { byId, element, fill, setText } from './dom.ts';
import { ask, RequestError } from './requests.ts';

interface Wording {
  button: string;
  /** What will happen. */
  sentence(name: string): string;
  danger?: boolean;
}

const WORDS: Readonly<Record<string, Wording>> = {
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
  without: readonly string[];
}

/** Fills `place` with the buttons that the API server grants. */
export async function showActions(place: HTMLElement, target: ActionTarget): Promise<void> {
  const { actions } = await ask<{ actions: string[] }>('POST', '/api/rights', { about: target.about });
  const buttons = actions
    .filter((action) => !target.without.includes(action))
    .map((action) => {
      const words = WORDS[action];
      const className = words?.danger ? 'danger' : '';
      const button = element('button', {
        type: 'button',
        class: className,
        text: words?.button ?? action,
        'data-action': action,
      });
      button.addEventListener('click', () => confirm(action, target));
      return button;
    });
  fill(place, buttons);
}

function confirm(action: string, target: ActionTarget): void {
  const words = WORDS[action];
  const dialog = byId<HTMLDialogElement>('confirm');
  const input = byId<HTMLInputElement>('replicas');
  setText(byId('confirm-title'), `${words?.button ?? action} ${target.name}?`);
  setText(byId('confirm-text'), words?.sentence(target.name) ?? '');
  setText(byId('confirm-error'), '');
  byId('replicas-label').hidden = action !== 'scale';
  input.value = String(target.replicas ?? 1);
  const button = byId<HTMLButtonElement>('confirm-yes');
  setText(button, words?.button ?? action);
  button.className = words?.danger ? 'danger' : 'primary';
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
