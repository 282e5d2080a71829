/**
 * One miner, from the boards and from engines that run. Pure. In: an account, boards, live connections. Out: what its page shows.
 *
 * Hashrates are work over the whole window, so that of a rig which began an hour ago is a twenty-fourth over 24 hours; m10 counts
 * whole minutes that all engines have loaded.
 */

import type { EngineFeed, LiveWorker } from '../../live/engine-feed.ts';
import type { Boards } from './boards.ts';
import type { Money } from './money-board.ts';
import { nextRoundMs } from './pool-summary.ts';
import type { PoolTerms } from './pool-terms.ts';
import type { BoardAccount } from './work-board.ts';

const M10_S = 600;
const H1_S = 3_600;
const H24_S = 86_400;
/** Connected and without a share for so long: idle. */
const IDLE_AFTER_MS = 600_000;

/** Not connected, and without a share for longer: gone. It is listed, but no part of what the miner has today. */
const GONE_AFTER_MS = 86_400_000;

/** An account that has done nothing for a week is not on the board: then `slots` is empty. */
export interface MinerOf {
  readonly account: BoardAccount;
  readonly money: Money;
  /** Unix ms of the figures. */
  readonly atMs: number;
}

interface Rates {
  readonly m10: number;
  readonly h1: number;
  readonly h24: number;
}

export function minerFacts(
  { account, money, atMs }: MinerOf,
  boards: Boards,
  live: EngineFeed,
  terms: PoolTerms,
) {
  const { work, refusals } = boards;
  const connections = live.workersOf(account.address);
  const states = workerStates(account, boards, connections, atMs);
  const lastShareMs = lastShareOf({ account, atMs }, account.slots, boards, connections);
  const sum = (window: 'h1' | 'h24'): number =>
    account.slots.reduce((total, slot) => total + work.sharesOf(slot)[window], 0);
  const threshold = money.thresholdSompi ?? terms.defaultThresholdSompi;
  return {
    address: account.address,
    at: new Date(atMs).toISOString(),
    firstSeenAt: account.firstSeenAt,
    lastShareAt: momentOf(lastShareMs),
    hashrate: ratesOf(account.slots, boards),
    workers: {
      online: states.filter(({ state }) => state === 'online').length,
      idle: states.filter(({ state }) => state === 'idle').length,
      offline: states.filter(({ state }) => state === 'offline').length,
    },
    shares: {
      h1: { accepted: sum('h1'), rejected: refusals.of('h1', account.slots) },
      h24: { accepted: sum('h24'), rejected: refusals.of('h24', account.slots) },
    },
    balanceSompi: String(money.balanceSompi),
    immatureSompi: String(awaitedOf(account, boards, terms)),
    inFlightSompi: String(money.inFlightSompi),
    paidSompi: String(money.paidSompi),
    earned24hSompi: String(money.earned24hSompi),
    threshold: { sompi: String(threshold), asked: money.thresholdSompi !== undefined },
    donationBasisPoints: money.donationBasisPoints,
    settingsSignedAt: money.settingsSignedAt,
    nextPayout: nextPayout(money, threshold, boards, terms, { firstSeenAt: account.firstSeenAt, atMs }),
  };
}

function nextPayout(
  money: Money,
  threshold: bigint,
  boards: Boards,
  terms: PoolTerms,
  { firstSeenAt, atMs }: { readonly firstSeenAt: string; readonly atMs: number },
) {
  const { balanceSompi: balance, earned24hSompi: earned } = money;
  const paysNow = balance >= threshold;
  const missing = Number(threshold - balance);
  // Who came an hour ago earned in an hour what is called a day's.
  const earnedInSeconds = Math.min(H24_S, Math.max(60, (atMs - Date.parse(firstSeenAt)) / 1_000));
  return {
    at: momentOf(nextRoundMs(boards.facts, terms, atMs)),
    paysNow,
    estimateSompi: paysNow ? String(balance) : '0',
    reachedInSeconds: paysNow
      ? 0
      : earned > 0n
        ? Math.ceil((missing * earnedInSeconds) / Number(earned))
        : null,
  };
}

/**
 * Its part of rewards that nobody has been credited for yet: as large as its part of the pool's work of 24 hours, before the fee is
 * known to the sompi. SOLO rewards are the finder's. PPS and FPPS are credited by the minute and wait for nothing.
 */
function awaitedOf(account: BoardAccount, { facts, work }: Boards, terms: PoolTerms): bigint {
  if (!facts) return 0n;
  const afterFee = (sompi: bigint, scheme: string): bigint => {
    const percent = terms.schemes.find((one) => one.scheme === scheme)?.feePercent ?? 0;
    return (sompi * BigInt(Math.round((100 - percent) * 100))) / 10_000n;
  };
  const own = account.slots.reduce((total, slot) => total + work.windowsOf(slot).h24, 0);
  const part = facts.work24hHashes > 0 ? Math.min(1, own / facts.work24hHashes) : 0;
  let sum = afterFee(facts.awaitedByFinder.get(account.id) ?? 0n, 'solo');
  for (const { scheme, sompi } of facts.awaited) {
    if (scheme === 'pps' || scheme === 'fpps') continue;
    sum += BigInt(Math.floor(Number(afterFee(sompi, scheme)) * part));
  }
  return sum;
}

interface WorkerState {
  readonly name: string;
  readonly state: 'online' | 'idle' | 'offline' | 'gone';
  readonly slots: readonly number[];
  readonly connections: readonly LiveWorker[];
  readonly lastShareMs: number;
}

function workerStates(
  account: BoardAccount,
  boards: Boards,
  connections: readonly LiveWorker[],
  atMs: number,
): WorkerState[] {
  const { work } = boards;
  const byName = new Map<string, { slots: number[]; connections: LiveWorker[] }>();
  const entry = (name: string) => {
    let found = byName.get(name);
    if (!found) byName.set(name, (found = { slots: [], connections: [] }));
    return found;
  };
  for (const slot of account.slots) entry(work.nameOf(slot)).slots.push(slot);
  for (const connection of connections) entry(connection.worker).connections.push(connection);
  return [...byName].map(([name, { slots, connections: own }]) => {
    const lastShareMs = lastShareOf({ account, atMs }, slots, boards, own);
    const lively = atMs - lastShareMs < IDLE_AFTER_MS;
    const left = atMs - lastShareMs < GONE_AFTER_MS ? 'offline' : 'gone';
    const state = own.length === 0 ? left : lively ? 'online' : 'idle';
    return { name, state, slots, connections: own, lastShareMs };
  });
}

/** Most trouble first; of equals the one with more work. */
export function workerFacts({ account, atMs }: MinerOf, boards: Boards, live: EngineFeed) {
  const { work, refusals } = boards;
  return workerStates(account, boards, live.workersOf(account.address), atMs)
    .map(({ name, state, slots, connections, lastShareMs }) => {
      const newest = connections.reduce<LiveWorker | undefined>(
        (best, one) => (best === undefined || one.connectedAtUnixMs > best.connectedAtUnixMs ? one : best),
        undefined,
      );
      const hashrate = ratesOf(slots, boards);
      const accepted24h = slots.reduce((total, slot) => total + work.sharesOf(slot).h24, 0);
      const rejected24h = refusals.of('h24', slots);
      return {
        ...{ name, state, hashrate, accepted24h, rejected24h },
        lastShareAt: momentOf(lastShareMs),
        connections: connections.length,
        connectedSince:
          newest === undefined
            ? null
            : momentOf(Math.min(...connections.map(({ connectedAtUnixMs }) => connectedAtUnixMs))),
        difficulty: newest?.difficulty ?? null,
        agent: newest?.agent ?? '',
        port: newest?.port ?? '',
        blocks24h: boards.blocks24h(slots),
        trouble: troubleOf(state, hashrate, accepted24h, rejected24h),
      };
    })
    .sort(
      (a, b) =>
        b.trouble - a.trouble ||
        b.hashrate.h24 - a.hashrate.h24 ||
        (b.lastShareAt ?? '').localeCompare(a.lastShareAt ?? '') ||
        (a.name < b.name ? -1 : 1),
    );
}

const OFFLINE_TROUBLE = 300;
const REJECTS_TROUBLE = 200;
const IDLE_TROUBLE = 100;
/** Perhaps it was sold. */
const GONE_TROUBLE = 0;
/** Up to this a machine is in order: a few stale shares are nobody's fault. */
const REJECTS_FINE = 0.03;

/** Offline that worked today > many refusals > connected without shares > fine; within a class by how bad it is, below 100. */
function troubleOf(
  state: WorkerState['state'],
  hashrate: Rates,
  accepted: number,
  rejected: Readonly<Record<string, number>>,
): number {
  const refused = Object.values(rejected).reduce((sum, count) => sum + count, 0);
  const part = refused / Math.max(1, refused + accepted);
  if (state === 'gone') return GONE_TROUBLE;
  if (state === 'offline') return hashrate.h24 > 0 ? OFFLINE_TROUBLE + lostPart(hashrate) * 99 : 0;
  if (part > REJECTS_FINE) return REJECTS_TROUBLE + part * 99;
  return state === 'idle' ? IDLE_TROUBLE : 0;
}

/** 1 = it stopped just now at its usual pace, 0 = long ago. */
function lostPart({ h1, h24 }: Rates): number {
  return h24 > 0 ? Math.min(1, h1 / h24) : 0;
}

function ratesOf(slots: readonly number[], { work }: Boards): Rates {
  let m10 = 0;
  let h1 = 0;
  let h24 = 0;
  for (const slot of slots) {
    const hashes = work.windowsOf(slot);
    m10 += hashes.m10;
    h1 += hashes.h1;
    h24 += hashes.h24;
  }
  return { m10: m10 / M10_S, h1: h1 / H1_S, h24: h24 / H24_S };
}

/** The board knows the minute of a share, which may not be over yet. */
function lastShareOf(
  { account, atMs }: Pick<MinerOf, 'account' | 'atMs'>,
  slots: readonly number[],
  { work }: Boards,
  connections: readonly LiveWorker[],
): number {
  let last = 0;
  for (const slot of slots) last = Math.max(last, work.lastShareMs(slot));
  last = Math.min(last, Math.max(atMs, Date.parse(account.firstSeenAt)));
  for (const { lastShareAtUnixMs } of connections) last = Math.max(last, lastShareAtUnixMs);
  return last;
}

/** Of a farm most moments are the same: ends of the minute that was read last. */
let lastMoment = { ms: Number.NaN, text: '' };

function momentOf(ms: number | null): string | null {
  if (ms === null || !Number.isFinite(ms) || ms <= 0) return null;
  if (ms !== lastMoment.ms) lastMoment = { ms, text: new Date(ms).toISOString() };
  return lastMoment.text;
}
