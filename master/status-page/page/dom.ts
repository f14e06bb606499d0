/** Elements made by code. Every text goes in as text: there is no way from here to markup. */
import { clean } from './format.ts';

export type Child = Node | string | undefined | false;

export interface ElementOptions {
  class?: string;
  text?: string;
  /** Attributes; styles and handlers are not among them. */
  [attribute: string]: string | undefined;
}

export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  { class: className, text, ...attributes }: ElementOptions = {},
  children: readonly Child[] = [],
): HTMLElementTagNameMap[K] {
  const node = document.createElement(name);
  if (className) node.className = className;
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = clean(text);
  append(node, children);
  return node;
}

export function append(node: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (typeof child === 'string') node.append(clean(child));
    else if (child) node.append(child);
  }
}

export function fill(node: Element, children: readonly Child[]): void {
  node.replaceChildren();
  append(node, children);
}

/** Whoever stands on a link that is drawn anew stays on it. */
export function keepFocus(place: Element, draw: () => void): void {
  const active = document.activeElement;
  const href = active !== null && place.contains(active) ? active.getAttribute('href') : null;
  draw();
  if (href === null || place.contains(document.activeElement)) return;
  [...place.querySelectorAll<HTMLElement>('a')].find((link) => link.getAttribute('href') === href)?.focus();
}

/** Draws only what looks another way, and keeps the focus. */
export function refill(place: Element, children: readonly Child[]): void {
  const holder = element('div', {}, children);
  if (holder.innerHTML !== place.innerHTML) keepFocus(place, () => place.replaceChildren(...holder.childNodes));
}

/** A text that is the same is left alone: live regions that are written again are read aloud again. */
export function setText(node: Element, text: string): void {
  const cleaned = clean(text);
  if (node.textContent !== cleaned) node.textContent = cleaned;
}

export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const node = document.getElementById(id);
  if (node === null) throw new Error(`index.html has no #${id}`);
  return node as T;
}

const SVG = 'http://www.w3.org/2000/svg';

export function svg(
  name: string,
  attributes: Record<string, string>,
  children: readonly SVGElement[] = [],
): SVGElement {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** A small mark of how something is, with words for those who do not see it. */
export function mark(level: string): HTMLElement {
  return element('span', { class: `mark ${level}`, role: 'img', 'aria-label': LEVEL_WORDS[level] ?? level });
}

const LEVEL_WORDS: Readonly<Record<string, string>> = {
  ok: 'fine',
  quiet: 'at rest',
  warning: 'needs a look',
  problem: 'has a problem',
};
