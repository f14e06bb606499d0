/** The place that Docker leaves to others: our rules come and go, nobody else's are touched. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { closeDockerFirewall, openDockerFirewall } from '../../../../node-agent/network/docker-firewall.ts';
import { createShellRecorder } from '../../../support/shell-recorder.ts';

const OTHERS = [
  '-A DOCKER-USER -s 192.168.1.0/24 -j DROP',
  '-A DOCKER-USER -s 10.42.0.0/16 -m comment --comment "mine, not bramble" -j DROP',
  '-A DOCKER-USER -d 10.130.0.0/16 -m comment --comment bramble-ab12 -j ACCEPT',
];

interface Chains {
  iptables?: string[];
  ip6tables?: string[];
}

/** The chain as iptables shows it; without one it says what it says then. */
function createFirewall(chains: Chains) {
  return createShellRecorder((run) => {
    const [program = ''] = run.split(' ');
    const rules = chains[program as keyof Chains];
    if (rules === undefined) return { code: 1, stderr: 'iptables: No chain/target/match by that name.' };
    const change = / -(I|D) DOCKER-USER (.*)$/.exec(run);
    if (change === null) return { stdout: ['-N DOCKER-USER', ...rules, ''].join('\n') };
    const line = `-A DOCKER-USER ${change[2]}`;
    if (change[1] === 'I') rules.unshift(line);
    else rules.splice(rules.indexOf(line), 1);
    return undefined;
  });
}

const changesOf = (runs: readonly string[]): string[] => runs.filter((run) => !run.includes(' -S '));
const rulesFor = (range: string): string[] =>
  ['-d', '-s'].map((end) => `-A DOCKER-USER ${end} ${range} -m comment --comment bramble -j ACCEPT`);

describe("Docker's firewall", () => {
  it('is opened for the pods, in both directions, before what others say', async () => {
    const chains = { iptables: [...OTHERS], ip6tables: [] };
    const { shell, runs } = createFirewall(chains);
    await openDockerFirewall(shell, { comment: 'bramble', clusterRanges: ['10.42.0.0/16', 'FD42::7/56'] });
    assert.deepEqual(chains, { iptables: [...rulesFor('10.42.0.0/16'), ...OTHERS], ip6tables: rulesFor('fd42::/56') });
    const count = runs.length;
    await openDockerFirewall(shell, { comment: 'bramble', clusterRanges: ['10.42.0.0/16', 'FD42::7/56'] });
    assert.deepEqual(changesOf(runs.slice(count)), [], 'a second look changes nothing');
    assert.ok(
      runs.every((run) => / -w 5 /.test(run)),
      'others may hold the lock for a moment',
    );
  });

  it('rules of ranges that the cluster has no more go; so does all when it is closed', async () => {
    const chains = { iptables: [...rulesFor('10.99.0.0/16'), ...OTHERS] };
    const { shell } = createFirewall(chains);
    await openDockerFirewall(shell, { comment: 'bramble', clusterRanges: ['10.42.0.0/16'] });
    assert.deepEqual(chains.iptables, [...rulesFor('10.42.0.0/16'), ...OTHERS]);
    await closeDockerFirewall(shell, 'bramble');
    assert.deepEqual(chains.iptables, OTHERS);
  });

  it('rules are known with and without quotes around their comment', async () => {
    const quoted = rulesFor('10.42.0.0/16').map((rule) => rule.replace('--comment bramble ', '--comment "bramble" '));
    const { shell, runs } = createFirewall({ iptables: quoted });
    await openDockerFirewall(shell, { comment: 'bramble', clusterRanges: ['10.42.0.0/16'] });
    assert.deepEqual(changesOf(runs), []);
  });

  it('a machine without the chain, or without iptables, is left alone', async () => {
    for (const answer of [{ code: 1 }, { code: -1 }]) {
      const { shell, runs } = createShellRecorder(() => answer);
      await openDockerFirewall(shell, { comment: 'bramble', clusterRanges: ['10.42.0.0/16', 'fd42::/56'] });
      assert.deepEqual(changesOf(runs), []);
    }
  });
});
