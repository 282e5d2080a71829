/**
 * What a backup says of itself: written last, so a folder without one is no backup. In flows a folder, out flows a manifest whose
 * every file has been held against its checksum.
 *
 *   FOLDER/manifest.json            and manifest.json.sha256, as `sha256sum` writes it
 *   FOLDER/accounts.copy.gz, shares.copy.gz, ...    COPY text of each table, gzip
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { EdgeError, messageOf } from '../../kit/edge-error.ts';

const digits = z.string().regex(/^\d+$/);
const name = z.string().regex(/^[a-z_][a-z0-9_]*$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const manifestSchema = z.strictObject({
  format: z.literal(1),
  takenAt: z.string(),
  serverVersion: z.string(),
  migrations: z.array(z.strictObject({ version: z.number().int(), name: z.string(), sha256 })),
  /** End of the ledger: a payer that finds a database behind it on the chain refuses to start. */
  ledgerHead: z.strictObject({ transactionId: digits, hash: sha256 }),
  /** How far each engine's journal was loaded: from here on a restored database loads again. */
  marks: z.array(
    z.strictObject({
      instanceName: z.string(),
      segment: z.number().int(),
      slot: z.number().int(),
      boot: z.number().nullable(),
    }),
  ),
  /** UTC days that have partitions. */
  days: z.array(z.string().regex(/^\d{4}-\d\d-\d\d$/)),
  /** In the order in which they can be loaded: what is referred to comes first. */
  tables: z.array(
    z.strictObject({
      name,
      columns: z.array(name),
      rows: z.number().int(),
      file: z.string().regex(/^[a-z0-9_]+\.copy\.gz$/),
      sha256,
    }),
  ),
  sequences: z.array(z.strictObject({ table: name, column: name, lastValue: digits })),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type JournalMark = Manifest['marks'][number];

const MANIFEST_FILE = 'manifest.json';
/** Beside it and not in it: a bit that turns in a name or a mark would still be good JSON. */
const CHECKSUM_FILE = 'manifest.json.sha256';

export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  const sum = `${createHash('sha256').update(text).digest('hex')}  ${MANIFEST_FILE}\n`;
  await writeFile(join(folder, CHECKSUM_FILE), sum, { flush: true, mode: 0o600 });
  await writeFile(join(folder, MANIFEST_FILE), text, { flush: true, mode: 0o600 });
}

/** @throws EdgeError SLUICE_BACKUP_DAMAGED when a file is missing or is not what it was */
export async function readManifest(folder: string): Promise<Manifest> {
  let manifest: Manifest;
  try {
    const text = await readFile(join(folder, MANIFEST_FILE), 'utf8');
    const [expected] = (await readFile(join(folder, CHECKSUM_FILE), 'utf8')).split(' ');
    if (createHash('sha256').update(text).digest('hex') !== expected)
      throw new Error('it is not the file that was written');
    manifest = manifestSchema.parse(JSON.parse(text));
  } catch (error) {
    throw damaged(`${join(folder, MANIFEST_FILE)} cannot be read: ${messageOf(error)}`);
  }
  for (const { file, sha256: expected } of manifest.tables) {
    const found = await sha256Of(join(folder, file)).catch((error: unknown) => messageOf(error));
    if (found !== expected) throw damaged(`${join(folder, file)} is not the file that was written: ${found}`);
  }
  return manifest;
}

function damaged(message: string): EdgeError {
  return new EdgeError(
    'SLUICE_BACKUP_DAMAGED',
    message,
    'Use another backup, or a copy of this one from before the damage. Nothing was restored.',
  );
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
