/** The log of a container, live: follows its end unless somebody reads further up, and keeps so many lines and no more. */
import type { PodView } from '../views/view-types.ts';
import { element } from './dom.ts';
import { clean } from './format.ts';

/** Older lines leave. */
export const MAX_LINES = 2_000;

/** One line longer than this is cut for the eye. */
const MAX_LINE_LENGTH = 4_000;

export class LogView {
  readonly element: HTMLElement;
  readonly #pod: PodView;
  readonly #lines: HTMLElement;
  readonly #note: HTMLElement;
  readonly #filter: HTMLInputElement;
  readonly #container: HTMLSelectElement;
  #socket: WebSocket | undefined;
  /** The beginning of a line whose end has not come yet. */
  #rest = '';
  #pending: string[] = [];
  #frame = 0;
  #follows = true;

  constructor(pod: PodView) {
    this.#pod = pod;
    this.#lines = element('div', { class: 'lines', role: 'log', tabindex: '0', 'aria-label': `Log of ${pod.name}` });
    this.#note = element('p', { class: 'note', role: 'status' });
    this.#filter = element('input', { type: 'search', placeholder: 'Filter lines', 'aria-label': 'Filter lines' });
    const options = pod.containers.map((name) => element('option', { value: name, text: name }));
    this.#container = element('select', { 'aria-label': 'Container' }, options);
    this.#container.hidden = pod.containers.length < 2;
    this.#container.addEventListener('change', () => this.open());
    this.#filter.addEventListener('input', () => this.#applyFilter());
    this.#lines.addEventListener('scroll', () => {
      const { scrollHeight, scrollTop, clientHeight } = this.#lines;
      this.#follows = scrollHeight - scrollTop - clientHeight < 24;
    });
    const tools = element('div', { class: 'tools' }, [this.#container, this.#filter]);
    this.element = element('section', { class: 'log' }, [tools, this.#lines, this.#note]);
  }

  open(): void {
    this.close();
    this.#lines.replaceChildren();
    this.#rest = '';
    const { namespace, name } = this.#pod;
    const query = new URLSearchParams({ namespace, pod: name, container: this.#container.value });
    const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/logs?${query}`);
    this.#socket = socket;
    this.#say('Reading …');
    socket.addEventListener('open', () => this.#say('Live'));
    socket.addEventListener('message', ({ data }) => this.#take(JSON.parse(String(data))));
    socket.addEventListener('close', () => {
      if (this.#socket === socket && this.#note.dataset['ended'] === undefined) this.#say('The connection has ended.');
    });
  }

  close(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    delete this.#note.dataset['ended'];
    socket?.close();
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#pending = [];
  }

  #say(text: string): void {
    this.#note.textContent = clean(text);
  }

  #take(message: { type: string; text?: string; reason?: string }): void {
    if (message.type === 'end') {
      if (this.#rest !== '') this.#pending.push(this.#rest);
      this.#rest = '';
      this.#frame ||= requestAnimationFrame(() => this.#flush());
      this.#note.dataset['ended'] = 'true';
      this.#say(message.reason ?? '');
      return;
    }
    const lines = (this.#rest + (message.text ?? '')).split('\n');
    this.#rest = (lines.pop() ?? '').slice(-MAX_LINE_LENGTH * 4);
    this.#pending.push(...lines.slice(-MAX_LINES));
    if (this.#pending.length > MAX_LINES) this.#pending.splice(0, this.#pending.length - MAX_LINES);
    this.#frame ||= requestAnimationFrame(() => this.#flush());
  }

  #flush(): void {
    this.#frame = 0;
    const nodes = this.#pending.map((line) => this.#renderLine(line));
    this.#pending = [];
    this.#lines.append(...nodes);
    while (this.#lines.childElementCount > MAX_LINES) this.#lines.firstElementChild?.remove();
    if (this.#follows) this.#lines.scrollTop = this.#lines.scrollHeight;
  }

  /** `2026-11-22T10:00:00.123456789Z text`, as the agent sends it. */
  #renderLine(line: string): HTMLElement {
    const [, time = '', text = line] = /^(\d{4}-\d\d-\d\dT\S+Z) (.*)$/s.exec(line) ?? [];
    const node = element('div', { class: 'line' }, [
      time !== '' && element('time', { datetime: time, text: time.slice(11, 19) }),
      element('span', { text: text.slice(0, MAX_LINE_LENGTH) }),
    ]);
    node.hidden = !this.#fits(node);
    return node;
  }

  #fits(line: Element): boolean {
    return (line.textContent ?? '').toLowerCase().includes(this.#filter.value.toLowerCase());
  }

  #applyFilter(): void {
    for (const line of this.#lines.children) if (line instanceof HTMLElement) line.hidden = !this.#fits(line);
  }
}
