/** How verbs come to the ledger of a configuration: a look at it, or the lead for one order. Neither waits for the other. */
import { hostname } from 'node:os';
import type { Command } from 'commander';
import { databaseUrlOf, loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { EdgeError } from '../kit/edge-error.ts';
import { Lead } from '../ledger/lead.ts';
import { type Order, obey } from '../ledger/settlement/operator-orders.ts';
import { type Database, openDatabase, toDatabaseError } from '../ledger/stores/postgres.ts';
import { askPayer } from '../payout/payout-requests.ts';

/** The payer looks once a second, and an audit or a large settlement may be before us. */
const ORDER_PATIENCE_MS = 60_000;

/** The group of verbs of that name; several files add to one. */
export function verbGroup(program: Command, name: string, description: string): Command {
  return (
    program.commands.find((command) => command.name() === name) ??
    program.command(name).description(description)
  );
}

export async function withLedger<T>(
  file: string,
  work: (sql: Database, config: Config) => Promise<T>,
): Promise<T> {
  const { config, url } = ledgerOf(file);
  const sql = openDatabase(url, { max: 1, applicationName: 'sluice' });
  try {
    return await work(sql, config);
  } catch (error) {
    throw toDatabaseError(error, url);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** @throws EdgeError SLUICE_LEAD_TAKEN while a payer runs */
export async function withLead<T>(
  file: string,
  verb: string,
  work: (lead: Lead, config: Config) => Promise<T>,
): Promise<T> {
  const { config, url } = ledgerOf(file);
  let lead: Lead | undefined;
  try {
    lead = await Lead.take(url, `${verb} on ${hostname()}, process ${process.pid}`);
    return await work(lead, config);
  } catch (error) {
    throw toDatabaseError(error, url);
  } finally {
    lead?.close();
  }
}

/** Who gave an order, as far as the system knows. */
export function operatorName(): string {
  return `${process.env.SUDO_USER ?? process.env.USER ?? 'operator'}@${hostname()}`;
}

function ledgerOf(file: string): { config: Config; url: string } {
  const config = loadConfig(file);
  const url = databaseUrlOf(config, process.env);
  if (url !== undefined) return { config, url };
  throw new EdgeError(
    'SLUICE_OPTION_INVALID',
    'this configuration uses an embedded PostgreSQL, which only runs while the engine does',
  );
}

/** Obeyed here when no payer runs, and by the payer otherwise. Prints what came of it; exit code 1 when it was not done. */
export async function giveOrder(file: string, order: Order): Promise<void> {
  const { url } = ledgerOf(file);
  let outcome: string;
  try {
    outcome = await withLead(file, `sluice order ${order.order}`, (lead) =>
      obey(lead, order, String(Date.now())),
    );
  } catch (error) {
    if (!(error instanceof EdgeError) || error.code !== 'SLUICE_LEAD_TAKEN') throw error;
    const sql = openDatabase(url, { max: 1, applicationName: 'sluice order' });
    try {
      const request = { verb: 'order', order, reason: '', requestedBy: operatorName() } as const;
      outcome = await askPayer(sql, request, ORDER_PATIENCE_MS);
    } finally {
      await sql.end({ timeout: 5 });
    }
  }
  process.stdout.write(`${outcome}\n`);
  if (outcome.startsWith('not done')) process.exitCode = 1;
}
