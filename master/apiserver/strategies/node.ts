/** Nodes: a board registers itself together with what it has observed. */
import type { Strategy } from '../registry/strategy.ts';

export const nodeStrategy: Strategy = { keepsStatusOnCreate: true, hasGeneration: false };
