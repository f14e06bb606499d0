/** Which ports `bramble port-forward` means. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { portOf, targetPortOf } from '../../../cli/api/forward-target.ts';
import { parsePortPair } from '../../../cli/commands/port-forward.ts';
import { Failure } from '../../../cli/failure.ts';

describe('ports', () => {
  const pairs: [string, number, string][] = [
    ['8080:80', 8080, '80'],
    ['80', 80, '80'],
    [':80', 0, '80'],
    ['http', 0, 'http'],
    ['9000:http', 9000, 'http'],
  ];
  for (const [text, local, remote] of pairs) {
    it(text, () => assert.deepEqual(parsePortPair(text), { local, remote }));
  }
  for (const text of ['', '80:', '1:2:3', '70000', '80:70000', '80:0', 'a:80', '-1']) {
    it(`${text} is refused`, () => assert.throws(() => parsePortPair(text), Failure));
  }
});

describe('what they lead to', () => {
  const service = {
    spec: { ports: [{ name: 'web', port: 80, targetPort: 'http' }, { port: 443, targetPort: 8443 }, { port: 9 }] },
  };
  const pod = {
    metadata: { name: 'web-1' },
    spec: { containers: [{ ports: [{ name: 'http', containerPort: 8080 }] }, {}] },
  };
  it('through a service', () => {
    const found = ['80', 'web', '443', '9'].map((remote) => targetPortOf(service, remote, 'svc/web'));
    assert.deepEqual(found, ['http', 'http', '8443', '9']);
    assert.throws(() => targetPortOf(service, '81', 'svc/web'), { hint: 'it has 80, 443, 9' });
  });
  it('in a pod', () => {
    assert.equal(portOf(pod, 'http'), 8080);
    assert.equal(portOf(pod, '7'), 7);
    assert.throws(() => portOf(pod, 'smtp'), /pod web-1 has no port named smtp/);
  });
});
