/**
 * `sluice audit`: are the books sound? Looks at everything it is asked to, changes nothing but the list of audits and, when they are
 * not, the latch that stops payouts. Exit 0 clean, 1 not.
 */
import type { Command } from 'commander';
import { databaseUrlOf, loadConfig } from '../../config/load.ts';
import { sompiOf } from '../domain/money.ts';
import { EdgeError } from '../kit/edge-error.ts';
import { silentLogger } from '../kit/log.ts';
import { type AuditReport, reportText } from '../ledger/audit/audit-run.ts';
import { Auditor } from '../ledger/audit/auditor.ts';
import { type Database, openDatabase, toDatabaseError } from '../ledger/stores/postgres.ts';

interface Given {
  readonly config: string;
  readonly full?: boolean;
  readonly json?: boolean;
  readonly journal?: readonly string[];
}

export function addAuditVerb(program: Command): void {
  program
    .command('audit')
    .description(
      'check the invariants of the ledger; exit code 1 when one does not hold, and then payouts are halted',
    )
    .requiredOption('--config <file>', 'configuration that names the database')
    .option(
      '--full',
      'everything since the books were opened, not only what is new since the last clean audit',
    )
    .option('--journal <folder...>', 'hold the shares of these journals against the tables as well')
    .option('--json', 'as JSON, every row named')
    .action(async (given: Given) => {
      process.exitCode = await runAudit(given);
    });
}

async function runAudit({ config: file, full, json, journal }: Given): Promise<number> {
  const config = loadConfig(file);
  const url = databaseUrlOf(config, process.env);
  if (url === undefined) {
    throw new EdgeError(
      'SLUICE_OPTION_INVALID',
      'this configuration uses an embedded PostgreSQL, which only runs while the engine does',
    );
  }
  const sql = openDatabase(url, { max: 1, applicationName: 'sluice audit' });
  try {
    const auditor = new Auditor({
      databaseUrl: url,
      chain: undefined,
      ...(journal ? { journals: journal } : {}),
      feeCapSompi: sompiOf(config.payouts.feeKasMax),
      clock: Date.now,
      log: silentLogger,
      halt: (code, reason) => raiseHalt(sql, code, reason),
    });
    const report = await (full ? auditor.full() : auditor.incremental());
    process.stdout.write(json ? reportJson(report) : reportText(report));
    return report.violations.length === 0 ? 0 : 1;
  } catch (error) {
    throw toDatabaseError(error, url);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function raiseHalt(sql: Database, code: string, reason: string): Promise<void> {
  await sql`SELECT raise_halt(${code}, ${reason}, 'sluice audit')`;
}

function reportJson({ scope, throughId, violations }: AuditReport): string {
  const rows = violations.map(({ invariant, detail }) => ({
    number: invariant.number,
    name: invariant.name,
    class: invariant.class,
    detail,
    remedy: invariant.remedy,
  }));
  return `${JSON.stringify({ clean: rows.length === 0, scope, throughId: String(throughId), violations: rows }, null, 2)}\n`;
}
