/** The WebSocket that everything comes through: comes back after it was lost, and goes on where it was. */
import type { Message, Store } from './store.ts';

const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 5_000;

/** The master speaks each 3 s. */
const SILENCE_MS = 10_000;

export interface ConnectionOptions {
  store: Store;
  onChange(): void;
  /** Nobody answers: is a sign-in missing, perhaps? */
  onLost(): void;
}

export class Connection {
  readonly #options: ConnectionOptions;
  #socket: WebSocket | undefined;
  #retryMs = RETRY_FIRST_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #isOn = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    addEventListener('online', () => this.#retryNow());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.#retryNow();
    });
  }

  /** Comes back by itself from then on. */
  open(): void {
    if (this.#isOn) return;
    this.#isOn = true;
    this.#retryNow();
  }

  close(): void {
    this.#isOn = false;
    clearTimeout(this.#timer);
    clearTimeout(this.#watchdog);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  #retryNow(): void {
    if (!this.#isOn || this.#socket !== undefined) return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  #connect(): void {
    const { store } = this.#options;
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const socket = new WebSocket(`${scheme}://${location.host}/live?since=${store.since}`);
    this.#socket = socket;
    this.#watch();
    socket.addEventListener('message', ({ data }) => this.#take(JSON.parse(String(data))));
    socket.addEventListener('close', () => {
      if (this.#socket === socket) this.#onClose();
    });
  }

  #take(message: Message): void {
    this.#watch();
    this.#retryMs = RETRY_FIRST_MS;
    const outcome = this.#options.store.take(message, performance.now());
    if (outcome === 'broken') {
      this.#options.store.forgetPosition();
      this.#socket?.close();
    } else if (outcome === 'changed') this.#options.onChange();
  }

  /** A network that went away says nothing: who is silent is gone. */
  #watch(): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      const socket = this.#socket;
      if (socket === undefined) return;
      socket.close();
      this.#onClose();
    }, SILENCE_MS);
  }

  #onClose(): void {
    if (this.#socket === undefined) return;
    this.#socket = undefined;
    clearTimeout(this.#watchdog);
    if (!this.#isOn) return;
    this.#options.onLost();
    this.#timer = setTimeout(() => this.#retryNow(), this.#retryMs * (0.75 + Math.random() / 2));
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MAX_MS);
  }
}
