/** What `bramble doctor` found, one thing a line, and what to do about it. */
export interface Finding {
  name: string;
  /** `warning`: it works, but not well. */
  result: 'fine' | 'warning' | 'problem';
  message: string;
  hint?: string;
}

const SYMBOLS: Record<Finding['result'], string> = { fine: '✓', warning: '!', problem: '✗' };

export function renderFinding({ result, name, message, hint }: Finding): string {
  const advice = hint === undefined ? '' : `    → ${hint}\n`;
  return `${SYMBOLS[result]} ${name}: ${message}\n${advice}`;
}
