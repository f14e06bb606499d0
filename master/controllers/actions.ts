/**
 * Plans as values: a controller's map of action names to their data gives the tagged union of its actions and the type of
 * the one table that executes them, so that an action without an executor does not compile.
 */
export type ActionOf<Actions, Name extends keyof Actions = keyof Actions> = {
  [Key in Name]: { type: Key } & Actions[Key];
}[Name];

export type Executors<Actions> = {
  [Key in keyof Actions]: (action: ActionOf<Actions, Key>) => Promise<void>;
};

export function execute<Actions, Name extends keyof Actions>(
  executors: Executors<Actions>,
  action: ActionOf<Actions, Name>,
): Promise<void> {
  return executors[action.type](action);
}

/** One after the other; the first failure ends the plan, the next look at the state makes a new one. */
export async function executeAll<Actions>(
  executors: Executors<Actions>,
  actions: readonly ActionOf<Actions>[],
): Promise<void> {
  for (const action of actions) await execute(executors, action);
}
