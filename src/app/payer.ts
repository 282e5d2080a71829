/**
 * `sluice payer`: the one process that writes money. It takes the lead, looks whether database, note and chain belong together,
 * and then goes round its duties. It must never start on a database that is behind what was paid already, and never go on without
 * the lead: when that is lost it ends what it holds in memory and begins anew from what is stored.
 *
 *   take lead --taken by another--> wait --.
 *       |  ^_______________________________|
 *       v
 *   check --behind--> end, says why
 *       |
 *       v
 *   duties --lead lost--> take lead        SIGTERM: end after the duty that runs
 */
import { hostname } from 'node:os';
import { loadConfig } from '../../config/load.ts';
import { EdgeError, messageOf } from '../kit/edge-error.ts';
import { createLogger, type Logger } from '../kit/log.ts';
import { connectSystemd } from '../kit/systemd.ts';
import { Lead } from '../ledger/lead.ts';
import { isUnreachable } from '../ledger/stores/postgres.ts';
import type { AtPoint } from '../payout/crash-points.ts';
import { checkAgainstChain, haltWhereUnproved, LedgerHeadNote } from '../payout/ledger-head.ts';
import { PostgresPayoutStore } from '../payout/stores/postgres-payout-store.ts';
import { type DutyContext, dutiesOf } from './payer-duties.ts';
import { DutyLoop } from './payer-loop.ts';
import { PayerMetrics } from './payer-metrics.ts';
import { firstWords, openPayerParts, type PayerParts } from './payer-parts.ts';
import { statusDuty } from './payer-status.ts';
import { onStopRequested, tellParent } from './role-channel.ts';

const LEAD_RETRY_MS = 2_000;
const CHECK_RETRY_MS = 1_000;

/** @param atPoint for tests, which have a program of their own around this; `sluice payer` has none and no way to be given one */
export async function runPayer(configFile: string, atPoint?: AtPoint): Promise<number> {
  const log = createLogger(loadConfig(configFile).log.level, 'payer');
  keepMemoryPrivate();
  const told: DutyContext['told'] = { payouts: undefined };
  const systemd = connectSystemd(process.env, process.pid);
  const loop = new DutyLoop(log);
  readTermsOnHangup(configFile, told, log);
  const parts = openPayerParts(configFile, process.env, log, true);
  onStopRequested((reason) => {
    log.info({ reason }, 'stopping');
    systemd.stopping();
    loop.stop();
  });
  const { network, payAddress } = parts.config.kaspa;
  log.info({ network, payAddress, pays: parts.signer !== undefined }, 'payer');
  if (!parts.signer) log.warn('payouts.keyFile is not set: the books are kept, nobody is paid');
  if (parts.config.payouts.stateDirectory === undefined)
    log.warn(
      'payouts.stateDirectory is not set: an older database in the place of this one is noticed by the chain alone',
    );
  try {
    await firstWords(parts.links);
    // Ready, though another payer may lead: standing by is what a second one is for.
    if (!loop.stopping) systemd.ready(() => loop.status());
    await leadAgainAndAgain(parts, loop, log, told, atPoint);
    return 0;
  } finally {
    parts.close();
    systemd.close();
    tellParent({ kind: 'final', info: null });
    if (process.connected) process.disconnect();
  }
}

/** SIGHUP, from the first moment on: without a listener it would end the process. What is not a term of rewards waits for a restart. */
function readTermsOnHangup(configFile: string, told: DutyContext['told'], log: Logger): void {
  process.on('SIGHUP', () => {
    try {
      told.rewards = loadConfig(configFile).rewards;
    } catch (error) {
      log.error({ reason: messageOf(error) }, 'the configuration cannot be read again; the terms stay');
    }
  });
}

/**
 * What Node would write of its memory, or open to others, by itself: diagnostic reports, and a debugger on SIGUSR1. A listener of
 * our own takes that signal away from it. Core dumps are the unit's to forbid (LimitCORE=0).
 */
function keepMemoryPrivate(): void {
  process.on('SIGUSR1', () => {});
  if (!process.report) return;
  process.report.reportOnFatalError = false;
  process.report.reportOnSignal = false;
  process.report.reportOnUncaughtException = false;
}

async function leadAgainAndAgain(
  parts: PayerParts,
  loop: DutyLoop,
  log: Logger,
  told: DutyContext['told'],
  atPoint: AtPoint | undefined,
): Promise<void> {
  const metrics = new PayerMetrics(loop.records);
  const holder = payerName();
  let waitingFor = '';
  while (!loop.stopping) {
    let lead: Lead | undefined;
    try {
      lead = await Lead.take(parts.databaseUrl, holder);
      waitingFor = '';
      log.info({ epoch: String(lead.epoch) }, 'this payer leads');
      metrics.leads(lead.epoch);
      await leadOnce({ ...parts, lead, log, told, metrics, atPoint }, loop);
    } catch (error) {
      if (!isTransient(error)) throw error;
      if (messageOf(error) !== waitingFor) {
        waitingFor = messageOf(error);
        log.warn({ reason: waitingFor }, lead ? 'the lead is lost; taking it again' : 'waiting for the lead');
      }
      await loop.pause(LEAD_RETRY_MS);
    } finally {
      lead?.close();
      metrics.leads(undefined);
    }
  }
}

async function leadOnce(context: DutyContext, loop: DutyLoop): Promise<void> {
  const { lead } = context;
  await checkBeforePaying(context, loop);
  if (loop.stopping) return;
  tellParent({ kind: 'ready', info: { epoch: Number(lead.epoch), pays: context.signer !== undefined } });
  const duties = [...dutiesOf(context), statusDuty(context, loop.records)];
  await loop.run(duties, () => lead.check());
}

/** Waits for a node that is as far as the ledger: a node that still catches up lacks outputs that are there. */
async function checkBeforePaying({ lead, chain, config, log }: DutyContext, loop: DutyLoop): Promise<void> {
  const { stateDirectory } = config.payouts;
  const proved = stateDirectory !== undefined && (await new LedgerHeadNote(stateDirectory).check(lead.sql));
  const store = new PostgresPayoutStore(lead);
  let told = '';
  while (!loop.stopping) {
    const verdict = await chainVerdict(lead, store, chain, proved);
    if (verdict === 'equal') return;
    if (verdict !== told) log.warn({ reason: verdict }, 'waiting for a node to hold the ledger against');
    told = verdict;
    await loop.pause(CHECK_RETRY_MS);
  }
}

async function chainVerdict(
  lead: Lead,
  store: PostgresPayoutStore,
  chain: DutyContext['chain'],
  proved: boolean,
): Promise<string> {
  try {
    const verdict = await checkAgainstChain(store, chain);
    if (verdict === 'equal' && !proved) await haltWhereUnproved(lead.sql, store, chain);
    return verdict === 'behind' ? 'the node is behind the ledger' : verdict;
  } catch (error) {
    if (error instanceof EdgeError && /^SLUICE_NO(?:DE_|_NODE$)/.test(error.code)) return error.message;
    throw error;
  }
}

/** What a new lead can mend, or time. Everything else ends the process, with its reason. */
function isTransient(error: unknown): boolean {
  if (!(error instanceof EdgeError)) return true;
  return error.code === 'SLUICE_LEAD_TAKEN' || isUnreachable(error);
}

/** For people who wonder who has the lead. */
export function payerName(): string {
  return `${hostname()}, process ${process.pid}, started ${new Date().toISOString()}`;
}
