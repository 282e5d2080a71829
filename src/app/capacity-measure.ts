/**
 * This machine's own costs, in half a minute: a whole pool on loopback as it would run, an engine of its own with an embedded PostgreSQL
 * and a simulated node, first with nobody, then with miners who mostly listen, then with fewer who send much. What the engine's main
 * thread and its others used is divided by what was sent and answered: two loads, two unknowns.
 *
 * Miners run beside it and take a core, and there is no network: a first look, not a bench.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { CostCurve } from '../domain/capacity.ts';
import { EdgeError } from '../kit/edge-error.ts';
import { createLogger } from '../kit/log.ts';
import { demoAddresses } from '../miner/miner.ts';
import { MEASURED_CURVE } from './capacity-curve.ts';
import { type ChildRole, startChildRole } from './child-role.ts';
import { keepPostgres } from './kept-postgres.ts';
import { machineLimits } from './machine-limits.ts';

const NETWORK = 'devnet';
const NETWORK_DIFFICULTY_LOG2 = 30;
const JOBS_PER_SECOND = 10;
/** The easiest there is: every other hash is a share. */
const DIFFICULTY_LOG2 = -31;
const LISTENERS = { connections: 800, hashesPerSecond: 1 };
const SENDERS = { connections: 200, hashesPerSecond: 60 };
/** Code is compiled, miners log in. */
const WARM_UP_MS = 2_500;
const NS_PER_US = 1_000;
const US_PER_SECOND = 1e6;
const MINER_BYTES_MIN = 2_048;

interface Sample {
  readonly atMs: number;
  readonly mainUs: number;
  readonly allUs: number;
  readonly rssBytes: number;
  readonly jobs: number;
  readonly shares: number;
}

/** Per second, but for the memory. */
interface Load {
  readonly mainUs: number;
  readonly otherUs: number;
  readonly jobs: number;
  readonly shares: number;
  readonly rssBytes: number;
}

export async function measureCurve(seconds: number, tell: (text: string) => void): Promise<CostCurve> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-capacity-'));
  // When root measures, the database's account must be able to enter.
  chmodSync(folder, 0o711);
  const roles: ChildRole[] = [];
  const postgres = await keepPostgres(join(folder, 'pg'), createLogger('error', 'capacity'));
  try {
    const simnode = await startChildRole({
      name: 'simulated node',
      args: [
        ...['simnode', '--listen', '127.0.0.1:0', '--control-port', '-1', '--network', NETWORK],
        ...['--difficulty-log2', String(NETWORK_DIFFICULTY_LOG2)],
        ...['--blocks-per-second', String(JOBS_PER_SECOND)],
      ],
      logFile: join(folder, 'simnode.log'),
    });
    roles.push(simnode);
    const config = join(folder, 'sluice.yaml');
    writeFileSync(config, configText(folder, String(simnode.info.address), postgres.first.url), {
      mode: 0o600,
    });
    const engine = await startChildRole({
      name: 'engine',
      args: ['serve', '--config', config],
      logFile: join(folder, 'engine.log'),
    });
    roles.push(engine);
    tell('an engine with nobody');
    await delay(WARM_UP_MS);
    const idle = await loadOver(engine, seconds / 2);
    tell(`${LISTENERS.connections} miners who listen to ${JOBS_PER_SECOND} jobs a second`);
    const listening = await withMiners(folder, engine, LISTENERS, seconds);
    tell(`${SENDERS.connections} miners who send as much as a large farm`);
    const sending = await withMiners(folder, engine, SENDERS, seconds);
    return curveOf(idle, listening, sending);
  } finally {
    for (const role of roles.toReversed()) await role.stop();
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function withMiners(
  folder: string,
  engine: ChildRole,
  { connections, hashesPerSecond }: typeof LISTENERS,
  seconds: number,
): Promise<Load> {
  const port = (engine.info.stratumPorts as number[])[0];
  const miner = await startChildRole({
    name: 'miners',
    args: [
      ...['miner', '--port', String(port), '--network', NETWORK, '--connections', String(connections)],
      ...['--hashes-per-second', String(hashesPerSecond)],
    ],
    logFile: join(folder, 'miner.log'),
  });
  try {
    await delay(WARM_UP_MS);
    return await loadOver(engine, seconds);
  } finally {
    await miner.stop();
  }
}

async function loadOver(engine: ChildRole, seconds: number): Promise<Load> {
  const before = await sampleOf(engine);
  await delay(seconds * 1_000);
  const after = await sampleOf(engine);
  const perSecond = (what: 'mainUs' | 'allUs' | 'jobs' | 'shares'): number =>
    ((after[what] - before[what]) * 1_000) / (after.atMs - before.atMs);
  const mainUs = perSecond('mainUs');
  return {
    mainUs,
    otherUs: perSecond('allUs') - mainUs,
    jobs: perSecond('jobs'),
    shares: perSecond('shares'),
    rssBytes: after.rssBytes,
  };
}

async function sampleOf(engine: ChildRole): Promise<Sample> {
  const response = await fetch(new URL('/metrics', String(engine.info.httpUrl)));
  const text = await response.text();
  const metric = (name: string): number =>
    Number(new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (\\S+)`, 'm').exec(text)?.[1] ?? Number.NaN);
  const { pid } = engine.process;
  // Of the thread that a process began with, in ns.
  const [mainNs] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ');
  return {
    atMs: performance.now(),
    mainUs: Number(mainNs) / NS_PER_US,
    allUs: metric('process_cpu_seconds_total') * US_PER_SECOND,
    rssBytes: metric('process_resident_memory_bytes'),
    jobs: metric('sluice_stratum_jobs_sent_total'),
    shares: metric('sluice_validation_submissions_total{verdict="share"}'),
  };
}

/** Pure. Two loads over what idles: main = jobs x send + shares x share, solved for both. */
export function curveOf(idle: Load, listening: Load, sending: Load): CostCurve {
  const [mainA, mainB] = [listening.mainUs - idle.mainUs, sending.mainUs - idle.mainUs];
  const determinant = listening.jobs * sending.shares - sending.jobs * listening.shares;
  const sendUs = (mainA * sending.shares - mainB * listening.shares) / determinant;
  const shareMainUs = (listening.jobs * mainB - sending.jobs * mainA) / determinant;
  const shareOtherUs = (sending.otherUs - idle.otherUs) / sending.shares;
  if (!(sendUs > 0 && shareMainUs > 0 && shareOtherUs > 0)) {
    throw new EdgeError(
      'SLUICE_CAPACITY_UNCLEAR',
      'the measurement makes no sense: more work cost less',
      'The machine was busy with something else. Try again, with --seconds 20.',
    );
  }
  const { cpu, cores } = machineLimits();
  return {
    machine: `${cpu}, ${cores} cores`,
    takenAt: new Date().toISOString(),
    shareMainUs,
    shareOtherUs,
    sendUs,
    // Its processes are not measured; the machine's speed is.
    databaseShareUs: (MEASURED_CURVE.databaseShareUs * shareMainUs) / MEASURED_CURVE.shareMainUs,
    idleUsPerSecond: idle.mainUs + idle.otherUs,
    processBytes: idle.rssBytes,
    minerBytes: Math.max(MINER_BYTES_MIN, (listening.rssBytes - idle.rssBytes) / LISTENERS.connections),
  };
}

function configText(folder: string, nodeAddress: string, databaseUrl: string): string {
  return stringify({
    instance: 'capacity',
    kaspa: {
      network: NETWORK,
      payAddress: demoAddresses(NETWORK, 1)[0],
      nodes: [{ name: 'simulated', address: nodeAddress }],
    },
    stratum: {
      host: '127.0.0.1',
      ports: [{ port: 0, difficulty: 2 ** DIFFICULTY_LOG2, jobIntervalMs: 1_000 / JOBS_PER_SECOND }],
    },
    database: { url: databaseUrl },
    journal: { directory: join(folder, 'journal') },
    http: { host: '127.0.0.1', port: 0 },
    log: { level: 'warn' },
  });
}
