/** The scripts that run on boards: checked by shellcheck, strict about errors, and with a usage text. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const runFile = promisify(execFile);

async function findScripts(pattern: string): Promise<string[]> {
  const found: string[] = [];
  for await (const path of glob(pattern, { cwd: ROOT })) found.push(path);
  return found.sort();
}

test('shellcheck finds nothing', async () => {
  const scripts = [
    ...(await findScripts('firmware-scripts/**/*.sh')),
    ...(await findScripts('firmware-scripts/bundle/deb/*')),
    ...['firmware-scripts/bundle/bramble', 'cli/bramble', 'cli/with-node', 'test/run'],
    ...(await findScripts('test/support/firmware/*.sh')),
  ];
  assert.ok(scripts.length >= 8, scripts.join(' '));
  await runFile('shellcheck', ['--external-sources', '--source-path=SCRIPTDIR', ...scripts], { cwd: ROOT }).catch(
    (error) => assert.fail(String(error.stdout)),
  );
});

test('scripts of boards end at the first error and explain themselves', async () => {
  for (const path of await findScripts('firmware-scripts/**/*.sh')) {
    const text = await readFile(join(ROOT, path), 'utf8');
    assert.match(text, /^set -euo pipefail$/m, path);
    const { stdout } = await runFile('bash', [join(ROOT, path), '--help']);
    assert.match(stdout, /^Usage: /, path);
    await assert.rejects(runFile('bash', [join(ROOT, path), '--no-such-flag']), { code: 64 }, path);
  }
});
