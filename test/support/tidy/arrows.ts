/** The import arrows of the design: who may import whom, type imports included. */
import { importsOf } from './imports.ts';
import type { Finding, SourceFile } from './source-file.ts';

/** A room imports only rooms to its left. */
const SHARED_ROOMS = ['platform', 'machinery', 'schema', 'api', 'protocol', 'client'];

/** Exactly these, beside shared and a room's own folder. */
const EXTRA_ARROWS: Readonly<Record<string, readonly string[]>> = {
  'master/apiserver': ['master/store'],
  'master/gateway': ['master/broker', 'master/apiserver'],
  // What the cluster is like is told to the sessions of the broker.
  'master/mqtt-state': ['master/broker'],
  // `bramble flash` is the command line's face of the firmware scripts.
  cli: ['firmware-scripts'],
  'node-agent/kubelet': ['node-agent/container-runtime', 'node-agent/sensors'],
};

/** The command line and the firmware scripts are one room each; master and node-agent have a room a folder. */
const WHOLE_ROOMS = ['cli', 'firmware-scripts', 'test'];

/** Composition: main.ts and the files beside it, of which main.ts is made, reach into every room of their program. */
const COMPOSITIONS = ['master', 'node-agent'];

/** `shared/api/pod.ts` is in `shared/api`, `cli/commands/get.ts` in `cli`, `master/main.ts` in `master`. */
export function roomOf(path: string): string {
  const parts = path.split('/');
  const top = parts[0] ?? '';
  return parts.length < 3 || WHOLE_ROOMS.includes(top) ? top : `${top}/${parts[1]}`;
}

export function findForbiddenArrows(file: SourceFile): Finding[] {
  const room = roomOf(file.path);
  // Tests look into every room.
  if (room === 'test') return [];
  return importsOf(file)
    .filter(({ relative, target }) => relative && !isAllowed(room, roomOf(target)))
    .map(({ target, line }) => ({
      path: file.path,
      line,
      rule: 'arrow',
      message: `${room} may not import ${roomOf(target)} (${target})`,
    }));
}

function isAllowed(from: string, to: string): boolean {
  if (from === to || EXTRA_ARROWS[from]?.includes(to)) return true;
  if (COMPOSITIONS.includes(from) && to.startsWith(`${from}/`)) return true;
  if (!to.startsWith('shared/')) return false;
  if (!from.startsWith('shared/')) return true;
  return sharedRank(to) !== -1 && sharedRank(to) < sharedRank(from);
}

function sharedRank(room: string): number {
  return SHARED_ROOMS.indexOf(room.slice('shared/'.length));
}
