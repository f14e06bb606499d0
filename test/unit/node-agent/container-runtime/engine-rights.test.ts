/** When it is known beforehand that the engine may not lower oom_score_adj. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { isOomScoreRefused } from '../../../../node-agent/container-runtime/engine-rights.ts';

const FULL = 'CapBnd:\t000001ffffffffff\n';
/** All but CAP_SYS_RESOURCE. */
const REDUCED = 'Name:\tdockerd\nCapBnd:\t000001fffeffffff\nCapAmb:\t0000000000000000\n';

interface Machine {
  command?: string;
  first?: string;
  engine?: string;
  pidFile?: string;
}

async function ask({ command = 'dockerd\n', first = REDUCED, engine = REDUCED, pidFile = '42' }: Machine) {
  const root = await mkdtemp(join(tmpdir(), 'rights-'));
  try {
    for (const pid of ['1', '42']) await mkdir(join(root, pid));
    await writeFile(join(root, '1/status'), first);
    await writeFile(join(root, '42/status'), engine);
    await writeFile(join(root, '42/comm'), command);
    await writeFile(join(root, 'docker.pid'), pidFile);
    return await isOomScoreRefused(join(root, 'docker.sock'), root);
  } finally {
    await rm(root, { recursive: true });
  }
}

it('is refused where neither the engine nor the first process could ever have the right', async () => {
  assert.equal(await ask({}), true);
});

it('is not known to be refused otherwise', async () => {
  assert.equal(await ask({ first: FULL }), false, 'what starts containers may have it');
  assert.equal(await ask({ engine: FULL }), false, 'the engine has it');
  assert.equal(await ask({ command: 'bash\n' }), false, 'the number is another process now');
  assert.equal(await ask({ pidFile: '7' }), false, 'the engine is behind another process namespace');
  assert.equal(await ask({ engine: '' }), false, 'the kernel says nothing');
});
