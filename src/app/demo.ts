/**
 * `sluice demo`: the whole pool on this machine. Every part is the real one, as a process of its own: PostgreSQL, a node
 * that speaks kaspad's protocol, the engine as `sluice serve` runs it, miners over TCP. Only the chain is simulated.
 *
 *   demo --+-- PostgreSQL   (embedded, kept under .sluice between runs; a database for each chain, see demo-chain)
 *          +-- simnode      gRPC; keeps nothing, so each start is a new chain
 *          +-- serve        stratum, page, journal
 *          +-- payer        rewards, settlements, payouts
 *          +-- miner        four dialects
 */

import { relative } from 'node:path';
import { EdgeError, messageOf } from '../kit/edge-error.ts';
import { createLogger, type Logger } from '../kit/log.ts';
import { type MoneyTotals, readMoneyTotals } from '../ledger/money-totals.ts';
import { openDatabase } from '../ledger/stores/postgres.ts';
import type { PoolSnapshot } from '../live/pool-snapshot.ts';
import { demoAddresses } from '../miner/miner.ts';
import { type ChildRole, startChildRole } from './child-role.ts';
import { beginChain, type DemoChain } from './demo-chain.ts';
import {
  DEMO_MATURITY_DAA,
  DEMO_NETWORK,
  DEMO_NETWORK_DIFFICULTY_LOG2,
  DEMO_OPERATOR_PORT,
  type DemoFolders,
  type DemoOptions,
  freePortNear,
  makeFolders,
  writeDemoConfig,
} from './demo-plan.ts';
import { banner, firsts, plainLine, screen } from './demo-screen.ts';
import { countDemo, type DemoSummary, summaryText, writeSummary } from './demo-summary.ts';
import { type KeptPostgres, keepPostgres } from './kept-postgres.ts';
import { onStopRequested } from './role-channel.ts';

const REDRAW_MS = 1_000;
const PLAIN_LINE_MS = 5_000;
/** Blocks found in the last moments are merged within a second or two on the simulated chain. */
const COLOUR_WAIT_MS = 3_000;

export async function runDemo(options: DemoOptions): Promise<number> {
  const startedMs = performance.now();
  const folders = makeFolders(options.data);
  const log = createLogger('warn', 'demo');
  const house: Partial<House> = {};
  let stop: (reason: string) => void = () => {};
  const stopRequested = new Promise<string>((resolve) => {
    stop = resolve;
  });
  onStopRequested(stop);
  try {
    say('Sluice is starting: PostgreSQL, simulated node, engine, miners ...');
    const started = await openHouse(house, folders, options, log, stopRequested);
    if (!started) return 130;
    const failed = watchRoles(started, stop);
    if (options.seconds) setTimeout(() => stop('time is up'), options.seconds * 1000).unref();
    await showUntil(started, folders, stopRequested, startedMs);
    const summary = await closeInOrder(started, startedMs);
    say(summaryText(summary, failed()));
    if (options.summary) writeSummary(options.summary, summary);
    return summary.equal && failed() === '' ? 0 : 1;
  } finally {
    await tearDown(house);
  }
}

interface House {
  postgres: KeptPostgres;
  simnode: ChildRole;
  chain: DemoChain;
  engine: ChildRole;
  payer: ChildRole;
  miner: ChildRole | undefined;
}

/** Undefined when somebody asked to stop before everything stood. */
async function openHouse(
  house: Partial<House>,
  folders: DemoFolders,
  options: DemoOptions,
  log: Logger,
  stopRequested: Promise<string>,
): Promise<House | undefined> {
  let asked = false;
  void stopRequested.then(() => {
    asked = true;
  });
  const logFile = (name: string) => `${folders.logs}/${name}.log`;
  const [postgres, simnode] = await Promise.all([
    keepPostgres(folders.database, log),
    startChildRole({
      name: 'simulated node',
      args: [
        'simnode',
        '--listen',
        '127.0.0.1:0',
        '--network',
        DEMO_NETWORK,
        '--difficulty-log2',
        String(DEMO_NETWORK_DIFFICULTY_LOG2),
        '--maturity',
        String(DEMO_MATURITY_DAA),
      ],
      logFile: logFile('simnode'),
    }),
  ]);
  house.postgres = postgres;
  house.simnode = simnode;
  if (asked) return undefined;
  const chain = await beginChain(folders.chains, postgres.first.url, Date.now(), log);
  const stratumPort = await freePortNear(options.stratumPort);
  const httpPort = await freePortNear(options.httpPort);
  const operatorPort = await freePortNear(DEMO_OPERATOR_PORT);
  const nodeAddress = String(simnode.info.address);
  writeDemoConfig(folders, options, { nodeAddress, chain, stratumPort, httpPort, operatorPort });
  const engine = await startChildRole({
    name: 'engine',
    args: ['serve', '--config', folders.config],
    logFile: logFile('engine'),
  });
  house.engine = engine;
  if (asked) return undefined;
  const payer = await startChildRole({
    name: 'payer',
    args: ['payer', '--config', folders.config],
    logFile: logFile('payer'),
  });
  house.payer = payer;
  if (asked) return undefined;
  house.miner = options.miners === 0 ? undefined : await startMiners(options, stratumPort, logFile('miner'));
  return { postgres, simnode, chain, engine, payer, miner: house.miner };
}

async function startMiners(options: DemoOptions, port: number, logFile: string): Promise<ChildRole> {
  return await startChildRole({
    name: 'miners',
    args: [
      ...['miner', '--port', String(port), '--dialect', 'mixed', '--connections', String(options.miners)],
      ...['--network', DEMO_NETWORK, '--hashes-per-second', String(options.hashrate)],
      ...['--addresses', demoAddresses(DEMO_NETWORK, payeesOf(options.miners)).join(',')],
      // A few bad ones, so that every answer can be seen.
      ...['--duplicate-rate', '0.02', '--stale-rate', '0.01', '--bad-rate', '0.02'],
    ],
    logFile,
  });
}

/** Two rigs to an address, so that payouts have more than one payee; so many of nobody's addresses fit into a command line. */
function payeesOf(miners: number): number {
  return Math.min(100, Math.ceil(miners / 2));
}

/** A part that ends by itself ends the demo, and says so. */
function watchRoles(house: House, stop: (reason: string) => void): () => string {
  let failed = '';
  let stopping = false;
  for (const role of [house.simnode, house.engine, house.payer, house.miner]) {
    void role?.exited.then((code) => {
      if (stopping || role.process.killed) return;
      failed = `the ${role.name} ended by itself with code ${code}`;
      stopping = true;
      stop(failed);
    });
  }
  return () => failed;
}

async function showUntil(
  house: House,
  folders: DemoFolders,
  stopRequested: Promise<string>,
  startedMs: number,
): Promise<void> {
  const pageUrl = String(house.engine.info.httpUrl);
  const ports = house.engine.info.stratumPorts as number[];
  const address = demoAddresses(DEMO_NETWORK, 1)[0]!;
  say(
    banner({
      stratumUrl: `stratum+tcp://127.0.0.1:${ports[0]}`,
      address,
      testMiner: `npx sluice miner --port ${ports[0]} --connections 1 --worker-prefix myrig --addresses ${address}`,
      pageUrl: pageUrl.endsWith('/') ? pageUrl : `${pageUrl}/`,
      database: `embedded PostgreSQL ${house.postgres.first.version}, data in ${house.postgres.first.dataDir}, database chain_${house.chain.name}`,
      node: `simulated kaspad, gRPC ${house.simnode.info.address}, ten blocks a second`,
      operator: `${house.engine.info.operatorAddress}   token in ${relative('.', folders.operatorToken)}`,
      config: relative('.', folders.config),
      logs: relative('.', folders.logs),
      journal: relative('.', house.chain.journal),
    }),
  );
  const books = openDatabase(house.chain.databaseUrl, { max: 1, applicationName: 'sluice demo' });
  try {
    await tellProgress({ pageUrl, stopRequested, startedMs, money: () => readMoneyTotals(books) });
  } finally {
    await books.end({ timeout: 1 });
  }
}

interface Progress {
  readonly pageUrl: string;
  readonly stopRequested: Promise<string>;
  readonly startedMs: number;
  readonly money: () => Promise<MoneyTotals>;
}

async function tellProgress({ pageUrl, stopRequested, startedMs, money }: Progress): Promise<void> {
  const redraw = process.stdout.isTTY === true;
  const over = stopRequested.then(() => true);
  const said = new Set<string>();
  let drawnLines = 0;
  for (;;) {
    const busy = said.size > 0 && !redraw;
    const ended = await Promise.race([over, pause(busy ? PLAIN_LINE_MS : REDRAW_MS)]);
    if (ended === true) return;
    // Either is unknown while its source starts or stops; whether one died is watched elsewhere.
    const [snapshot, totals] = await Promise.all([fetchSnapshot(pageUrl), money().catch(() => undefined)]);
    if (!snapshot) continue;
    const elapsedS = (performance.now() - startedMs) / 1000;
    if (redraw) {
      const text = screen(snapshot, totals, elapsedS);
      // Up over what was drawn last time, and clear to the end of the screen.
      process.stdout.write(`${drawnLines > 0 ? `\x1b[${drawnLines}A\x1b[J` : ''}${text}`);
      drawnLines = text.split('\n').length - 1;
      continue;
    }
    if (said.size > 0) say(plainLine(snapshot, totals, elapsedS));
    for (const event of firsts(snapshot, totals)) {
      if (!said.has(event)) say(`${event} after ${elapsedS.toFixed(1)} s`);
      said.add(event);
    }
  }
}

/** Miners first, so that every answer arrives; then the engine, which drains into the database; then the payer; then the counts. */
async function closeInOrder(house: House, startedMs: number): Promise<DemoSummary> {
  say('stopping: miners, then the engine, which flushes journal and database, then the payer ...');
  await house.miner?.stop();
  await waitForColours(String(house.engine.info.httpUrl));
  await house.engine.stop();
  await house.payer.stop();
  return await countDemo({
    chain: house.chain,
    bootUnixMs: Number(house.engine.info.bootUnixMs),
    miner: house.miner?.final(),
    simnode: await finalOf(house.simnode),
    engine: house.engine.final(),
    seconds: (performance.now() - startedMs) / 1000,
  });
}

async function finalOf(role: ChildRole): Promise<unknown> {
  await role.stop();
  return role.final();
}

async function waitForColours(pageUrl: string): Promise<void> {
  const deadline = performance.now() + COLOUR_WAIT_MS;
  while (performance.now() < deadline) {
    const blocks = (await fetchSnapshot(pageUrl))?.blocks;
    if (!blocks || blocks.blue + blocks.red + blocks.refused >= blocks.found) return;
    await pause(200);
  }
}

async function fetchSnapshot(pageUrl: string): Promise<PoolSnapshot | undefined> {
  try {
    const response = await fetch(new URL('api/v1/pool', pageUrl.endsWith('/') ? pageUrl : `${pageUrl}/`));
    return response.ok ? ((await response.json()) as PoolSnapshot) : undefined;
  } catch {
    // The engine is starting or stopping; whether it died is watched elsewhere.
    return undefined;
  }
}

async function tearDown(house: Partial<House>): Promise<void> {
  for (const role of [house.miner, house.engine, house.payer, house.simnode]) await role?.stop();
  try {
    await house.postgres?.stop();
  } catch (error) {
    throw new EdgeError('SLUICE_DATABASE_STOP', `the embedded PostgreSQL did not stop: ${messageOf(error)}`);
  }
}

function pause(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), ms));
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
