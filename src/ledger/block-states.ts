/** How a found block moves from state to state, and how the moves are counted. Pure. */
import type { BlockFate, SubmitReport } from '../chains/chain.ts';
import type { BlockProgress, BlockState } from './stores/store.ts';

/** One yes makes it accepted; it is refused only when every node has answered no, since an unheard node may have it. */
export function stateOfReports(reports: readonly SubmitReport[]): BlockState {
  if (reports.some((report) => report.outcome === 'accepted')) return 'accepted';
  if (reports.length > 0 && reports.every((report) => report.outcome === 'refused')) return 'refused';
  return 'submitted';
}

export function withReports<T extends BlockProgress>(block: T, reports: readonly SubmitReport[]): T {
  const all = [...block.reports, ...reports];
  const early = block.state === 'candidate' || block.state === 'submitted' || block.state === 'accepted';
  return { ...block, reports: all, state: early ? stateOfReports(all) : block.state };
}

/**
 * Until the merging block is `finalConfirmations` deep a reorg may turn blue into red and back, so a shallow red block stays
 * in the followed state `accepted`, with colour red, and one whose merging block went away is accepted again. A blue one stays blue
 * for the payer to see, who alone makes it matured.
 */
export function withFate<T extends BlockProgress>(block: T, fate: BlockFate, finalConfirmations: number): T {
  const deep = fate.confirmations >= finalConfirmations;
  let state = block.state;
  if (fate.colour === 'blue') state = 'blue';
  else if (fate.colour === 'red') state = deep ? 'red' : 'accepted';
  else if (state === 'blue') state = 'accepted';
  return {
    ...block,
    state,
    colour: fate.colour,
    mergingBlockHash: fate.mergingBlockHash,
    rewardSompi: fate.colour === 'red' ? 0n : fate.reward,
    deep: deep && fate.colour !== 'unknown',
  };
}

/** The time to follow it is over: what the chain said last stands. */
export function atEndOfFollowing<T extends BlockProgress>(block: T): T {
  const state = block.colour === 'blue' ? 'blue' : block.colour === 'red' ? 'red' : 'orphaned';
  return { ...block, state, deep: true };
}

export function sameProgress(a: BlockProgress, b: BlockProgress): boolean {
  return (
    a.state === b.state &&
    a.reports.length === b.reports.length &&
    a.colour === b.colour &&
    a.mergingBlockHash === b.mergingBlockHash &&
    a.rewardSompi === b.rewardSompi &&
    a.deep === b.deep
  );
}

/**
 * What this process has seen blocks do. `found`, `accepted` and `refused` only rise; a reorg may move a block between
 * `blue` and `red`. Blocks of an earlier run are counted from what they do in this one.
 */
export class BlockTally {
  found = 0;
  accepted = 0;
  refused = 0;
  blue = 0;
  red = 0;
  matured = 0;
  orphaned = 0;

  moved(before: BlockProgress, after: BlockProgress): void {
    if (isUnanswered(before.state) && !isUnanswered(after.state)) {
      if (after.state === 'refused') this.refused++;
      else if (after.state !== 'orphaned') this.accepted++;
    }
    if (before.colour !== after.colour) {
      if (before.colour !== 'unknown') this[before.colour]--;
      if (after.colour !== 'unknown') this[after.colour]++;
    }
    if (!before.deep && after.deep && after.state === 'blue') this.matured++;
    if (before.state !== after.state && after.state === 'orphaned') this.orphaned++;
  }
}

function isUnanswered(state: BlockState): boolean {
  return state === 'candidate' || state === 'submitted';
}
