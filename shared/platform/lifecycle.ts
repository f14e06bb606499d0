/** One life for every part that does work: constructors store fields, `start` begins, `stop` ends. */
export interface Component {
  /** Resolves when the part is ready to serve. Called once. */
  start(): Promise<void>;
  /** Idempotent; resolves when no work of the part is under way any more. Fine before `start`. */
  stop(): Promise<void>;
}

/** Starts in order; when one fails, it and those before it are stopped in reverse order and the error is thrown on. */
export async function startAll(components: readonly Component[]): Promise<void> {
  const started: Component[] = [];
  try {
    for (const component of components) {
      started.push(component);
      await component.start();
    }
  } catch (error) {
    await stopAll(started);
    throw error;
  }
}

/** Stops in reverse order. */
export async function stopAll(components: readonly Component[]): Promise<void> {
  for (const component of [...components].reverse()) await component.stop();
}
