/**
 * The engine, wired: reads like a table of contents. Rooms are built from the floor up and tied once; `close` undoes it in the
 * order in which shares fall: stop accepting, judge what was received, make it durable, answer, store, leave.
 */
import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { LIMITS } from '../../config/limits.ts';
import type { Config } from '../../config/schema.ts';
import { type ApiHandle, startApi } from '../api/api-client.ts';
import type { ReloadAnswer } from '../api/operator/status-schema.ts';
import { KaspaChain } from '../chains/kaspa/kaspa-chain.ts';
import { selfTestReference } from '../chains/kaspa/reference-pow.ts';
import { HashrateWindow } from '../domain/hashrate.ts';
import { POTS } from '../domain/pot.ts';
import { recentWork } from '../journal/replay.ts';
import { openShareJournal, type ShareJournal } from '../journal/share-journal.ts';
import { EdgeError } from '../kit/edge-error.ts';
import type { Logger } from '../kit/log.ts';
import { createRegistry, type Registry } from '../kit/metrics.ts';
import { InstanceClaim } from '../ledger/instance-claim.ts';
import type { PoolTerms } from '../ledger/views/pool-terms.ts';
import type { EngineInside, EngineReport } from '../live/engine-report.ts';
import { StageLatencies } from '../live/stage-latencies.ts';
import type { InheritedSocket } from '../stratum/socket/inherited-sockets.ts';
import {
  createStratum,
  type PortOptions,
  type Stratum,
  type StratumOptions,
} from '../stratum/stratum-server.ts';
import { JobFeed, type PaceGroup } from '../templates/job-feed.ts';
import type { Configuration } from './configuration.ts';
import { openConsole } from './engine-console.ts';
import { EngineGauges } from './engine-gauges.ts';
import { EngineInsideGatherer } from './engine-inside.ts';
import { reloadEngine } from './engine-reload.ts';
import { lastNumberedSegment } from './journal-numbering.ts';
import { type EngineClocks, Ledger } from './ledger-desk.ts';
import { LivePulse } from './live-pulse.ts';
import { MetricsPush } from './metrics-push.ts';
import type { OperatorHandle } from './operator-client.ts';
import { poolTerms } from './pool-terms.ts';
import { PoolView } from './pool-view.ts';
import { portOptions } from './port-options.ts';
import { RefusalTeller } from './refusal-teller.ts';
import { Renewals } from './renewals.ts';
import { buildSharePath, type SharePath } from './share-path.ts';
import { WorkerNames } from './worker-names.ts';

/** Longest window the page asks for. */
const HASHRATE_WINDOW_S = 3_600;
/** A share's way through kernel and disk takes milliseconds; what is not done after this has met a dead disk. */
const DRAIN_DEADLINE_MS = 10_000;
/** The loader carries on at the next start, so leaving does not wait for a database that is away. */
const LOADER_DRAIN_MS = 15_000;
const DRAIN_POLL_MS = 5;
const RANDOM_STEPS = 2 ** 32;

export interface Engine {
  readonly stratumPorts: readonly number[];
  readonly httpUrl: string;
  readonly bootUnixMs: number;
  view(): ReturnType<PoolView['snapshot']>;
  /** For the operator alone. */
  inside(): EngineInside;
  /** As a person opens it; '' when there is no console. */
  readonly operatorAddress: string;
  /** Reads again what may change while it runs: the configuration, bans, certificates. */
  reload(): void;
  /** Ordered; safe to call twice. */
  close(): Promise<void>;
}

/** @param inherited sockets to listen on instead of binding the configured ports */
export async function startEngine(
  configuration: Configuration,
  databaseUrl: string,
  log: Logger,
  inherited: readonly InheritedSocket[] = [],
): Promise<Engine> {
  selfTestReference();
  const config = configuration.inForce;
  const clocks: EngineClocks = { clock: () => performance.now(), wallClock: Date.now };
  const bootUnixMs = Date.now();
  const registry = createRegistry();
  const stages = new StageLatencies();
  const hashrate = new HashrateWindow(HASHRATE_WINDOW_S, bootUnixMs);
  const chain = openChain(config, log, clocks);
  const ports = config.stratum.ports.map((port) => portOptions(port, config.stratum.host, process.env));
  const renewals = new Renewals({ ports, banFile: config.stratum.banFile, log });

  const { directory, durability } = config.journal;
  if (durability === 'none')
    log.warn('journal.durability is none: shares answered just before a power loss may be lost');
  const afterSegment = await lastNumberedSegment(directory, config.instance, databaseUrl, log);
  // Rooms that answer each other are tied through these two, which exist before either is asked anything.
  let path: SharePath | undefined;
  const journal = await openShareJournal({
    directory,
    durability,
    afterSegment,
    instanceName: config.instance,
    bootUnixMs,
    listener: {
      onDurable: (sequence) => path?.verdicts.onDurable(sequence),
      onFailure: (sequence, reason) => path?.verdicts.onFailure(sequence, reason),
      onRecovered: () => path?.verdicts.onRecovered(),
    },
    log,
    registry,
  });
  // Under the journal's lock, so that an engine that is still stopping has written its last: work may be handed out again.
  const seenWork = await recentWork(directory, bootUnixMs - LIMITS.replayWindowMs);
  const names = new WorkerNames(journal);
  const pots = config.stratum.ports.map((port) => POTS[port.scheme]);
  const refusals = new RefusalTeller({ bootUnixMs, pots, log, wallClock: clocks.wallClock });
  const stratum = stratumOf(config, chain, clocks, {
    ...{ ports, registry, stages, log, inherited },
    ...{ bans: renewals.bans, workers: names, onRefusals: refusals.onRefusals },
  });
  const ledger = new Ledger({ config, databaseUrl, journal, chain, names, registry, stages, log, clocks });
  path = buildSharePath({
    threads: config.validation.threads || Math.max(1, availableParallelism() - 1),
    inlineRecordsMax: config.validation.inlineRecordsMax,
    bootUnixMs,
    seenWork,
    chain,
    journal,
    pots,
    replies: stratum.replySink,
    hashrate,
    registry,
    stages,
    log,
    ...clocks,
    onBlock: (block) => ledger.submit(block),
  });
  const feed = feedOf(config, path, stratum, clocks);
  const terms = poolTerms(config);
  const parts: Parts = {
    ...{ config, configuration, databaseUrl, chain, journal, stratum, ledger, path, feed },
    ...{ log, registry, terms, stages, ports, renewals, refusals },
    claim: new InstanceClaim({ databaseUrl, instance: config.instance, log }),
  };
  try {
    return await openDoors(parts, bootUnixMs, hashrate, clocks);
  } catch (error) {
    await closeEngine(parts, {});
    throw error;
  }
}

function stratumOf(
  { stratum: { enforceExtranonce } }: Config,
  chain: KaspaChain,
  { clock }: EngineClocks,
  rooms: Omit<StratumOptions, 'checkAddress' | 'clock' | 'random'>,
): Stratum {
  if (!enforceExtranonce)
    rooms.log.warn(
      'extranonces are not enforced: a share may be sent on whichever connection credits it most',
    );
  return createStratum({
    ...rooms,
    enforceExtranonce,
    clock,
    checkAddress: (text) => chain.checkAddress(text),
    // Not Math.random: its next value can be computed from the extranonces that it gave before.
    random: () => randomInt(RANDOM_STEPS) / RANDOM_STEPS,
  });
}

function feedOf(config: Config, path: SharePath, stratum: Stratum, { clock }: EngineClocks): JobFeed {
  return new JobFeed({
    registry: path.jobs,
    groups: paceGroups(config),
    announce: (portIndex, job) => void stratum.announce(portIndex, job),
    clock,
    schedule: (callback, delayMs) => {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
    keepAliveMs: LIMITS.jobKeepAliveMs,
    stallMs: LIMITS.templateStallMs,
  });
}

interface Parts {
  /** As it was at the start. */
  readonly config: Config;
  readonly configuration: Configuration;
  readonly databaseUrl: string;
  readonly chain: KaspaChain;
  readonly journal: ShareJournal;
  readonly stratum: Stratum;
  readonly ledger: Ledger;
  readonly path: SharePath;
  readonly feed: JobFeed;
  readonly log: Logger;
  readonly registry: Registry;
  readonly stages: StageLatencies;
  readonly terms: PoolTerms;
  readonly ports: readonly PortOptions[];
  readonly renewals: Renewals;
  readonly claim: InstanceClaim;
  readonly refusals: RefusalTeller;
}

interface Doors {
  readonly api?: ApiHandle;
  readonly operator?: OperatorHandle | undefined;
}

/** Everything is wired; now templates may come, then miners, then people. */
async function openDoors(
  parts: Parts,
  bootUnixMs: number,
  hashrate: HashrateWindow,
  clocks: EngineClocks,
): Promise<Engine> {
  const { config, configuration, chain, stratum, ledger, path, feed, log, registry, terms, databaseUrl } =
    parts;
  const { renewals } = parts;
  await parts.claim.take();
  ledger.start(path.oldestUnderWayMs);
  await chain.open({ onTemplate: (template) => feed.onTemplate(template), onStatus: () => {} });
  const opened = await stratum.open(path.intake);
  renewals.start((bans) => stratum.setBans(bans));
  const stratumPorts = opened.map((one) => one.port);
  let apiThread: ApiHandle | undefined;
  const inside = new EngineInsideGatherer({ ...parts, ...clocks, apiBusyMs: () => apiThread?.busyMs ?? 0 });
  const gauges = new EngineGauges({ ...parts, ...clocks, httpEngine: () => apiThread?.engine ?? '' });
  const push = pushOf(config, registry, log);
  const reload = (dryRun = false): ReloadAnswer => reloadEngine(parts, dryRun);
  const { instance, live } = config;
  const pulse = new LivePulse({ ...live, instance, stratum, inside: () => inside.inside(), ...clocks });
  const inForce = (): Config => configuration.inForce;
  const told = { config: inForce, sessions: () => pulse.counts, bootUnixMs, hashrate, stratumPorts };
  const view = new PoolView({ ...parts, ...clocks, ...told });
  const report = (): EngineReport => {
    const snapshot = view.snapshot();
    return { instance, pid: process.pid, snapshot, inside: inside.inside() };
  };
  const operator = await openConsole({ ...parts, report, reload });
  const pages = { terms, databaseUrl, snapshot: () => view.snapshot(), live: pulse.source() };
  const api = await startApi({ ...config.http, ...pages, registry, log }).catch(async (error) => {
    await operator?.close();
    throw error;
  });
  apiThread = api;
  inside.start();
  gauges.start();
  pulse.start(api);
  parts.refusals.start({ stratum, loader: () => ledger.loader });
  push?.start();
  const doors: Doors = { api, operator };
  const { address: console = 'none' } = operator ?? {};
  log.info({ stratumPorts, http: api.url, engine: api.engine, operator: console }, 'engine is up');
  let closing: Promise<void> | undefined;
  return {
    stratumPorts,
    httpUrl: api.url,
    bootUnixMs,
    view: () => view.snapshot(),
    inside: () => inside.inside(),
    operatorAddress: operator?.address ?? '',
    reload: () => void reload(),
    close: () => {
      inside.close();
      gauges.close();
      pulse.close();
      closing ??= Promise.all([closeEngine(parts, doors), push?.close()]).then(() => {});
      return closing;
    },
  };
}

async function closeEngine(parts: Parts, { api, operator }: Doors): Promise<void> {
  const { stratum, feed, path, journal, ledger, chain, log, renewals, claim, refusals } = parts;
  log.info('stopping: no new submissions are taken');
  renewals.close();
  feed.close();
  stratum.stopAccepting();
  const deadline = performance.now() + DRAIN_DEADLINE_MS;
  const idle = () => stratum.heldCount() === 0 && path.idle();
  while (!idle() && performance.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
  if (!idle()) log.error({ waiting: path.verdicts.waiting }, 'some submissions leave without an answer');
  await stratum.close();
  await path.threads.close();
  await journal.close();
  await ledger.close(LOADER_DRAIN_MS, () => refusals.finish());
  await claim.close();
  await chain.close();
  await operator?.close();
  await api?.close();
  log.info('stopped');
}

function openChain(config: Config, log: Logger, clocks: EngineClocks): KaspaChain {
  const { network, payAddress, nodes, allowUnsynced } = config.kaspa;
  const chain = new KaspaChain({
    nodes,
    networkId: network,
    payAddress,
    extraData: `sluice/${config.instance}`,
    log,
    clock: clocks.clock,
    allowUnsynced,
  });
  const treasury = chain.checkAddress(payAddress);
  if (!treasury.ok) throw new EdgeError('SLUICE_CONFIG_INVALID', `kaspa.payAddress: ${treasury.reason}`);
  return chain;
}

function pushOf(config: Config, registry: Registry, log: Logger): MetricsPush | undefined {
  const { pushgateway: gateway } = config.metrics;
  return gateway && new MetricsPush({ gateway, instance: config.instance, registry, log });
}

/** Ports of equal pace share their announcements. */
function paceGroups(config: Config): PaceGroup[] {
  const groups = new Map<number, number[]>();
  for (const [index, port] of config.stratum.ports.entries()) {
    const members = groups.get(port.jobIntervalMs) ?? [];
    members.push(index);
    groups.set(port.jobIntervalMs, members);
  }
  return [...groups].map(([intervalMs, portIndexes]) => ({ intervalMs, portIndexes }));
}
