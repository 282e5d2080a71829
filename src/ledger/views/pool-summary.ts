/**
 * The pool as a whole, from what engines tell, what the database knows and what the configuration says. Pure; never waits. With several
 * engines the numbers are of all of them together; without any, everything of them is nought and the pool is not ready.
 */
import type { EngineFeed } from '../../live/engine-feed.ts';
import type { EngineReport } from '../../live/engine-report.ts';
import type { NodeView, PoolSnapshot, PortView } from '../../live/pool-snapshot.ts';
import type { PoolFacts } from './pool-facts.ts';
import type { PoolTerms } from './pool-terms.ts';

const RECENT_BLOCKS = 20;
const H1_S = 3_600;
const H24_S = 86_400;
/** The payer tells every two seconds; one that has not for so long does not run. */
const PAYER_SILENT_MS = 30_000;

/** How many blocks the chain makes a second: its score, looked at twice. */
export interface ChainPace {
  readonly blocksPerSecond: number;
}

export function poolSummary(
  live: Pick<EngineFeed, 'engines' | 'counts'>,
  facts: PoolFacts | undefined,
  terms: PoolTerms,
  pace: ChainPace | undefined,
  nowMs: number,
) {
  const reports = live.engines();
  // Who mines on two engines is one miner.
  const counts = live.counts();
  const snapshots = reports.map(({ snapshot }) => snapshot);
  const sum = (of: (snapshot: PoolSnapshot) => number): number =>
    snapshots.reduce((total, one) => total + of(one), 0);
  const first = snapshots.toSorted((a, b) => (a.startedAt < b.startedAt ? -1 : 1))[0];
  const nodes = mergedNodes(snapshots);
  const m1 = sum(({ hashrate }) => hashrate.m1);
  return {
    version: terms.version,
    network: terms.network,
    at: new Date(nowMs).toISOString(),
    startedAt: first?.startedAt ?? new Date(nowMs).toISOString(),
    uptimeSeconds: first?.uptimeSeconds ?? 0,
    loginFormat: terms.loginFormat,
    payAddress: terms.payAddress,
    nodes,
    ports: mergedPorts(snapshots, terms),
    miners: counts.addresses,
    workers: counts.workers,
    hashrate: {
      m1,
      m10: sum(({ hashrate }) => hashrate.m10),
      h1: sum(({ hashrate }) => hashrate.h1),
      h24: (facts?.work24hHashes ?? 0) / H24_S,
    },
    chain: chainOf(facts, nodes, pace),
    shares: {
      accepted: sum(({ shares }) => shares.accepted),
      rejected: mergedCounts(snapshots.map(({ shares }) => shares.rejected)),
    },
    blocks: {
      found: sum(({ blocks }) => blocks.found),
      accepted: sum(({ blocks }) => blocks.accepted),
      refused: sum(({ blocks }) => blocks.refused),
      blue: sum(({ blocks }) => blocks.blue),
      red: sum(({ blocks }) => blocks.red),
      recent: snapshots
        .flatMap(({ blocks }) => blocks.recent)
        .toSorted((a, b) => (a.at < b.at ? 1 : -1))
        .slice(0, RECENT_BLOCKS)
        .map((block) => ({ ...block })),
      h24: facts?.blocks24h ?? 0,
      lastAt: facts?.lastBlockAt ?? null,
      luck7d: facts?.luck7d ?? null,
    },
    schemes: terms.schemes.map((scheme) => {
      const told = facts?.schemes.find((one) => one.scheme === scheme.scheme);
      const since = told?.workSinceBlock ?? null;
      return {
        ...scheme,
        hashrate: (told?.work1hHashes ?? 0) / H1_S,
        effort: since === null || !facts?.networkHashes ? null : since / facts.networkHashes,
      };
    }),
    payouts: {
      minimumSompi: String(terms.defaultThresholdSompi),
      leastThresholdSompi: String(terms.leastThresholdSompi),
      intervalSeconds: terms.payoutIntervalSeconds,
      maturityDaa: terms.maturityDaa,
      lastAt: facts?.lastPayoutAt ?? null,
      paidSompi: String(facts?.paidSompi ?? 0n),
      state: payerState(facts, nowMs),
    },
    journal: mergedJournal(snapshots),
    database: mergedDatabase(snapshots),
    ready: mergedReady(reports),
  };
}

function payerState(facts: PoolFacts | undefined, nowMs: number): 'running' | 'halted' | 'stopped' {
  if (!facts || nowMs - facts.payerToldMs > PAYER_SILENT_MS + FACTS_AGE_MS) return 'stopped';
  return facts.halted ? 'halted' : 'running';
}
/** Facts themselves are up to so old. */
const FACTS_AGE_MS = 60_000;

/** Unix ms; null: the payer does not run, is halted, or has not said. */
export function nextRoundMs(facts: PoolFacts | undefined, terms: PoolTerms, nowMs: number): number | null {
  if (!facts || payerState(facts, nowMs) !== 'running' || facts.payoutRoundMs === 0) return null;
  return Math.max(nowMs, facts.payoutRoundMs + terms.payoutIntervalSeconds * 1_000);
}

function chainOf(facts: PoolFacts | undefined, nodes: readonly NodeView[], pace: ChainPace | undefined) {
  if (facts?.networkHashes == null || facts.networkDifficulty == null || !pace) return null;
  const { blocksPerSecond } = pace;
  return {
    hashrate: facts.networkHashes * blocksPerSecond,
    difficulty: facts.networkDifficulty,
    daaScore: Math.max(0, ...nodes.map(({ daaScore }) => daaScore)),
    blocksPerSecond,
  };
}

/** A fault in its own words names addresses of machines and paths of files: those are for the operator's console and the log. */
function publicFault(fault: string | undefined, words: string): string {
  return fault ? words : '';
}

/** Every engine has its own link to the same nodes: the best of them is shown. */
function mergedNodes(snapshots: readonly PoolSnapshot[]): NodeView[] {
  const byName = new Map<string, NodeView>();
  const rank = (node: NodeView): number => Number(node.connected) * 2 + Number(node.synced);
  for (const node of snapshots.flatMap(({ nodes }) => nodes)) {
    const known = byName.get(node.name);
    if (!known || rank(node) > rank(known)) byName.set(node.name, node);
  }
  return [...byName.values()].map((node) => ({
    ...node,
    fault: publicFault(node.fault, node.connected ? 'not used' : 'not connected'),
  }));
}

/** Where it listens is the engine's to say; what it is like, the configuration's. Both are in the order of the configuration. */
function mergedPorts(snapshots: readonly PoolSnapshot[], terms: PoolTerms) {
  return terms.ports.map((port, index) => {
    const told = snapshots
      .map(({ ports }) => ports[index])
      .filter((one): one is PortView => one !== undefined);
    const scheme =
      port.transport === 'websocket' ? (port.tls ? 'wss' : 'ws') : `stratum+${port.tls ? 'ssl' : 'tcp'}`;
    const url = told[0]?.url ?? `${scheme}://${port.host}:${port.port}`;
    return {
      ...port,
      url,
      port: Number(/:(\d+)$/.exec(url)?.[1] ?? port.port),
      connections: told.reduce((total, { connections }) => total + connections, 0),
    };
  });
}

function mergedCounts(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const one of counts)
    for (const [label, count] of Object.entries(one)) sums[label] = (sums[label] ?? 0) + count;
  return sums;
}

function mergedJournal(snapshots: readonly PoolSnapshot[]): PoolSnapshot['journal'] {
  const journals = snapshots.map(({ journal }) => journal);
  const shown = journals.find(({ fault }) => fault !== '') ?? journals[0];
  return {
    state: shown?.state ?? 'unknown',
    fault: publicFault(shown?.fault, 'records cannot be written'),
    appended: journals.reduce((total, { appended }) => total + appended, 0),
    durable: journals.reduce((total, { durable }) => total + durable, 0),
    segment: shown?.segment ?? '',
  };
}

function mergedDatabase(snapshots: readonly PoolSnapshot[]): PoolSnapshot['database'] {
  const databases = snapshots.map(({ database }) => database);
  const shown = databases.find(({ fault }) => fault !== '') ?? databases[0];
  return {
    state: shown?.state ?? 'unknown',
    fault: publicFault(shown?.fault, 'it does not answer; shares wait in the journal'),
    lagRecords: databases.reduce((total, { lagRecords }) => total + lagRecords, 0),
    lagSeconds: Math.max(0, ...databases.map(({ lagSeconds }) => lagSeconds)),
    loaded: databases.reduce((total, { loaded }) => total + loaded, 0),
  };
}

/** Miners find one engine that is ready: the pool is, too. The reasons of the others are told all the same. */
function mergedReady(reports: readonly EngineReport[]): { ok: boolean; reasons: string[] } {
  if (reports.length === 0) return { ok: false, reasons: ['no engine tells anything'] };
  const reasons = reports.flatMap(({ instance, snapshot }) =>
    snapshot.ready.reasons.map((reason) => (reports.length > 1 ? `${instance}: ${reason}` : reason)),
  );
  return { ok: reports.some(({ snapshot }) => snapshot.ready.ok), reasons };
}
