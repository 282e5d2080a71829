/** Compares the three truths. Pure. */
import type { ClientTruth } from './client-truth.ts';
import type { DatabaseTruth } from './database-truth.ts';
import type { JournalTruth } from './journal-truth.ts';

export interface KillVerdict {
  readonly acknowledged: number;
  readonly journalled: number;
  readonly blocks: number;
  /** Acknowledged shares that journal or database do not have. */
  readonly lost: number;
  /** Shares that client, journal or database has twice. */
  readonly doubled: number;
  /** Everything else that is wrong, in sentences. */
  readonly faults: readonly string[];
}

/** How many keys of a fault are named: enough to look for. */
const NAMED = 5;

export function compareTruths(
  client: Pick<ClientTruth, 'sent' | 'acknowledged' | 'acknowledgedTwice'>,
  journal: Pick<JournalTruth, 'shares' | 'doubled' | 'blocks' | 'blocksDoubled' | 'damaged'>,
  database: DatabaseTruth,
): KillVerdict {
  const faults: string[] = [];
  const tell = (what: string, keys: readonly string[]): number => {
    if (keys.length > 0) faults.push(`${keys.length} ${what}: ${keys.slice(0, NAMED).join(', ')}`);
    return keys.length;
  };
  const notIn = (keys: Iterable<string>, other: { has(key: string): boolean }): string[] =>
    [...keys].filter((key) => !other.has(key));
  const lost = new Set([
    ...notIn(client.acknowledged, journal.shares),
    ...notIn(client.acknowledged, database.shares),
  ]);
  const doubled = new Set([...client.acknowledgedTwice, ...journal.doubled, ...database.doubled]);

  tell('acknowledged shares are not in journal and database', [...lost]);
  tell('shares are there twice', [...doubled]);
  tell('shares are in the journal and not in the database', notIn(journal.shares.keys(), database.shares));
  tell('shares are in the database and not in the journal', notIn(database.shares.keys(), journal.shares));
  tell('shares are in the journal that no client sent', notIn(journal.shares.keys(), client.sent));
  const changed = [...journal.shares].filter(([key, share]) => {
    const row = database.shares.get(key);
    return (
      row &&
      (row.login !== share.login || row.place !== share.place || row.difficultyLog2 !== share.difficultyLog2)
    );
  });
  tell(
    'shares differ between journal and database',
    changed.map(([key]) => key),
  );
  const misattributed = [...journal.shares].filter(([key, share]) => client.sent.get(key) !== share.login);
  tell(
    'shares stand under another worker than sent them',
    misattributed.map(([key]) => key),
  );

  tell('block candidates are in the journal twice', journal.blocksDoubled);
  tell(
    'block candidates are in the journal and not in the database',
    notIn(journal.blocks.keys(), database.blocks),
  );
  // A block found in the last instant may have reached the database and not the disk of the journal; sent it was all the same.
  const unsent = [...database.blocks].filter(([, key]) => !client.sent.has(key));
  tell(
    'blocks are in the database that no client sent',
    unsent.map(([hash]) => hash),
  );

  if (journal.damaged > 0) faults.push(`${journal.damaged} journal slots are damaged`);
  if (database.wrongSums > 0)
    faults.push(`${database.wrongSums} rows of share_sums differ from their shares`);
  return {
    acknowledged: client.acknowledged.size,
    journalled: journal.shares.size,
    blocks: database.blocks.size,
    lost: lost.size,
    doubled: doubled.size,
    faults,
  };
}
