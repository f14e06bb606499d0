/**
 * Docker closes FORWARD, and an "accept" in a table of our own does not open it again: every base chain decides for itself.
 * The one place that Docker leaves to others is the chain DOCKER-USER; there the pods' packets are let through, in the first
 * place, with our name on them. Nothing else of other people's tables is touched. Source: Docker, "Packet filtering and
 * firewalls".
 */
import { formatRange, parseRange } from '../../shared/machinery/ip-range.ts';
import type { Shell } from '../../shared/platform/shell.ts';

const CHAIN = 'DOCKER-USER';

export interface FirewallOptions {
  /** On the rules, to find them again. */
  comment: string;
  clusterRanges: readonly string[];
}

const PROGRAMS = { 4: 'iptables', 6: 'ip6tables' } as const;
const FAMILIES = [4, 6] as const;

/** Waits for others that hold the lock of iptables, as long as this. */
const LOCK_FLAGS = ['-w', '5'];

/** Rules that are missing are put in, those of other ranges taken out. A machine without Docker's rules needs none. */
export async function openDockerFirewall(shell: Shell, options: FirewallOptions): Promise<void> {
  for (const family of FAMILIES) {
    const present = await readOwnRules(shell, family, options.comment);
    if (present === undefined) continue;
    const wanted = options.clusterRanges
      .flatMap((text) => parseRange(text) ?? [])
      .filter((range) => range.family === family)
      .flatMap((range) => renderRules(formatRange(range), options.comment));
    for (const rule of present) if (!wanted.includes(rule)) await change(shell, family, '-D', rule);
    for (const rule of wanted) if (!present.includes(rule)) await change(shell, family, '-I', rule);
  }
}

export async function closeDockerFirewall(shell: Shell, comment: string): Promise<void> {
  await openDockerFirewall(shell, { comment, clusterRanges: [] });
}

/** As `iptables -S` prints them, without `-A CHAIN`. */
function renderRules(range: string, comment: string): string[] {
  return ['-s', '-d'].map((end) => `${end} ${range} -m comment --comment ${comment} -j ACCEPT`);
}

/** undefined: there is no such chain, or no iptables. */
async function readOwnRules(shell: Shell, family: 4 | 6, comment: string): Promise<string[] | undefined> {
  const { code, stdout } = await shell.run(PROGRAMS[family], [...LOCK_FLAGS, '-S', CHAIN]);
  if (code !== 0) return undefined;
  const own = ` --comment ${comment} `;
  return stdout
    .split('\n')
    .map((line) => line.replace(/--comment "([^"]*)"/, '--comment $1'))
    .filter((line) => line.startsWith(`-A ${CHAIN} `) && line.includes(own))
    .map((line) => line.slice(`-A ${CHAIN} `.length));
}

async function change(shell: Shell, family: 4 | 6, verb: '-I' | '-D', rule: string): Promise<void> {
  await shell.run(PROGRAMS[family], [...LOCK_FLAGS, verb, CHAIN, ...rule.split(' ')]);
}
