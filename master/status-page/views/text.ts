/** Texts from the cluster, cut to what a page can show: names and messages are as long as their writers like. */
export const MAX_TEXT_LENGTH = 400;
export const MAX_LABELS = 16;

/** At most `limit` UTF-16 units, never half a character. */
export function shorten(text: string | undefined, limit = MAX_TEXT_LENGTH): string {
  if (text === undefined) return '';
  if (text.length <= limit) return text;
  return `${text.slice(0, limit - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

export function shortenMap(map: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(map ?? {})
      .slice(0, MAX_LABELS)
      .map(([key, value]) => [shorten(key), shorten(value)]),
  );
}
