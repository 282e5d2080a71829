/**
 * 10, the journal's side: each segment that is loaded to its end has as many shares on the disk as in the tables, and what lies there
 * is sound. In flows a view that names journal folders, out flow sentences; without folders, nothing. Looks only.
 */
import { inspectSegments } from '../../journal/inspect.ts';
import { verifyJournal } from '../../journal/verify.ts';
import { type AuditView, ROWS_NAMED } from './audit-view.ts';

export async function unequalJournals(view: AuditView): Promise<string[]> {
  const found: string[] = [];
  for (const folder of view.journals) {
    found.push(...(await unequalSegments(view, folder)));
    const { faults } = await verifyJournal(folder);
    found.push(...faults.map((fault) => `the journal ${folder}: ${fault}`));
  }
  return found.slice(0, ROWS_NAMED);
}

/** Up to the mark, and without its own segment: how much of that one is loaded is told by the slot, not by a count. */
async function unequalSegments({ sql }: AuditView, folder: string): Promise<string[]> {
  const segments = (await inspectSegments(folder)).filter(({ opened }) => opened);
  const name = segments.find(({ headerReadable }) => headerReadable)?.instanceName;
  if (name === undefined) return [`the journal ${folder} holds no segment that can be read`];
  const [mark] = await sql<{ instance_id: number; segment: bigint }[]>`
    SELECT instance_id, segment FROM journal_progress JOIN instances ON id = instance_id WHERE name = ${name}`;
  if (!mark) return [`nothing of instance ${name} is loaded, whose journal ${folder} is`];
  const rows = await sql<{ segment: bigint; shares: bigint }[]>`
    SELECT segment, count(*) AS shares FROM shares
    WHERE instance_id = ${mark.instance_id} AND segment >= ${segments[0]!.segment} AND segment < ${mark.segment} GROUP BY segment`;
  const loaded = new Map(rows.map(({ segment, shares }) => [Number(segment), Number(shares)]));
  return segments
    .filter(({ segment, shares }) => segment < Number(mark.segment) && shares !== (loaded.get(segment) ?? 0))
    .map(
      ({ segment, shares }) =>
        `segment ${segment} of instance ${name} holds ${shares} shares, and ${loaded.get(segment) ?? 0} of it are in the tables`,
    );
}
