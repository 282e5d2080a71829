/**
 * Miner pages from a large pool: `sluice api` as it ships on a real PostgreSQL with a day of rollups, asked by the clock over connections
 * that stay open, for addresses by chance. Latency counts from when each request was meant to leave.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { decodeFromCompressedBase64 } from 'hdr-histogram-js';
import { stringify } from 'yaml';
import { type ChildRole, startChildRole } from '../../../src/app/child-role.ts';
import { encodeAddress } from '../../../src/chains/kaspa/address.ts';
import { silentLogger } from '../../../src/kit/log.ts';
import { startEmbeddedPostgres } from '../../../src/ledger/embedded-postgres.ts';
import { migrate } from '../../../src/ledger/migrate.ts';
import { openDatabase } from '../../../src/ledger/stores/postgres.ts';
import { type CaseContext, type CaseResult, defineCase } from '../../lib/bench-case.ts';
import { databaseFolder } from '../../lib/database-folder.ts';
import { ROUNDS, rate, TIME, WARM_UP } from '../../lib/flow-parameters.ts';
import { fillLargePool, keepLoading } from '../../lib/large-pool.ts';
import { type PageLoadReport, PageReaders } from '../../lib/page-load.ts';
import { cpuUsOf, familyCpuUs, memoryOf } from '../../lib/process-usage.ts';

const parameters = {
  workers: { unit: '', text: 'that worked all day', real: 100_000, smoke: 2_000, min: 1, max: 200_000 },
  accounts: { unit: '', text: 'they belong to', real: 20_000, smoke: 400, min: 1, max: 200_000 },
  rate: { ...rate(5_000), unit: '/s', text: 'requests', smoke: 200 },
  connections: { unit: '', text: 'of readers', real: 200, smoke: 20, min: 1, max: 2_000 },
  workersPercent: {
    unit: '%',
    text: 'ask for the list of workers instead',
    real: 20,
    smoke: 20,
    min: 0,
    max: 100,
  },
  rounds: ROUNDS,
  time: TIME,
  warmUp: WARM_UP,
};

/** Until the pool is filled and read, at most. */
const MINUTES_BEFORE = 8;
/** Part of the schedule that may be late before a run says more about the generator than about the server. */
const LATE_MAX = 0.05;
const FILLED_WITHIN_MS = 600_000;
const MEBIBYTE = 2 ** 20;

async function run({ values, seed, progress }: CaseContext<typeof parameters>): Promise<CaseResult> {
  const folder = databaseFolder('sluice-bench-pages-');
  const server = await startEmbeddedPostgres({ dataDir: join(folder, 'pg'), log: silentLogger });
  const sql = openDatabase(server.url, { max: 1, applicationName: 'bench' });
  const readers = new PageReaders();
  const steps = values.rounds + 2;
  let api: ChildRole | undefined;
  let stopLoading: (() => Promise<void>) | undefined;
  const reports: PageLoadReport[] = [];
  const cpuUs: number[] = [];
  const databaseUs: number[] = [];
  const invalid: string[] = [];
  try {
    await migrate(sql, { log: silentLogger });
    const minutesAhead = MINUTES_BEFORE + Math.ceil((values.rounds * (values.time + values.warmUp)) / 60);
    const addresses = await fillLargePool(sql, { ...values, minutesAhead }, (text) =>
      progress(0, steps, text),
    );
    stopLoading = keepLoading(sql);
    progress(1, steps, 'sluice api reads them');
    const startedMs = performance.now();
    api = await startApi(folder, server.url);
    const url = new URL(api.info.httpUrl as string);
    await whenReady(url);
    const filledMs = performance.now() - startedMs;
    const everyFifth = (index: number): boolean =>
      (index * values.workersPercent) % 100 < values.workersPercent;
    const paths = addresses.map(
      (address, index) => `/api/v1/miners/${address}${everyFifth(index) ? '/workers' : ''}`,
    );
    for (let round = 0; round < values.rounds; round++) {
      const before = [cpuUsOf(api.process.pid!), familyCpuUs(server.pid)] as const;
      const { rate: perSecond, connections, time, warmUp } = values;
      const report = await readers.run({
        ...{ host: url.hostname, port: Number(url.port), connections, rate: perSecond, paths },
        ...{ warmUpSeconds: warmUp, seconds: time, seed: seed + round },
      });
      reports.push(report);
      const share = 1 / (perSecond * (time + warmUp));
      cpuUs.push((cpuUsOf(api.process.pid!) - before[0]) * share);
      databaseUs.push((familyCpuUs(server.pid) - before[1]) * share);
      invalid.push(...faultsOf(report));
      progress(round + 2, steps, `p99 ${percentile(report, 99).toFixed(2)} ms`);
    }
    const measure = (name: string, unit: string, of: (report: PageLoadReport) => number) => ({
      ...{ name: `api.${name}`, unit, better: 'lower' as const, values: reports.map(of) },
    });
    return {
      measures: [
        measure('p50_ms', 'ms', (report) => percentile(report, 50)),
        measure('p99_ms', 'ms', (report) => percentile(report, 99)),
        measure('p999_ms', 'ms', (report) => percentile(report, 99.9)),
        { ...measure('carried', '', (report) => report.answered / report.scheduled), better: 'higher' },
        { ...measure('cpu_us_per_request', 'us', () => 0), values: cpuUs },
        { name: 'postgres.cpu_us_per_request', unit: 'us', better: 'lower', values: databaseUs },
        {
          ...measure('bytes_per_answer', 'B', (report) => report.bytes / report.answered),
          better: 'neither',
        },
        { ...measure('filled_ms', 'ms', () => 0), values: [filledMs] },
        { ...measure('rss_mib', 'MiB', () => 0), values: [memoryOf(api.process.pid!).rssBytes / MEBIBYTE] },
      ],
      distributions: [{ name: 'api.request_to_answer', histogram: mergedHistogram(reports) }],
      checksum: `accounts ${addresses.length} statuses ${[...new Set(reports.flatMap(({ statuses }) => Object.keys(statuses)))].join()}`,
      invalid,
      notes: [],
    };
  } finally {
    await readers.end();
    await api?.stop();
    await stopLoading?.();
    await sql.end();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function startApi(folder: string, databaseUrl: string): Promise<ChildRole> {
  const file = join(folder, 'sluice.yaml');
  mkdirSync(join(folder, 'journal'));
  const payAddress = encodeAddress({ prefix: 'kaspadev', version: 0, payload: new Uint8Array(32).fill(1) });
  writeFileSync(
    file,
    stringify({
      kaspa: { network: 'devnet', payAddress, nodes: [{ name: 'none', address: '127.0.0.1:1' }] },
      stratum: { ports: [{ port: 0, difficulty: 64 }] },
      database: { url: databaseUrl },
      journal: { directory: join(folder, 'journal') },
      http: { port: 0 },
    }),
    { mode: 0o600 },
  );
  return startChildRole({ name: 'api', args: ['api', '--config', file], logFile: join(folder, 'api.log') });
}

async function whenReady(url: URL): Promise<void> {
  const deadlineMs = performance.now() + FILLED_WITHIN_MS;
  while ((await fetch(new URL('/readyz', url))).status !== 200) {
    if (performance.now() > deadlineMs) throw new Error('sluice api has not read the pool in ten minutes');
    await delay(50);
  }
}

function faultsOf({ scheduled, answered, failed, late, statuses }: PageLoadReport): string[] {
  const faults: string[] = [];
  if (late > scheduled * LATE_MAX)
    faults.push(`the generator fell behind: ${late} of ${scheduled} requests left over 10 ms late`);
  if (answered < scheduled) faults.push(`${scheduled - answered} of ${scheduled} requests were not answered`);
  if (failed > 0) faults.push(`${failed} connections were closed`);
  for (const [status, count] of Object.entries(statuses))
    if (status !== '200') faults.push(`${count} answers were ${status}`);
  return faults;
}

function percentile({ latency }: PageLoadReport, percent: number): number {
  return decodeFromCompressedBase64(latency).getValueAtPercentile(percent) / 1_000;
}

function mergedHistogram(reports: readonly PageLoadReport[]) {
  const [first, ...rest] = reports.map(({ latency }) => decodeFromCompressedBase64(latency));
  for (const one of rest) first!.add(one);
  return first!;
}

export default defineCase({
  kind: 'flow',
  title:
    'miner pages a second from a pool of 100,000 workers with a day of rollups, from the intended send time',
  parameters,
  run,
});
