/**
 * The engine as it ships, and everything that it needs, each in a process of its own: a simulated node that makes templates,
 * an embedded PostgreSQL with durability on, and `sluice serve` on a configuration file. Nothing is left out and nothing is
 * tuned, but for the port's difficulty (every hash is a share) and its pace (as many jobs as the naive server sends).
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import { type ChildRole, startChildRole } from '../../src/app/child-role.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/ledger/embedded-postgres.ts';
import type { PoolSnapshot } from '../../src/live/pool-snapshot.ts';
import { demoAddresses } from '../../src/miner/miner.ts';
import { databaseFolder } from './database-folder.ts';
import { cpuUsOf, familyCpuUs, mainThreadCpuUs, memoryOf } from './process-usage.ts';
import type { ServerUnderTest } from './server-under-test.ts';

export interface EngineOptions {
  readonly jobsPerSecond: number;
  /** Over the configuration's defaults, as are all below. */
  readonly inlineRecordsMax?: number;
  readonly threads?: number;
  readonly durability?: 'fsync' | 'none';
  /** So many engines behind one port (`serve --edges`), their figures together. Absent: one, by itself. */
  readonly edges?: number;
  /** Copies of the listening socket; needs edges. */
  readonly acceptDescriptors?: number;
  /** Pages by `sluice api` as well, a process of its own; its CPU is counted with the engine's. */
  readonly apiProcess?: boolean;
}

export interface EngineUnderTest extends ServerUnderTest {
  /** Of the first edge. */
  snapshot(): Promise<PoolSnapshot>;
  /** Page, JSON and `/metrics` of the engine itself. */
  readonly httpUrl: string;
  /** Where people look: of `sluice api` if there is one, else of the engine. */
  readonly pagesUrl: string;
  /** Folder with the logs of node and engine; gone after `stop`. */
  readonly folder: string;
}

export const BENCH_NETWORK = 'devnet';
/** 2^62 hashes a block: none is found. */
const NETWORK_DIFFICULTY_LOG2 = 30;
const SETTLE_TIMEOUT_MS = 60_000;
const SETTLE_POLL_MS = 50;
/** The bench's whole load may come from one address as from a thousand; some dozens are a middle-sized pool. */
const MINER_ADDRESSES = 50;

export function minerAddresses(): readonly string[] {
  return demoAddresses(BENCH_NETWORK, MINER_ADDRESSES);
}

export async function startEngine(options: EngineOptions): Promise<EngineUnderTest> {
  const folder = databaseFolder('sluice-bench-');
  const parts: Parts = {};
  try {
    return await startParts(folder, parts, options);
  } catch (error) {
    await stopParts(folder, parts);
    throw error;
  }
}

interface Parts {
  postgres?: EmbeddedPostgres;
  simnode?: ChildRole;
  engine?: ChildRole;
  api?: ChildRole;
}

async function startParts(folder: string, parts: Parts, options: EngineOptions): Promise<EngineUnderTest> {
  const postgres = (parts.postgres = await startEmbeddedPostgres({
    dataDir: join(folder, 'database'),
    log: silentLogger,
  }));
  const simnode = (parts.simnode = await startChildRole({
    name: 'simulated node',
    args: [
      ...['simnode', '--listen', '127.0.0.1:0', '--control-port', '-1', '--network', BENCH_NETWORK],
      ...['--difficulty-log2', String(NETWORK_DIFFICULTY_LOG2)],
      ...['--blocks-per-second', String(options.jobsPerSecond)],
    ],
    logFile: join(folder, 'simnode.log'),
  }));
  const config = join(folder, 'sluice.yaml');
  writeFileSync(config, stringify(configOf(folder, String(simnode.info.address), postgres.url, options)), {
    mode: 0o600,
  });
  const engine = (parts.engine = await startChildRole({
    name: 'engine',
    args: [
      'serve',
      ...['--config', config],
      ...(options.edges === undefined ? [] : ['--edges', String(options.edges)]),
    ],
    logFile: join(folder, 'engine.log'),
  }));
  if (options.apiProcess === true)
    parts.api = await startChildRole({
      name: 'pages',
      args: ['api', '--config', config],
      logFile: join(folder, 'api.log'),
    });
  const { api } = parts;
  const pids = (engine.info.edgePids as number[] | undefined) ?? [engine.process.pid!];
  const httpUrls = (engine.info.httpUrls as string[] | undefined) ?? [String(engine.info.httpUrl)];
  const snapshotOf = async (httpUrl: string): Promise<PoolSnapshot> => {
    const response = await fetch(new URL('/api/v1/pool', httpUrl));
    return (await response.json()) as PoolSnapshot;
  };
  const summed = (read: (pid: number) => number): number => pids.reduce((sum, pid) => sum + read(pid), 0);
  return {
    name: 'engine',
    port: (engine.info.stratumPorts as number[])[0]!,
    pid: pids[0]!,
    folder,
    snapshot: () => snapshotOf(httpUrls[0]!),
    httpUrl: httpUrls[0]!,
    pagesUrl: String(api?.info.httpUrl ?? httpUrls[0]),
    note: '',
    cpuUs: () => summed(cpuUsOf) + (api ? cpuUsOf(api.process.pid!) : 0),
    mainCpuUs: () => summed(mainThreadCpuUs),
    databaseCpuUs: () => familyCpuUs(postgres.pid),
    memory: () => ({
      rssBytes: summed((pid) => memoryOf(pid).rssBytes),
      anonymousBytes: summed((pid) => memoryOf(pid).anonymousBytes),
    }),
    settled: async () => {
      for (const httpUrl of httpUrls) await settled(() => snapshotOf(httpUrl));
    },
    stop: () => stopParts(folder, parts),
  };
}

function configOf(folder: string, nodeAddress: string, databaseUrl: string, options: EngineOptions): object {
  const journal = join(folder, 'journal');
  const live = join(folder, 'live');
  mkdirSync(journal);
  mkdirSync(live);
  return {
    instance: 'bench',
    kaspa: {
      network: BENCH_NETWORK,
      payAddress: demoAddresses(BENCH_NETWORK, MINER_ADDRESSES + 1).at(-1),
      nodes: [{ name: 'simulated', address: nodeAddress }],
    },
    stratum: {
      host: '127.0.0.1',
      ...(options.acceptDescriptors === undefined ? {} : { acceptDescriptors: options.acceptDescriptors }),
      ports: [{ port: 0, difficulty: 2 ** -31, jobIntervalMs: 1_000 / options.jobsPerSecond }],
    },
    database: { url: databaseUrl },
    journal: { directory: journal, durability: options.durability ?? 'fsync' },
    validation: {
      ...(options.inlineRecordsMax === undefined ? {} : { inlineRecordsMax: options.inlineRecordsMax }),
      ...(options.threads === undefined ? {} : { threads: options.threads }),
    },
    http: { host: '127.0.0.1', port: 0 },
    ...(options.apiProcess === true ? { live: { directory: live } } : {}),
    log: { level: 'warn' },
  };
}

/** Every share that was accepted so far is durable, and the database has it. The page's numbers are a second old at most. */
async function settled(snapshot: () => Promise<PoolSnapshot>): Promise<void> {
  const deadline = performance.now() + SETTLE_TIMEOUT_MS;
  const askedAt = Date.now();
  for (;;) {
    const { at, journal, database } = await snapshot();
    const fresh = Date.parse(at) >= askedAt;
    if (fresh && journal.durable === journal.appended && database.lagRecords === 0) return;
    if (performance.now() > deadline) {
      throw new Error(
        `the database is ${database.lagRecords} records behind (${database.fault || 'no fault'})`,
      );
    }
    await delay(SETTLE_POLL_MS);
  }
}

async function stopParts(folder: string, parts: Parts): Promise<void> {
  await parts.api?.stop();
  await parts.engine?.stop();
  await parts.simnode?.stop();
  await parts.postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
}
