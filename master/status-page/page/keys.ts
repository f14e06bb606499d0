/** Keys beside those that a browser has: / searches, digits change the view, arrows go from row to row. */
import { byId } from './dom.ts';
import { VIEWS, type View } from './route.ts';

export function listenToKeys({ go }: { go(view: View): void }): void {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector('dialog[open]') !== null) return;
    const view = VIEWS[Number(event.key) - 1];
    if (event.key === '/') byId('search').focus();
    else if (view !== undefined) go(view);
    else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      if (!step(event.key === 'ArrowDown' ? 1 : -1)) return;
    } else return;
    event.preventDefault();
  });
  byId('search').addEventListener('keydown', (event) => {
    if (event.key === 'Escape') byId('search').blur();
    if (event.key === 'ArrowDown' && step(1)) event.preventDefault();
  });
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLInputElement || target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement
  );
}

/** To the first link of the next row; false where there are no rows. */
function step(by: 1 | -1): boolean {
  const rows = [
    ...document.querySelectorAll<HTMLElement>(
      'main section:not([hidden]) .rows > li, main section:not([hidden]) .tiles > li',
    ),
  ];
  const present = rows.findIndex((row) => row.contains(document.activeElement));
  const next = rows[present < 0 ? 0 : present + by];
  const link = next?.querySelector<HTMLElement>('a');
  if (!link) return false;
  link.focus();
  return true;
}
