/**
 * The books of the demo's chain. The simulated node keeps nothing: each start is the first block of a new chain, and the rewards of
 * the one before exist nowhere any more. Books that went on would owe money that no chain holds, and the payer would rightly stop.
 * So each chain has a database and a journal of its own, named by the moment it began:
 *
 *   .sluice/pg18            the server, with a database chain_20261130_091500 for each chain
 *   .sluice/chains/20261130_091500/journal, payer
 *
 * Those of the chain before are kept to be looked at; older ones are deleted. It must never touch anything else.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../kit/log.ts';
import { migrate } from '../ledger/migrate.ts';
import { openDatabase } from '../ledger/stores/postgres.ts';

export interface DemoChain {
  readonly name: string;
  readonly databaseUrl: string;
  readonly journal: string;
  /** Where the payer notes the end of the ledger. */
  readonly payerState: string;
}

const NAME = /^\d{8}_\d{6}$/;
/** This one and the one before. */
const KEPT = 2;

/** @param serverUrl of a database on the server; nobody else may be starting a chain there */
export async function beginChain(
  chainsFolder: string,
  serverUrl: string,
  nowMs: number,
  log: Logger,
): Promise<DemoChain> {
  const name = new Date(nowMs).toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '_');
  const folder = join(chainsFolder, name);
  const chain: DemoChain = {
    name,
    databaseUrl: urlOf(serverUrl, name),
    journal: join(folder, 'journal'),
    payerState: join(folder, 'payer'),
  };
  for (const path of [chain.journal, chain.payerState]) mkdirSync(path, { recursive: true, mode: 0o700 });
  const server = openDatabase(serverUrl, { max: 1, applicationName: 'sluice demo' });
  try {
    for (const old of dropList(chainsFolder)) {
      await server.unsafe(`DROP DATABASE IF EXISTS ${databaseOf(old)} WITH (FORCE)`);
      rmSync(join(chainsFolder, old), { recursive: true, force: true });
    }
    await server.unsafe(`CREATE DATABASE ${databaseOf(name)}`);
  } finally {
    await server.end({ timeout: 5 });
  }
  const books = openDatabase(chain.databaseUrl, { max: 2, applicationName: 'sluice demo' });
  try {
    // Engine and payer start side by side; neither has to wait for the other's tables.
    await migrate(books, { log });
  } finally {
    await books.end({ timeout: 5 });
  }
  return chain;
}

/** Oldest first; names sort by time. */
function dropList(chainsFolder: string): string[] {
  return readdirSync(chainsFolder)
    .filter((one) => NAME.test(one))
    .sort()
    .slice(0, -KEPT);
}

/** Digits only: nothing to quote. */
function databaseOf(name: string): string {
  return `chain_${name}`;
}

function urlOf(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${databaseOf(name)}`;
  return url.href;
}
