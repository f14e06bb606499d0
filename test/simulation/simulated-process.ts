/**
 * What kill -9 means for objects in one process: a simulated process has a clock of its own, and ports that are wrapped by
 * it. When it dies its timers never fire and its calls never return, so nothing of it acts on the world any more.
 */
import type { Clock, Timer } from '../../shared/platform/clock.ts';

export class SimulatedProcess {
  readonly clock: Clock;
  readonly #timers = new Set<Timer>();
  #alive = true;

  constructor(clock: Clock) {
    this.clock = {
      nowMs: () => clock.nowMs(),
      monotonicMs: () => clock.monotonicMs(),
      after: (delayMs, callback) => this.#after(clock, delayMs, callback),
    };
  }

  get alive(): boolean {
    return this.#alive;
  }

  kill(): void {
    this.#alive = false;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  /** The same object, whose methods never return once the process is dead, whether they were called before or after. */
  guard<T extends object>(port: T): T {
    return new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => this.#call(() => member.apply(target, args));
      },
    });
  }

  #call(call: () => unknown): unknown {
    if (!this.#alive) return NEVER;
    const result = call();
    if (result instanceof Promise) return this.#whileAlive(result);
    return result;
  }

  async #whileAlive(result: Promise<unknown>): Promise<unknown> {
    try {
      const value = await result;
      return this.#alive ? value : await NEVER;
    } catch (error) {
      if (this.#alive) throw error;
      return NEVER;
    }
  }

  #after(clock: Clock, delayMs: number, callback: () => void): Timer {
    if (!this.#alive) return { cancel: () => undefined };
    const timer = clock.after(delayMs, () => {
      this.#timers.delete(timer);
      callback();
    });
    this.#timers.add(timer);
    return {
      cancel: () => {
        timer.cancel();
        this.#timers.delete(timer);
      },
    };
  }
}

const NEVER: Promise<never> = new Promise(() => undefined);
