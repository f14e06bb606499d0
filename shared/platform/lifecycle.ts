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
    // What made the start fail is what has to be heard of.
    await stopAll(started).catch(() => undefined);
    throw error;
  }
}

/** Stops in reverse order: all of them, also when one fails. Then throws its error, or an AggregateError of several. */
export async function stopAll(components: readonly Pick<Component, 'stop'>[]): Promise<void> {
  const errors: unknown[] = [];
  for (const component of [...components].reverse()) {
    try {
      await component.stop();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 1)
    throw new AggregateError(errors, `${errors.length} parts did not end well: ${errors.join('; ')}`);
  if (errors.length === 1) throw errors[0];
}
