/**
 * `sluice payout ...`: what a person asks of payouts. In flow verbs, out flow lines or JSON. Looking needs no lead; `run` and
 * `cancel` take it when it is free, and ask the payer that has it otherwise. Amounts in JSON are sompi, as strings.
 */
import { hostname, userInfo } from 'node:os';
import type { Command } from 'commander';
import { loadConfig } from '../../config/load.ts';
import { EdgeError } from '../kit/edge-error.ts';
import { createLogger, type Logger } from '../kit/log.ts';
import { DatabaseSession } from '../ledger/database-session.ts';
import { Lead } from '../ledger/lead.ts';
import type { Outpoint } from '../ledger/settlement/operator-orders.ts';
import { type Database, openDatabase, toDatabaseError } from '../ledger/stores/postgres.ts';
import { clearHalts, raiseHalt } from '../payout/halts.ts';
import { checkAgainstChain, haltWhereUnproved, LedgerHeadNote } from '../payout/ledger-head.ts';
import { cancelPayout } from '../payout/never-sent.ts';
import { PayoutMachine } from '../payout/payout-machine.ts';
import { askPayer, type PayoutRequest } from '../payout/payout-requests.ts';
import { outpointKey, planHash } from '../payout/plan.ts';
import { reportText, roundText } from '../payout/report-text.ts';
import { type PayoutSeat, PostgresPayoutStore } from '../payout/stores/postgres-payout-store.ts';
import { giveOrder } from './ledger-access.ts';
import { payerName } from './payer.ts';
import { firstWords, openPayerParts, type PayerParts, payerDatabaseUrl } from './payer-parts.ts';
import { payoutStatus, statusText } from './payout-status.ts';
import { givenOutpoint } from './rewards-verb.ts';

interface Given {
  readonly config: string;
  readonly json?: boolean;
  readonly dryRun?: boolean;
  readonly reason?: string;
  readonly code?: string;
  readonly by?: string;
}

/** A look at 100,000 balances takes well under a second. */
const LOOK_DEADLINE_MS = 60_000;
/** A round of many transactions signs and sends each. */
const RUN_PATIENCE_MS = 60_000;
const CANCEL_PATIENCE_MS = 15_000;

export function addPayoutVerbs(program: Command): void {
  const payout = program.command('payout').description('payouts: look, pay now, stop, go on');
  const verb = (name: string, description: string): Command =>
    payout
      .command(name)
      .description(description)
      .requiredOption('--config <file>', 'configuration that names the database')
      .option('--json', 'as JSON; amounts in sompi as strings');
  const run = (work: (log: Logger) => Promise<number>) => async (): Promise<void> => {
    process.exitCode = await work(createLogger('warn', 'payout'));
  };
  verb(
    'plan',
    'the next batch as it would be now: payees, outputs, mass, fee, who is left out; changes nothing',
  ).action((given: Given) => run((log) => preview(given, log, false))());
  verb('run', 'one round now, whatever the interval says')
    .option('--dry-run', 'plan and sign, store and send nothing')
    .action((given: Given) =>
      run((log) => (given.dryRun ? preview(given, log, true) : runRound(given, log)))(),
    );
  verb('status', 'halts, payouts on their way, the payer').action((given: Given) =>
    run(() => withDatabase(given, (sql) => status(sql, given)))(),
  );
  verb('halt <reason>', 'stop planning, signing and sending, until somebody says resume').action(
    (reason: string, given: Given) => run(() => withDatabase(given, (sql) => halt(sql, reason, given)))(),
  );
  verb('resume', 'clear the halts')
    .option('--code <code>', 'this one only')
    .action((given: Given) => run(() => withDatabase(given, (sql) => resume(sql, given)))());
  verb('lost <outpoint>', 'an output TXID:INDEX was spent past the ledger: write it off')
    .requiredOption('--by <txid>', 'the transaction that spent it')
    .action((text: string, given: Given) => run((log) => writeOffOutput(givenOutpoint(text), given, log))());
  verb('cancel <id>', 'give up a payout that was never sent; its payees get their balances back')
    .option('--reason <text>', 'for the record', 'cancelled by hand')
    .action((id: string, given: Given) => run((log) => cancel(idOf(id), given, log))());
}

/** Only what the chain does not show any more: an output that is there is nobody's loss. */
async function writeOffOutput(outpoint: Outpoint, given: Given, log: Logger): Promise<number> {
  const by = given.by ?? '';
  if (!/^[0-9a-f]{64}$/.test(by))
    throw new EdgeError('SLUICE_OPTION_INVALID', '--by: expected the id of a transaction, 64 hex digits');
  return withParts(given, log, false, async ({ chain }) => {
    const key = outpointKey(outpoint);
    if ((await chain.treasuryOutputs()).some((output) => outpointKey(output) === key))
      throw new EdgeError('SLUICE_OUTPOINT', `${key} lies at the treasury's address, it was not spent`);
    await giveOrder(given.config, { order: 'write-off', outpoint: key, byTxid: by });
    return Number(process.exitCode ?? 0);
  });
}

function idOf(text: string): bigint {
  if (!/^\d{1,18}$/.test(text))
    throw new EdgeError('SLUICE_OPTION_INVALID', 'expected the number of a payout');
  return BigInt(text);
}

/** Who asks, for the record. */
function person(): string {
  return `${userInfo().username}@${hostname()}`;
}

async function preview(given: Given, log: Logger, andSign: boolean): Promise<number> {
  return withParts(given, log, andSign, async (parts) => {
    const session = await DatabaseSession.open(parts.databaseUrl, 'sluice payout', LOOK_DEADLINE_MS);
    try {
      const machine = machineOf(parts, onlyLooking(session), log);
      const round = await machine.plan();
      const signed: string[] = [];
      if (andSign && parts.signer)
        for (const plan of round.plans) signed.push((await parts.signer.sign(plan)).txid);
      const halts = round.halts.map(({ code, reason }) => `halted: ${code}: ${reason}\n`).join('');
      const txids = signed.map((txid, place) => `  ${place + 1}. would be ${txid}\n`).join('');
      const plans = round.plans.map((plan) => ({ ...plan, planHash: planHash(plan) }));
      print(given, { ...round, plans, signed }, `${halts}${roundText(round)}${txids}`);
      if (andSign && !parts.signer) process.stdout.write('nothing was signed: payouts.keyFile is not set\n');
      return 0;
    } finally {
      session.discard();
    }
  });
}

/** Under the lead when it is free, else by the payer that has it. */
async function runRound(given: Given, log: Logger): Promise<number> {
  return withParts(given, log, true, async (parts) => {
    const request = { verb: 'run', reason: '', requestedBy: person() } as const;
    const outcome = await asLeader(parts, request, RUN_PATIENCE_MS, async (lead) => {
      const { stateDirectory } = parts.config.payouts;
      const note = stateDirectory === undefined ? undefined : new LedgerHeadNote(stateDirectory);
      const proved = (await note?.check(lead.sql)) === true;
      if ((await checkAgainstChain(new PostgresPayoutStore(lead), parts.chain)) === 'behind')
        throw new EdgeError(
          'SLUICE_NODE_BEHIND',
          'the node is behind the ledger',
          'Wait until it has caught up.',
        );
      if (!proved) await haltWhereUnproved(lead.sql, new PostgresPayoutStore(lead), parts.chain);
      const beforeSend = async () => note?.write(lead.sql);
      const report = await machineOf(parts, lead, log, beforeSend).tick(true);
      await note?.write(lead.sql);
      return [reportText(report), ...report.faults].join('\n');
    });
    print(given, { outcome }, `${outcome}\n`);
    return 0;
  });
}

async function cancel(id: bigint, given: Given, log: Logger): Promise<number> {
  return withParts(given, log, false, async (parts) => {
    const reason = given.reason ?? '';
    const request = { verb: 'cancel', payoutId: id, reason, requestedBy: person() } as const;
    const outcome = await asLeader(parts, request, CANCEL_PATIENCE_MS, async (lead) => {
      const sides = { store: new PostgresPayoutStore(lead), chain: parts.chain };
      await cancelPayout(sides, id, `${reason} (${person()})`);
      return `payout ${id} is cancelled; its payees have their balances back`;
    });
    print(given, { outcome }, `${outcome}\n`);
    return outcome.startsWith('not done') ? 1 : 0;
  });
}

async function asLeader(
  parts: PayerParts,
  request: PayoutRequest,
  patienceMs: number,
  work: (lead: Lead) => Promise<string>,
): Promise<string> {
  let lead: Lead;
  try {
    lead = await Lead.take(parts.databaseUrl, payerName());
  } catch (error) {
    if (!(error instanceof EdgeError) || error.code !== 'SLUICE_LEAD_TAKEN') throw error;
    const sql = openDatabase(parts.databaseUrl, { max: 1, applicationName: 'sluice payout' });
    try {
      return await askPayer(sql, request, patienceMs);
    } finally {
      await sql.end({ timeout: 5 });
    }
  }
  try {
    return await work(lead);
  } finally {
    lead.close();
  }
}

async function halt(sql: Database, reason: string, given: Given): Promise<number> {
  await raiseHalt(sql, reason, person());
  print(given, { halted: true, reason }, 'payouts are halted; `sluice payout resume` lets them go on\n');
  return 0;
}

async function resume(sql: Database, given: Given): Promise<number> {
  const cleared = await clearHalts(sql, person(), given.code);
  const lines = cleared.map(({ code, reason }) => `cleared ${code}: ${reason}\n`).join('');
  print(given, { cleared }, lines || 'nothing was halted\n');
  return 0;
}

async function status(sql: Database, given: Given): Promise<number> {
  const now = await payoutStatus(sql);
  print(given, now, statusText(now));
  return 0;
}

function machineOf(
  { chain, signer, terms }: PayerParts,
  seat: PayoutSeat,
  log: Logger,
  beforeSend: () => Promise<void> = async () => {},
): PayoutMachine {
  return new PayoutMachine({
    store: new PostgresPayoutStore(seat),
    chain,
    signer,
    terms,
    clock: Date.now,
    log,
    beforeSend,
  });
}

/** A seat that cannot write: no lead is asked for, so none may be used. */
function onlyLooking(session: DatabaseSession): PayoutSeat {
  return {
    epoch: 0n,
    get sql() {
      return session.sql;
    },
    transaction: () => Promise.reject(new Error('this session only looks')),
  };
}

async function withParts(
  given: Given,
  log: Logger,
  withKey: boolean,
  work: (parts: PayerParts) => Promise<number>,
): Promise<number> {
  const parts = openPayerParts(given.config, process.env, log, withKey);
  try {
    await firstWords(parts.links);
    return await work(parts);
  } catch (error) {
    throw toDatabaseError(error, parts.databaseUrl);
  } finally {
    parts.close();
  }
}

async function withDatabase(given: Given, work: (sql: Database) => Promise<number>): Promise<number> {
  const url = payerDatabaseUrl(loadConfig(given.config), process.env);
  const sql = openDatabase(url, { max: 1, applicationName: 'sluice payout' });
  try {
    return await work(sql);
  } catch (error) {
    throw toDatabaseError(error, url);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

function print(given: Given, json: unknown, text: string): void {
  process.stdout.write(
    given.json
      ? `${JSON.stringify(json, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value), 2)}\n`
      : text,
  );
}
