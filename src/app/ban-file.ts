/**
 * The operator's bans as a file: YAML, a list of `network`, `reason` and, where a ban ends, `until`. It is the operator's and may be edited
 * by hand; `sluice ban` keeps its comments. Written beside and renamed, so that an engine never reads half of it.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { Document, isSeq, parseDocument } from 'yaml';
import { z } from 'zod';
import { EdgeError, messageOf } from '../kit/edge-error.ts';
import { type Ban, isOver } from '../stratum/fairness/ban.ts';
import { networkKey } from '../stratum/fairness/networks.ts';

/** A list that people look after; who needs more needs a firewall. */
const BANS_MAX = 10_000;
const REASON_LENGTH_MAX = 200;

const banList = z
  .array(
    z.strictObject({
      network: z
        .string()
        .refine((text) => networkKey(text) !== undefined, 'expected an IP address or a network'),
      reason: z.string().max(REASON_LENGTH_MAX).default(''),
      until: z
        .union([z.string(), z.date()])
        .transform((value) => new Date(value).getTime())
        .refine((atMs) => Number.isFinite(atMs), 'expected a time such as 2027-01-31T12:00:00Z')
        .optional(),
    }),
  )
  .max(BANS_MAX);

/** A file that does not exist bans nobody. @throws EdgeError SLUICE_BAN_FILE */
export function readBans(file: string): Ban[] {
  return bansOf(open(file), file);
}

/** Replaces a ban of the same network. */
export function addBan(file: string, ban: Ban, nowUnixMs: number): void {
  change(file, (document, bans) => {
    const entry = {
      network: ban.network,
      reason: ban.reason,
      ...(ban.untilUnixMs === undefined ? {} : { until: new Date(ban.untilUnixMs).toISOString() }),
    };
    remove(document, bans, (old) => isSame(old, ban.network) || isOver(old, nowUnixMs));
    document.add(document.createNode(entry));
  });
}

/** False: there was none. */
export function removeBan(file: string, network: string): boolean {
  let found = false;
  change(file, (document, bans) => {
    found = remove(document, bans, (old) => isSame(old, network)) > 0;
  });
  return found;
}

function isSame(ban: Ban, network: string): boolean {
  return networkKey(ban.network) === networkKey(network);
}

function remove(document: Document, bans: readonly Ban[], matches: (ban: Ban) => boolean): number {
  const gone = bans.flatMap((ban, index) => (matches(ban) ? [index] : []));
  for (const index of gone.toReversed()) document.delete(index);
  return gone.length;
}

function change(file: string, edit: (document: Document, bans: readonly Ban[]) => void): void {
  const document = open(file);
  edit(document, bansOf(document, file));
  bansOf(document, file);
  const beside = `${file}.${process.pid}.new`;
  try {
    writeFileSync(beside, document.toString(), { mode: 0o644 });
    renameSync(beside, file);
  } catch (error) {
    throw fault(file, messageOf(error), error);
  }
}

function open(file: string): Document {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw fault(file, messageOf(error), error);
    text = '';
  }
  const document = parseDocument(text, { prettyErrors: true });
  const [first] = document.errors;
  if (first !== undefined) throw fault(file, first.message, first);
  return isSeq(document.contents) ? (document as Document) : emptyList(document, file);
}

function emptyList(document: ReturnType<typeof parseDocument>, file: string): Document {
  if (document.contents !== null && document.toJS() !== null)
    throw fault(file, 'expected a list of bans', undefined);
  const list = new Document([]);
  list.commentBefore =
    document.commentBefore ?? ' Networks that may not connect; `sluice ban` writes this, and so may you.';
  return list;
}

function bansOf(document: Document, file: string): Ban[] {
  const parsed = banList.safeParse(document.toJS());
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw fault(file, faults.join('; '), parsed.error);
  }
  return parsed.data.map(({ network, reason, until }) => ({
    network,
    reason,
    ...(until === undefined ? {} : { untilUnixMs: until }),
  }));
}

function fault(file: string, text: string, cause: unknown): EdgeError {
  return new EdgeError(
    'SLUICE_BAN_FILE',
    `${file}: ${text}`,
    'a list of network, reason and until; `sluice ban add` writes one',
    cause,
  );
}
