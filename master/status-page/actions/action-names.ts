/** The words of what can be done on the page: the door accepts no other, and the page has a sentence for each. */
export const ACTIONS = [
  'restart',
  'scale',
  'cordon',
  'uncordon',
  'drain',
  'reboot',
  'delete',
  'approve',
  'deny',
] as const;

export type Action = (typeof ACTIONS)[number];

export function isAction(value: unknown): value is Action {
  return ACTIONS.some((action) => action === value);
}
