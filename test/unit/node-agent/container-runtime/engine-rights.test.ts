/** When it is known beforehand that the engine may not lower oom_score_adj. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { mayLowerOomScore } from '../../../../node-agent/container-runtime/engine-rights.ts';

const FULL = 'CapBnd:\t000001ffffffffff\n';
/** All but CAP_SYS_RESOURCE. */
const REDUCED = 'Name:\tdockerd\nCapBnd:\t000001fffeffffff\nCapAmb:\t0000000000000000\n';

interface Machine {
  command?: string;
  first?: string;
  engine?: string;
  /** Empty: there is none. */
  pidFile?: string;
  users?: string;
}

/** Every user of the machine is itself. */
const ALL_USERS = '         0          0 4294967295\n';

async function ask({
  command = 'dockerd\n',
  first = REDUCED,
  engine = REDUCED,
  pidFile = '42',
  users = ALL_USERS,
}: Machine) {
  const root = await mkdtemp(join(tmpdir(), 'rights-'));
  try {
    for (const pid of ['1', '42']) await mkdir(join(root, pid));
    await writeFile(join(root, '1/status'), first);
    await writeFile(join(root, '42/status'), engine);
    await writeFile(join(root, '42/comm'), command);
    await writeFile(join(root, '42/uid_map'), users);
    if (pidFile !== '') await writeFile(join(root, 'docker.pid'), pidFile);
    return await mayLowerOomScore(join(root, 'docker.sock'), root);
  } finally {
    await rm(root, { recursive: true });
  }
}

it('is refused where neither the engine nor the first process could ever have the right', async () => {
  assert.equal(await ask({}), false);
});

it('is granted where the engine has the right, and users are what they are', async () => {
  assert.equal(await ask({ first: FULL, engine: FULL }), true);
});

it('the engine is found by its name where it noted its number elsewhere', async () => {
  assert.equal(await ask({ first: FULL, engine: FULL, pidFile: '' }), true);
  assert.equal(await ask({ pidFile: '' }), false);
  assert.equal(await ask({ first: FULL, engine: FULL, pidFile: '', command: 'bash\n' }), undefined);
});

it('is not known otherwise', async () => {
  assert.equal(await ask({ first: FULL }), undefined, 'what starts containers may have it');
  assert.equal(await ask({ engine: FULL, users: '0 100000 65536\n' }), undefined, 'a right over its own users only');
  assert.equal(await ask({ command: 'bash\n' }), undefined, 'the number is another process now');
  assert.equal(await ask({ pidFile: '7' }), undefined, 'the engine is behind another process namespace');
  assert.equal(await ask({ engine: '' }), undefined, 'the kernel says nothing');
});
