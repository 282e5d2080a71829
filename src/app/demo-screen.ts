/** What the demo shows: one screen redrawn on a terminal, a plain line now and then otherwise. Pure but for `write`. */
import colours from 'picocolors';
import { kasOf } from '../domain/money.ts';
import type { MoneyTotals } from '../ledger/money-totals.ts';
import type { PoolSnapshot } from '../live/pool-snapshot.ts';

export interface DemoPlaces {
  readonly stratumUrl: string;
  /** `sluice miner` for this pool, to copy. */
  readonly testMiner: string;
  readonly address: string;
  readonly pageUrl: string;
  readonly database: string;
  readonly node: string;
  readonly operator: string;
  readonly config: string;
  readonly logs: string;
  readonly journal: string;
}

const UNITS = ['H/s', 'kH/s', 'MH/s', 'GH/s', 'TH/s', 'PH/s', 'EH/s'] as const;

export function hashrateText(hashesPerSecond: number): string {
  let value = hashesPerSecond;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ${UNITS[unit]}`;
}

export function banner(places: DemoPlaces): string {
  const rows: [string, string][] = [
    ['stratum', `${places.stratumUrl}   user ${places.address}.myrig   password x`],
    ['page', places.pageUrl],
    ['miner', new URL(`miners/${places.address}`, places.pageUrl).href],
    ['API', new URL('api/docs', places.pageUrl).href],
    ['metrics', new URL('metrics', places.pageUrl).href],
    ['operator', places.operator],
    ['database', places.database],
    ['node', places.node],
    ['logs', places.logs],
  ];
  const lines = rows.map(([name, text]) => `  ${name.padEnd(9)} ${text}`);
  return [
    '',
    `${colours.bold('Sluice demo')}: a whole pool on this machine, on a simulated chain; its coins are worth nothing.`,
    '',
    ...lines,
    '',
    '  In another terminal, each a line to copy:',
    `    ${places.testMiner}`,
    `    npx sluice status --config ${places.config} --watch`,
    `    npx sluice journal inspect ${places.journal}`,
    '  The first is a miner of your own: it is on the page called miner above as myrig0.',
    '  For a real node: npx sluice config example > sluice.yaml, edit it, npx sluice serve --config sluice.yaml.',
    '  Ctrl-C stops everything and compares what was answered with what was stored.',
    '',
  ].join('\n');
}

/** What is worth a line of its own when it happens for the first time. */
export function firsts(snapshot: PoolSnapshot, totals: MoneyTotals | undefined): string[] {
  const events: [boolean, string][] = [
    [snapshot.shares.accepted > 0, 'first share accepted'],
    [(totals?.rewards ?? 0) > 0, 'first reward matured'],
    [(totals?.settledSompi ?? 0n) > 0n, 'first reward divided among its miners'],
    [(totals?.payoutsByState.CONFIRMED ?? 0) > 0, 'first payout confirmed'],
  ];
  return events.filter(([happened]) => happened).map(([, name]) => name);
}

export function plainLine(snapshot: PoolSnapshot, totals: MoneyTotals | undefined, elapsedS: number): string {
  const rejected = Object.values(snapshot.shares.rejected).reduce((sum, count) => sum + count, 0);
  const { blocks } = snapshot;
  return [
    `${String(Math.round(elapsedS)).padStart(4)} s`,
    `miners ${snapshot.miners}`,
    `hashrate ${hashrateText(snapshot.hashrate.m1)}`,
    `shares ${snapshot.shares.accepted} accepted ${rejected} rejected`,
    `journal ${snapshot.journal.durable} records`,
    `stored ${snapshot.database.loaded}`,
    `blocks ${blocks.found} found ${blocks.blue} blue ${blocks.red} red`,
    totals ? moneyLine(totals) : 'money unknown',
    snapshot.ready.ok ? 'ready' : `NOT READY: ${snapshot.ready.reasons.join('; ')}`,
  ].join('  ');
}

function moneyLine(totals: MoneyTotals): string {
  const halted = totals.halts.length > 0 ? ` PAYOUTS HALTED: ${totals.halts.join(', ')}` : '';
  return [
    `rewards ${totals.rewards} matured ${shortKas(totals.rewardsSompi)} KAS`,
    `owed ${shortKas(totals.owedSompi)}`,
    `in flight ${shortKas(totals.inFlightSompi)}`,
    `paid ${shortKas(totals.paidSompi)}${halted}`,
  ].join(' ');
}

/** Two digits are enough to see it grow; cut, not rounded, so that nobody sees more than there is. */
function shortKas(sompi: bigint): string {
  return kasOf(sompi).slice(0, -6);
}

function payoutLine({ lastPayout, payoutsByState, halts }: MoneyTotals): string {
  if (halts.length > 0) return colours.red(`halted: ${halts.join(', ')}`);
  if (!lastPayout) return 'none yet: a reward matures, is divided when its minute is over, and paid';
  const { id, state, payees, paidSompi, txid } = lastPayout;
  const confirmed = payoutsByState.CONFIRMED ?? 0;
  return `${confirmed} confirmed; last: no. ${id}, ${state}, ${shortKas(paidSompi)} KAS to ${payees} miners${txid ? `, ${txid.slice(0, 16)}...` : ''}`;
}

export function screen(snapshot: PoolSnapshot, totals: MoneyTotals | undefined, elapsedS: number): string {
  const rejected = Object.entries(snapshot.shares.rejected)
    .filter(([, count]) => count > 0)
    .map(([label, count]) => `${label} ${count}`)
    .join(', ');
  const { blocks, database, journal } = snapshot;
  const node = snapshot.nodes[0];
  const state = snapshot.ready.ok ? colours.green('ready') : colours.red(snapshot.ready.reasons.join('; '));
  const rows: [string, string][] = [
    ['state', `${state}, up ${Math.round(elapsedS)} s`],
    ['node', node ? `${node.synced ? 'synced' : 'not synced'}, DAA score ${node.daaScore}` : 'none'],
    ['miners', `${snapshot.miners} (${snapshot.workers} workers), ${hashrateText(snapshot.hashrate.m1)}`],
    ['shares', `${snapshot.shares.accepted} accepted${rejected ? `, rejected: ${rejected}` : ''}`],
    ['journal', `${journal.state}, ${journal.durable} records durable, ${journal.segment}`],
    ['database', `${database.state}, ${database.loaded} records loaded, ${database.lagRecords} behind`],
    ['blocks', `${blocks.found} found, ${blocks.accepted} accepted, ${blocks.blue} blue, ${blocks.red} red`],
    ['money', totals ? moneyLine(totals) : 'unknown'],
    ['payouts', totals ? payoutLine(totals) : 'unknown'],
  ];
  const lines = rows.map(([name, text]) => `  ${colours.dim(name.padEnd(9))} ${text}`);
  const recent = blocks.recent
    .slice(0, 4)
    .map((block) => `            ${block.hash.slice(0, 16)}...  ${block.worker}  ${block.colour}`);
  return [...lines, ...recent, ''].join('\n');
}
