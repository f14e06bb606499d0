/** Who has signed in, and the dialog for it. The page never keeps a token: the cookie is out of its reach. */
import { byId, setText } from './dom.ts';
import { ask, RequestError } from './requests.ts';

export interface SessionState {
  access: 'open' | 'sign-in';
  user: string | null;
}

export class Session {
  readonly #onChange: () => void;
  #state: SessionState = { access: 'open', user: null };

  constructor(onChange: () => void) {
    this.#onChange = onChange;
    byId('sign-in').addEventListener('click', () => {
      if (this.user === null) this.askForToken();
      else void this.#signOut();
    });
    byId('sign-in-form').addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#signIn();
    });
    byId('sign-in-cancel').addEventListener('click', () => this.#dialog.close());
  }

  get user(): string | null {
    return this.#state.user;
  }

  /** Whether there is anything to see. */
  get maySee(): boolean {
    return this.#state.access === 'open' || this.user !== null;
  }

  async refresh(): Promise<void> {
    this.#set(await ask<SessionState>('GET', '/api/session'));
  }

  askForToken(): void {
    setText(byId('sign-in-error'), '');
    byId<HTMLInputElement>('token').value = '';
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  get #dialog(): HTMLDialogElement {
    return byId<HTMLDialogElement>('sign-in-dialog');
  }

  async #signIn(): Promise<void> {
    try {
      this.#set(await ask<SessionState>('POST', '/api/session', { token: byId<HTMLInputElement>('token').value }));
      this.#dialog.close();
    } catch (error) {
      setText(byId('sign-in-error'), error instanceof RequestError ? error.message : String(error));
    }
  }

  async #signOut(): Promise<void> {
    this.#set(await ask<SessionState>('DELETE', '/api/session'));
  }

  #set(state: SessionState): void {
    this.#state = state;
    setText(byId('sign-in'), state.user === null ? 'Sign in' : 'Sign out');
    byId('sign-in').title = state.user === null ? 'Sign in to change something' : `Signed in as ${state.user}`;
    this.#onChange();
  }
}
