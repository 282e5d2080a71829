/**
 * Whether this database is the one that the payer last wrote to, and whether it fits the chain. In flow the database, a note on
 * disk and the treasury's outputs; out flows nothing, or SLUICE_LEDGER_BEHIND.
 *
 * A database restored from a backup of last night looks sound in itself: its hash chain holds, its sums agree. But it would pay
 * last night's balances again. Two things know better: the note of the ledger's end, which lies on the payer's disk and not in the
 * database, and the chain, where the outputs that such a database believes to have are spent.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { EdgeError, messageOf } from '../kit/edge-error.ts';
import type { ReservedConnection } from '../ledger/stores/postgres.ts';
import type { PayoutChain } from './payout-chain.ts';
import type { PayoutStore } from './payout-store.ts';
import { outpointKey } from './plan.ts';

interface Head {
  readonly id: bigint;
  readonly hash: string;
}

const FILE = 'ledger-head.json';
const REMEDY =
  'Was an older backup restored? Find the newer database, or bring this one up to date by hand. Has another wallet spent an output? `sluice payout lost` writes it off. docs/PAYOUTS.md says more. Nothing was paid.';

export class LedgerHeadNote {
  readonly #folder: string;
  #written: bigint | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * False: there is no note, so nothing is proved.
   *
   * @throws EdgeError SLUICE_LEDGER_BEHIND, or SLUICE_LEDGER_NOTE when the note cannot be read
   */
  async check(sql: ReservedConnection): Promise<boolean> {
    const noted = this.#read();
    if (!noted) return false;
    const head = await headOf(sql);
    if (head.id < noted.id) {
      throw behind(
        `the ledger ends at transaction ${head.id}, and this payer has already seen transaction ${noted.id}`,
      );
    }
    const [row] = await sql<{ hash: string }[]>`
      SELECT encode(hash, 'hex') AS hash FROM ledger_transactions WHERE id = ${noted.id}`;
    if (noted.id > 0n && row?.hash !== noted.hash)
      throw behind(`transaction ${noted.id} of the ledger is another one than this payer has seen`);
    return true;
  }

  /** Replaces the note, durably; costs a sync of the disk, and only when the ledger has moved. */
  async write(sql: ReservedConnection): Promise<void> {
    const head = await headOf(sql);
    if (head.id === this.#written) return;
    const path = join(this.#folder, FILE);
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      const file = openSync(`${path}.new`, 'w', 0o600);
      writeSync(file, `${JSON.stringify({ id: String(head.id), hash: head.hash })}\n`);
      fsyncSync(file);
      closeSync(file);
      renameSync(`${path}.new`, path);
    } catch (error) {
      throw noteFault(path, error);
    }
    this.#written = head.id;
  }

  #read(): Head | undefined {
    const path = join(this.#folder, FILE);
    try {
      const { id, hash } = JSON.parse(readFileSync(path, 'utf8')) as { id: string; hash: string };
      return { id: BigInt(id), hash };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw noteFault(path, error);
    }
  }
}

async function headOf(sql: ReservedConnection): Promise<Head> {
  const [row] = await sql<{ id: bigint; hash: string }[]>`
    SELECT transaction_id AS id, encode(hash, 'hex') AS hash FROM ledger_head`;
  return row!;
}

/**
 * 'behind' when the node is not where the ledger is yet: then nothing can be said.
 * @throws EdgeError SLUICE_LEDGER_BEHIND when outputs that the ledger has are spent or were never there
 */
export async function checkAgainstChain(store: PayoutStore, chain: PayoutChain): Promise<'equal' | 'behind'> {
  const believed = await store.spendableOutputs();
  const newest = believed.reduce((most, { daaScore }) => (daaScore > most ? daaScore : most), 0n);
  if ((await chain.virtualDaaScore()) < newest) return 'behind';
  const there = new Set((await chain.treasuryOutputs()).map(outpointKey));
  const missing = believed.filter((output) => !there.has(outpointKey(output)));
  if (missing.length === 0) return 'equal';
  throw behind(
    `${missing.length} of ${believed.length} outputs that the ledger holds for unspent are not on the chain, e.g. ${outpointKey(missing[0]!)}`,
  );
}

/** Half of the least change that a payout leaves. */
const CHANGE_PERHAPS_SOMPI = 10_000_000n;

/**
 * Where no note proves that this is the newest ledger: a halt, if something at the treasury may be the change of a payout that this
 * database has forgotten. Such a payout need not have spent an output that an older ledger knows: it may have spent what matured
 * since, and then nothing is missing. A deposit that came while no payer ran looks the same; a person can tell, and clears the halt.
 */
export async function haltWhereUnproved(
  sql: ReservedConnection,
  store: PayoutStore,
  chain: PayoutChain,
): Promise<void> {
  if ((await store.balances()).length === 0) return;
  const foreign = (await chain.treasuryOutputs()).filter(
    ({ isCoinbase, amountSompi }) => !isCoinbase && amountSompi >= CHANGE_PERHAPS_SOMPI,
  );
  const txids = foreign.map(({ txid }) => txid);
  const known = await sql<{ txid: string }[]>`
    SELECT txid FROM treasury_outputs WHERE txid = ANY (${txids}::text[])
    UNION SELECT txid FROM payouts WHERE txid = ANY (${txids}::text[])`;
  const ours = new Set(known.map(({ txid }) => txid));
  const unknown = foreign.filter(({ txid }) => !ours.has(txid));
  if (unknown.length === 0) return;
  await store.raiseHalt(
    'LEDGER_UNPROVED',
    `no note of the ledger's end, and ${unknown.length} outputs at the treasury that may be change of payouts it has forgotten, e.g. ${outpointKey(unknown[0]!)}`,
    'payer',
  );
}

function behind(fault: string): EdgeError {
  return new EdgeError('SLUICE_LEDGER_BEHIND', fault, REMEDY);
}

function noteFault(path: string, error: unknown): EdgeError {
  return new EdgeError(
    'SLUICE_LEDGER_NOTE',
    `the note of the ledger's end cannot be used, ${path}: ${messageOf(error)}`,
    'payouts.stateDirectory must be a folder that the payer may write to.',
    error,
  );
}
