/** Topic filters. Source: MQTT 3.1.1, section 4.7. */

/** Whether a subscription to `filter` gets messages of `topic`. */
export function filterMatches(filter: string, topic: string): boolean {
  const wanted = filter.split('/');
  const levels = topic.split('/');
  // 4.7.2: wildcards in the first level do not match topics of the broker's own.
  if (topic.startsWith('$') && (wanted[0] === '#' || wanted[0] === '+')) return false;
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return true;
    if (index >= levels.length || (level !== '+' && level !== levels[index])) return false;
  }
  return wanted.length === levels.length;
}

/** 4.7.1: # is a whole level and the last one, + is a whole level. */
export function isValidFilter(filter: string): boolean {
  if (filter === '' || filter.includes('\0')) return false;
  const levels = filter.split('/');
  return levels.every((level, index) => {
    if (level.includes('#')) return level === '#' && index === levels.length - 1;
    return !level.includes('+') || level === '+';
  });
}

/** Whether every topic that `requested` matches is matched by `allowed` too: `home/#` covers `home/+/lamp`. */
export function filterCovers(allowed: string, requested: string): boolean {
  const may = allowed.split('/');
  const asked = requested.split('/');
  // 4.7.2 again: wildcards in the first level mean no topics of the broker's own.
  if (requested.startsWith('$') && (may[0] === '#' || may[0] === '+')) return false;
  for (const [index, level] of may.entries()) {
    if (level === '#') return true;
    const wanted = asked[index];
    if (wanted === undefined || wanted === '#' || (level !== '+' && level !== wanted)) return false;
  }
  return may.length === asked.length;
}
