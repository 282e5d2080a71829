/** A temporary folder for an embedded PostgreSQL, which goes with `rmSync`. */
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function databaseFolder(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  // Where root runs the bench, the database's account must be able to enter, or its data moves to a place that nobody tidies.
  chmodSync(folder, 0o711);
  return folder;
}
