/** The file that tells a person why a board could not join: there exactly when a person must act. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import {
  createIdentityFiles,
  IdentityError,
  type IdentityErrorReason,
} from '../../../../node-agent/identity/identity-files.ts';
import { readTokenFile, reportingJoin } from '../../../../node-agent/identity/join-report.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bramble-join-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const report = (): Promise<string | undefined> => readFile(join(folder, 'join-problem'), 'utf8').catch(() => undefined);

const fail = (reason: IdentityErrorReason) => () => Promise.reject(new IdentityError(reason, `because of ${reason}`));

for (const reason of ['bad-token', 'wrong-ca', 'denied'] as const) {
  test(`${reason} is written down, and taken away by the next success`, async () => {
    const files = createIdentityFiles(folder);
    await assert.rejects(reportingJoin(files, fail(reason)), IdentityError);
    assert.equal(await report(), `because of ${reason}\n`);
    assert.equal(await reportingJoin(files, async () => 'joined'), 'joined');
    assert.equal(await report(), undefined);
  });
}

test('what another try may mend is not written down', async () => {
  await assert.rejects(reportingJoin(createIdentityFiles(folder), fail('in-use')), IdentityError);
  assert.equal(await report(), undefined);
});

test('a token file is read without its line end; none is no error: the board has joined', async () => {
  await writeFile(join(folder, 'token'), 'bramble:x\n');
  assert.equal(await readTokenFile(join(folder, 'token')), 'bramble:x');
  assert.equal(await readTokenFile(join(folder, 'gone')), undefined);
  assert.equal(await readTokenFile(undefined), undefined);
  await assert.rejects(readTokenFile(folder), IdentityError);
});
