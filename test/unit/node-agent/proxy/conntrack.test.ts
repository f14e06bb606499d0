/** UDP flows that lead nowhere any more: which they are, and how the kernel is made to forget them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Conntrack } from '../../../../node-agent/proxy/kernel/conntrack.ts';
import { computeLostFlows } from '../../../../node-agent/proxy/kernel/lost-flows.ts';
import { computePortals } from '../../../../node-agent/proxy/services/compute-portals.ts';
import type { Portal } from '../../../../node-agent/proxy/services/portal.ts';
import { silentLogger } from '../../../../shared/platform/logger.ts';
import { makeService, makeSlice } from '../../../support/rulesets/objects.ts';
import { createShellRecorder } from '../../../support/shell-recorder.ts';

const DNS = { name: 'dns', protocol: 'UDP', port: 53, targetPort: 5353 } as const;
const TCP = { ...DNS, name: 'dns-tcp', protocol: 'TCP' } as const;

function portals(endpoints: readonly string[], spec: Parameters<typeof makeService>[1] = {}): Portal[] {
  const targets = [DNS, TCP].map(({ name, protocol }) => ({ name, protocol, port: 5353 }));
  const service = makeService('names', { clusterIP: '10.43.0.10', ports: [DNS, TCP], ...spec });
  return computePortals(service, [makeSlice('names', endpoints, targets)], { nodes: new Set(['here']), zone: 'house' });
}

const lost = (before: readonly Portal[], after: readonly Portal[]): string[] =>
  computeLostFlows(before, after).map(({ type, address, port }) => `${type} ${address} ${port}`);

describe('which flows are lost', () => {
  const both = portals(['10.42.1.5 there', '10.42.2.6 far']);

  it('those of targets that are no more, once each', () => {
    assert.deepEqual(lost(both, portals(['10.42.1.5 there'])), ['target 10.42.2.6 5353']);
    assert.deepEqual(lost(both, []), ['target 10.42.1.5 5353', 'target 10.42.2.6 5353']);
    assert.deepEqual(lost(both, both), []);
  });

  it('those that began before anybody led them, wherever they came in', () => {
    assert.deepEqual(lost([], both), ['missed 10.43.0.10 53']);
    assert.deepEqual(lost(portals(['10.42.1.5 there starting']), both), ['missed 10.43.0.10 53']);
    const outside = portals(['10.42.1.5 there'], {
      ...{ type: 'NodePort', externalIPs: ['203.0.113.9'] },
      ports: [{ ...DNS, nodePort: 30_053 }],
    });
    assert.deepEqual(lost(portals(['10.42.1.5 there']), outside), ['missed 203.0.113.9 53', 'missed  30053']);
  });

  it('a target on its way out goes when another one is ready', () => {
    const leaving = portals(['10.42.1.5 there leaving', '10.42.2.6 far starting']);
    assert.deepEqual(lost(both, leaving), ['target 10.42.2.6 5353']);
    assert.deepEqual(lost(leaving, portals(['10.42.1.5 there leaving', '10.42.2.6 far'])), ['target 10.42.1.5 5353']);
  });

  it('a nearer target takes clients from those elsewhere only when they are led nowhere else', () => {
    const nearer = portals(['10.42.0.4 here', '10.42.1.5 there', '10.42.2.6 far']);
    assert.deepEqual(lost(both, nearer), ['target 10.42.1.5 5353', 'target 10.42.2.6 5353']);
  });

  it('TCP ends by itself', () => {
    assert.deepEqual(lost(portals(['10.42.1.5 there'], { ports: [TCP] }), []), []);
    assert.deepEqual(lost([], portals(['10.42.1.5 there'], { ports: [TCP] })), []);
  });
});

const FLOW = { type: 'target', address: '10.42.1.5', port: 53 } as const;

describe('the kernel is made to forget', () => {
  it('one after the other, by who answers, or by who does not', async () => {
    const { shell, runs } = createShellRecorder(() => ({ code: 1, stderr: '0 flow entries have been deleted.' }));
    const conntrack = new Conntrack({ shell, logger: silentLogger });
    conntrack.clear([FLOW]);
    conntrack.clear([{ ...FLOW, address: 'fd42::5' }]);
    conntrack.clear([
      { type: 'missed', address: '203.0.113.9', port: 53 },
      { type: 'missed', address: '', port: 30_053 },
    ]);
    await conntrack.idle();
    assert.deepEqual(runs, [
      'conntrack -D -f ipv4 -p udp --reply-src 10.42.1.5 --reply-port-src 53',
      'conntrack -D -f ipv6 -p udp --reply-src fd42::5 --reply-port-src 53',
      'conntrack -D -f ipv4 -p udp --orig-dst 203.0.113.9 --orig-port-dst 53 --reply-src 203.0.113.9',
      'conntrack -D -f ipv4 -p udp --orig-port-dst 30053 --reply-port-src 30053',
      'conntrack -D -f ipv6 -p udp --orig-port-dst 30053 --reply-port-src 30053',
    ]);
    assert.equal(conntrack.problem, undefined, 'that there was no such flow is no failure');
  });

  it('nothing to forget does not keep it from forgetting later', async () => {
    const { shell, runs } = createShellRecorder();
    const conntrack = new Conntrack({ shell, logger: silentLogger });
    conntrack.clear([]);
    await conntrack.idle();
    conntrack.clear([FLOW]);
    await conntrack.idle();
    assert.equal(runs.length, 1);
  });

  it('never more than it can remember, and all of that', async () => {
    const { shell, runs } = createShellRecorder();
    const conntrack = new Conntrack({ shell, logger: silentLogger });
    const flows = Array.from({ length: 12_000 }, (_, index) => ({ ...FLOW, port: index }));
    conntrack.clear(flows);
    conntrack.clear(flows);
    await conntrack.idle();
    assert.ok(runs.length >= 10_000 && runs.length <= 10_001, `${runs.length}`);
  });

  it('says when the program is missing, and no more once it is there', async () => {
    let code = -1;
    const { shell } = createShellRecorder(() => ({ code }));
    const conntrack = new Conntrack({ shell, logger: silentLogger });
    conntrack.clear([FLOW]);
    await conntrack.idle();
    assert.match(conntrack.problem ?? '', /apt-get install conntrack/);
    code = 0;
    conntrack.clear([FLOW]);
    await conntrack.idle();
    assert.equal(conntrack.problem, undefined);
  });
});
