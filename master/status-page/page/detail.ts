/** The sheet with the details of one entry, over whatever view is open. What lives (charts, logs) is kept while facts change. */
import type { Level } from '../views/view-types.ts';
import { type ActionTarget, showActions } from './actions.ts';
import { byId, type Child, element, fill, mark, refill, setText } from './dom.ts';
import { RequestError } from './requests.ts';
import { type Route, renderRoute } from './route.ts';
import type { Session } from './session.ts';
import type { Store } from './store.ts';

/** A part with a life of its own: charts, a log. */
export interface Living {
  element: HTMLElement;
  open(): void;
  close(): void;
}

export interface Content {
  title: string;
  kind: string;
  level: Level;
  tabs: readonly { id: string; name: string }[];
  /** Drawn anew with each change. */
  facts(tab: string): Child[];
  /** Made once for each tab. */
  living(tab: string): Living | undefined;
  action?: ActionTarget;
}

export interface DetailOptions {
  store: Store;
  session: Session;
  /** Undefined: the entry is not there (any more). */
  contentOf(key: string, route: Route): Content | undefined;
  go(route: Route): void;
}

export class Detail {
  readonly #options: DetailOptions;
  readonly #dialog = byId<HTMLDialogElement>('detail');
  /** What is shown: key, tab and who looks. */
  #shown = '';
  #living: Living | undefined;
  #route: Route | undefined;
  #opener: string | undefined;
  /** What the buttons were asked for: who, about what, in which state. */
  #offered = '';

  constructor(options: DetailOptions) {
    this.#options = options;
    // Escape, or the back of a phone: the address tells what is open.
    this.#dialog.addEventListener('cancel', (event) => {
      event.preventDefault();
      this.#leave();
    });
    this.#dialog.addEventListener('click', (event) => {
      if (event.target === this.#dialog) this.#leave();
    });
    byId('detail-close').addEventListener('click', () => this.#leave());
  }

  show(route: Route): void {
    this.#route = route;
    if (route.open === '') {
      this.#close();
      return;
    }
    const content = this.#options.contentOf(route.open, route);
    const tab = content?.tabs.find(({ id }) => id === route.tab)?.id ?? content?.tabs[0]?.id ?? '';
    if (!this.#dialog.open) {
      this.#opener = document.activeElement?.getAttribute('href') ?? undefined;
      this.#dialog.showModal();
    }
    const shown = `${route.open} ${tab} ${content !== undefined} ${this.#options.session.user}`;
    if (shown !== this.#shown) this.#begin(content, tab, shown);
    this.#draw(content, tab);
  }

  #begin(content: Content | undefined, tab: string, shown: string): void {
    this.#shown = shown;
    this.#living?.close();
    this.#living = content?.living(tab);
    fill(byId('detail-living'), [this.#living?.element]);
    this.#living?.open();
    byId('detail-body').scrollTop = 0;
  }

  #draw(content: Content | undefined, tab: string): void {
    const title = content?.title ?? (this.#options.store.isLoaded ? 'This is not there (any more)' : 'Loading …');
    setText(byId('detail-title'), title);
    setText(byId('detail-kind'), content?.kind ?? '');
    const level = content?.level ?? 'quiet';
    if (byId('detail-mark').dataset['level'] !== level) {
      byId('detail-mark').dataset['level'] = level;
      fill(byId('detail-mark'), [mark(level)]);
    }
    this.#drawTabs(content, tab);
    this.#drawActions(content?.action);
    refill(byId('detail-facts'), content?.facts(tab) ?? []);
  }

  /** Anew when what can be done is another: a board that was cordoned can be uncordoned. */
  #drawActions(action: ActionTarget | undefined): void {
    const { user } = this.#options.session;
    const who = action === undefined || user === null ? '' : `${user} ${action.about} `;
    const offered = action === undefined || who === '' ? '' : `${who}${action.without.join()} ${action.replicas}`;
    if (offered === this.#offered) return;
    const place = byId('detail-actions');
    // The old ones stay until the new ones are known, unless they are another entry's or another person's.
    if (who === '' || !this.#offered.startsWith(who)) fill(place, []);
    this.#offered = offered;
    if (action === undefined || who === '') return;
    void showActions(place, action, () => this.#offered === offered).catch((error: unknown) => {
      // Nobody answered, several times: asked again when something is drawn anew, and what is there stays until then.
      const isUnanswered = error instanceof RequestError && error.code === 0;
      if (isUnanswered && this.#offered === offered) this.#offered = who;
    });
  }

  #drawTabs(content: Content | undefined, tab: string): void {
    const route = this.#route;
    if (route === undefined) return;
    const tabs = content?.tabs ?? [];
    const links = tabs.map(({ id, name }) =>
      element('a', {
        href: renderRoute({ ...route, tab: id }),
        text: name,
        ...(id === tab ? { 'aria-current': 'page' } : {}),
      }),
    );
    refill(byId('detail-tabs'), links);
  }

  #leave(): void {
    if (this.#route !== undefined) this.#options.go({ ...this.#route, open: '', tab: '' });
  }

  #close(): void {
    this.#living?.close();
    this.#living = undefined;
    this.#shown = '';
    this.#drawActions(undefined);
    if (!this.#dialog.open) return;
    this.#dialog.close();
    // Rows are drawn anew meanwhile: the one with the same address gets the focus back.
    if (this.#opener !== undefined)
      document.querySelector<HTMLElement>(`a[href="${CSS.escape(this.#opener)}"]`)?.focus();
  }
}
