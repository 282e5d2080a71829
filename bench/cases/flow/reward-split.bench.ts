/**
 * A reward over so many accounts with so many sums of workers and minutes in the window: added up by PostgreSQL, divided in Node. Against
 * it the usual way, every row fetched and added up in a Map; and the whole settlement, with the second division that SQL makes.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Sql } from 'postgres';
import { POTS } from '../../../src/domain/pot.ts';
import { silentLogger } from '../../../src/kit/log.ts';
import { projectPath } from '../../../src/kit/project-root.ts';
import { post } from '../../../src/ledger/books.ts';
import { startEmbeddedPostgres } from '../../../src/ledger/embedded-postgres.ts';
import { Lead } from '../../../src/ledger/lead.ts';
import { migrate } from '../../../src/ledger/migrate.ts';
import { prepareForSums, workInWindow } from '../../../src/ledger/reward-window.ts';
import { pplns } from '../../../src/ledger/schemes/pplns.ts';
import { readTerms } from '../../../src/ledger/schemes/terms.ts';
import { spansWithin } from '../../../src/ledger/settlement/account-spans.ts';
import { Settler } from '../../../src/ledger/settlement/settler.ts';
import { openDatabase } from '../../../src/ledger/stores/postgres.ts';
import { type CaseContext, type CaseResult, defineCase, type Measure } from '../../lib/bench-case.ts';
import { databaseFolder } from '../../lib/database-folder.ts';
import { ROUNDS } from '../../lib/flow-parameters.ts';
import type { RewardSplitPeak } from '../../lib/reward-split-process.ts';

const parameters = {
  accounts: { unit: '', text: 'with work in the window', real: 100_000, smoke: 200, min: 1, max: 10_000_000 },
  rows: {
    unit: '',
    text: 'sums of a worker and a minute in the window',
    real: 10_000_000,
    smoke: 2_000,
    min: 1,
    max: 100_000_000,
  },
  rounds: { ...ROUNDS, real: 3 },
};
type Given = CaseContext<typeof parameters>['values'];

const REWARD_SOMPI = 5_500_000_000n;
/** More than the window can hold, so that all of its minutes count. */
const TERMS = {
  scheme: 'pplns',
  feeBasisPoints: 100,
  windowMicroDifficulties: '9000000000000000',
  windowHoursMax: 720,
};
const NETWORK_BITS = 0x1900ffff;
const START_UNIX_MS = Date.UTC(2026, 0, 1);
const MINUTES_PER_DAY = 1_440;
const MS_PER_MINUTE = 60_000;

/** One worker an account; minute after minute, every worker in turn. Returns the window's end. */
async function fill(sql: Sql, { accounts, rows }: Given): Promise<number> {
  const minutes = Math.ceil(rows / accounts);
  for (let day = 0; day * MINUTES_PER_DAY < minutes; day++)
    await sql`SELECT ensure_day_partitions(${new Date(START_UNIX_MS + day * MINUTES_PER_DAY * MS_PER_MINUTE)}::date)`;
  // As its loader says: spans of ten minutes are summed for what every engine has loaded.
  await sql`
    INSERT INTO journal_progress (instance_id, segment, slot, loaded_through)
    SELECT ensure_instance('bench'), 1, 2, to_timestamp(${START_UNIX_MS / 1_000 + minutes * 60}::float8)`;
  await sql`INSERT INTO accounts (address) SELECT 'kaspadev:' || n FROM generate_series(1, ${accounts}::int) n`;
  await sql`INSERT INTO workers (account_id, name) SELECT id, 'rig' FROM accounts ORDER BY id`;
  await sql`
    INSERT INTO share_sums (bucket, worker_id, instance_id, shares, work_hashes)
    SELECT to_timestamp(${START_UNIX_MS / 1_000}::float8) + (n / ${accounts}::int) * interval '1 minute',
      1 + n % ${accounts}::int, 1, 3, (1 + n % 977) * 4294967296::numeric
    FROM generate_series(0, ${rows - 1}::int) n`;
  await sql`ANALYZE share_sums`;
  return START_UNIX_MS + minutes * MS_PER_MINUTE;
}

async function fetchAll(sql: Sql): Promise<Map<bigint, bigint>> {
  const work = new Map<bigint, bigint>();
  const rows = sql<{ account_id: bigint; work: string }[]>`
    SELECT w.account_id, s.work_hashes::text AS work FROM share_sums s JOIN workers w ON w.id = s.worker_id`;
  for await (const some of rows.cursor(10_000))
    for (const row of some) work.set(row.account_id, (work.get(row.account_id) ?? 0n) + BigInt(row.work));
  return work;
}

/** A mature block of the last minute of the window, as the intake books it. */
async function addReward(sql: Sql, lead: Lead, number: number, endUnixMs: number): Promise<void> {
  const txid = number.toString(16).padStart(64, '0');
  await sql`
    INSERT INTO blocks (block_hash, instance_id, worker_id, job_id, nonce, daa_score, blue_score, network_bits, found_at, state)
    VALUES (${txid}, 1, 1, 1, 1, 1, 1, ${NETWORK_BITS}, ${new Date(endUnixMs - 1_000)}, 'matured')`;
  await lead.transaction(async (own) => {
    const transactionId = await post(own, lead.epoch, {
      key: `reward:${txid}:0`,
      kind: 'reward',
      detail: {},
      entries: [
        { kind: 'treasury', sompi: -REWARD_SOMPI },
        { kind: 'unsettled', sompi: REWARD_SOMPI },
      ],
    });
    await own`
      INSERT INTO treasury_outputs (txid, output_index, amount_sompi, origin, daa_score, block_id, transaction_id, leader_epoch)
      SELECT ${txid}, 0, ${REWARD_SOMPI}, 'blue', 1, id, ${transactionId}, ${lead.epoch} FROM blocks WHERE block_hash = ${txid}`;
  });
}

async function addTerms(lead: Lead): Promise<void> {
  await lead.transaction(async (sql) => {
    const id = await post(sql, lead.epoch, { key: 'policy:1:1', kind: 'policy', detail: TERMS, entries: [] });
    await sql`
      INSERT INTO policies (pot, terms, effective_at, transaction_id)
      VALUES (1, ${JSON.stringify(TERMS)}::text::jsonb, '-infinity', ${id})`;
  });
}

function divide(accounts: Awaited<ReturnType<typeof workInWindow>>, toMs: number) {
  return pplns.divide({
    outputs: [{ amountSompi: REWARD_SOMPI, finderAccountId: 1n }],
    dustInSompi: 0n,
    window: { fromMs: START_UNIX_MS, toMs },
    terms: readTerms(TERMS),
    accounts,
  });
}

/** In a process of its own: this one holds what is compared as well. It takes the lead, which must be free. */
async function peakOfSplit(url: string, endUnixMs: number): Promise<RewardSplitPeak> {
  const given = [url, START_UNIX_MS, endUnixMs, REWARD_SOMPI, JSON.stringify(TERMS)].map(String);
  const child = fork(projectPath('dist', 'bench', 'lib', 'reward-split-process.js'), given, { execArgv: [] });
  const [peak] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`the split's process ended with ${code}`);
    }),
  ])) as [RewardSplitPeak];
  return peak;
}

async function run({ values, progress }: CaseContext<typeof parameters>): Promise<CaseResult> {
  const folder = databaseFolder('sluice-bench-');
  const server = await startEmbeddedPostgres({ dataDir: join(folder, 'pg'), log: silentLogger });
  const seconds: Record<'query' | 'minutes' | 'split' | 'naive' | 'settlement', number[]> = {
    query: [],
    minutes: [],
    split: [],
    naive: [],
    settlement: [],
  };
  const peaks: RewardSplitPeak[] = [];
  const invalid: string[] = [];
  let checksum = '';
  const timed = async <T>(into: number[], work: () => T | Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    const result = await work();
    into.push((performance.now() - startedMs) / 1_000);
    return result;
  };
  try {
    const sql = openDatabase(server.url, { applicationName: 'sluice bench', max: 1 });
    await migrate(sql, { log: silentLogger });
    const total = values.rounds * 2 + 2;
    progress(0, total, `writing ${values.rows} sums of ${values.accounts} accounts`);
    const end = await fill(sql, values);
    const lead = await Lead.take(server.url, 'bench');
    await addTerms(lead);
    const settler = new Settler({ lead, clock: () => end, log: silentLogger, waitForJournalsMs: 0 });
    // Sums of minutes and of ten minutes, which a running payer makes as time goes by: some at each tick.
    for (let ticks = 0; ticks < 4 + values.rows / values.accounts / 10; ticks++) await settler.tick();
    let window: Awaited<ReturnType<typeof workInWindow>> = [];
    for (let round = 0; round < values.rounds; round++) {
      await lead.transaction(async (own) => {
        await prepareForSums(own);
        const span = { fromMs: START_UNIX_MS, toMs: end };
        const minutes = await timed(seconds.minutes, () => workInWindow(own, POTS.pplns, span));
        const spans = await spansWithin(own, span);
        window = await timed(seconds.query, () => workInWindow(own, POTS.pplns, span, spans));
        if (window.some(({ work }, index) => work !== minutes[index]?.work))
          invalid.push('minutes and ten minutes disagree');
      });
      const divided = await timed(seconds.split, () => divide(window, end));
      const given = divided.parts.reduce((sum, part) => sum + part.grossSompi, 0n);
      if (given !== REWARD_SOMPI) invalid.push(`${given} of ${REWARD_SOMPI} sompi were given`);
      checksum = `parts ${divided.parts.length}, first ${divided.parts[0]?.grossSompi}`;
      progress(
        round * 2 + 1,
        total,
        `${seconds.query.at(-1)!.toFixed(2)} s and ${(seconds.split.at(-1)! * 1_000).toFixed(0)} ms`,
      );
      await addReward(sql, lead, round + 1, end);
      const report = await timed(seconds.settlement, () => settler.tick());
      if (report.settled.length !== 1 || report.halted) invalid.push('the reward was not settled');
      progress(round * 2 + 2, total, `settled in ${seconds.settlement.at(-1)!.toFixed(2)} s`);
    }
    // Once, and last: its memory is not ours.
    const naive = await timed(seconds.naive, () => fetchAll(sql));
    if (window.some(({ accountId, work }) => naive.get(accountId) !== work))
      invalid.push('PostgreSQL and the Map disagree');
    progress(total, total, `row by row ${seconds.naive.at(-1)!.toFixed(2)} s`);
    await addReward(sql, lead, values.rounds + 1, end);
    lead.close();
    const peak = await peakOfSplit(server.url, end);
    if (peak.settled !== 1 || peak.parts !== window.length)
      invalid.push('the process of its own divided otherwise');
    peaks.push(peak);
    await sql.end();
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  const one = (name: string, unit: string, better: Measure['better'], list: number[]): Measure => ({
    name,
    unit,
    better,
    values: list,
  });
  return {
    measures: [
      one('postgres.seconds', 's', 'lower', seconds.query),
      one(
        'split.ms',
        'ms',
        'lower',
        seconds.split.map((value) => value * 1_000),
      ),
      one(
        'node.split_peak_mib',
        'MiB',
        'lower',
        peaks.map(({ splitMib }) => splitMib),
      ),
      one(
        'node.settlement_peak_mib',
        'MiB',
        'lower',
        peaks.map(({ settlementMib }) => settlementMib),
      ),
      one('minutes.seconds', 's', 'lower', seconds.minutes),
      one('settlement.seconds', 's', 'lower', seconds.settlement),
      one('naive.seconds', 's', 'lower', seconds.naive),
      one(
        'ratio.seconds',
        '',
        'higher',
        seconds.query.map((value, round) => seconds.naive[0]! / (value + seconds.split[round]!)),
      ),
    ],
    distributions: [],
    checksum,
    invalid,
    notes: [],
  };
}

export default defineCase({
  kind: 'flow',
  title: 'a reward divided over all accounts of a window, on real PostgreSQL, against fetching every row',
  parameters,
  run,
});
