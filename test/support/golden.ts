/** Golden files: what was looked at once and found right. Made anew by deleting the file and running the test. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../golden');

/** `name`: path below test/golden. */
export function assertGolden(name: string, text: string): void {
  const path = join(FOLDER, name);
  let golden: string;
  try {
    golden = readFileSync(path, 'utf8');
  } catch {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return;
  }
  assert.equal(text, golden, `${name} has changed`);
}
