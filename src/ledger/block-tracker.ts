/**
 * Follows found blocks to their end. In flow candidates, the nodes' answers and, asked for, what the chain says; out flow
 * rows of `blocks`, counts and a short list for people. It must never hold up a submission (everything here is behind it),
 * never forget a block because the database is away, and never call a block ours to be paid: that is the chain's word.
 *
 *   candidate --submit--> submitted --a node said yes--> accepted --merged blue--> blue --(the payer booked it)--> matured
 *                             '------every node said no--> refused      '--merged red, deep enough--> red
 *   and whatever the chain, asked after `followForMs`, has not merged --> orphaned. A node that cannot be asked ends nothing.
 */
import type { BlockFate, Candidate, SubmitReport } from '../chains/chain.ts';
import { messageOf } from '../kit/edge-error.ts';
import { type Logger, ThrottledLog } from '../kit/log.ts';
import { atEndOfFollowing, BlockTally, sameProgress, withFate, withReports } from './block-states.ts';
import type { BlockStore, BlockView, FoundBlock } from './stores/store.ts';
import { isFinal } from './stores/store.ts';

export interface Finder {
  readonly address: string;
  readonly workerName: string;
  readonly pot: number;
  readonly foundAtUnixMs: number;
  readonly templateAgeMs: number;
  readonly queueMs: number;
}

export interface BlockTrackerOptions {
  readonly store: BlockStore;
  readonly fateOf: (blockHash: string) => Promise<BlockFate>;
  /** Unix ms. */
  readonly clock: () => number;
  readonly log: Logger;
  /** Depth of the merging block at which a colour is final; the chain's coinbase maturity. */
  readonly finalConfirmations: number;
  readonly pollIntervalMs?: number;
  readonly followForMs?: number;
  readonly trackedMax?: number;
}

interface Tracked {
  view: BlockView;
  /** What to insert; undefined when the row is known to exist. */
  insert: FoundBlock | undefined;
  /** The row differs from `view`. */
  dirty: boolean;
  nextPollAtMs: number;
  confirmations: number;
}

/** Blocks are merged within seconds on a 10 blocks/s chain; asking faster than this only tells a person sooner. */
const POLL_INTERVAL_MS = 2_000;
/** A block that no chain block merged within the pruning-safe merge depth (an hour) never will be; two, to be sure. */
const FOLLOW_FOR_MS = 2 * 3_600_000;
/** At one block in ten seconds a day without database; beyond it the oldest saved block leaves the memory, not the table. */
const TRACKED_MAX = 10_000;
/** Node calls of one round: each is a few ms, and the round shares the link with templates. */
const POLLS_PER_ROUND = 32;
/** Shown on the page and kept for it. */
const RECENT_MAX = 50;
/** Efforts are figures for people; shares are in the database a second later, and a minute must be over. */
const EFFORTS_INTERVAL_MS = 10_000;
/** Confirmations come at 10 a second: once merged, a block is asked for ten times less often. */
const MERGED_POLL_FACTOR = 10;

export class BlockTracker {
  readonly tally = new BlockTally();
  /** Empty while the store takes writes. */
  storeFault = '';
  readonly #options: BlockTrackerOptions;
  readonly #pollIntervalMs: number;
  readonly #followForMs: number;
  readonly #trackedMax: number;
  readonly #tracked = new Map<string, Tracked>();
  readonly #recent: string[] = [];
  readonly #recentViews = new Map<string, BlockView>();
  readonly #throttled = new ThrottledLog(30_000);
  #timer: NodeJS.Timeout | undefined;
  #started = false;
  #round: Promise<void> | undefined;
  #effortsAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: BlockTrackerOptions) {
    this.#options = options;
    this.#pollIntervalMs = options.pollIntervalMs ?? POLL_INTERVAL_MS;
    this.#followForMs = options.followForMs ?? FOLLOW_FOR_MS;
    this.#trackedMax = options.trackedMax ?? TRACKED_MAX;
  }

  /** Blocks followed now; those not yet in the store among them. */
  get following(): number {
    return this.#tracked.size;
  }

  get unsaved(): number {
    let count = 0;
    for (const block of this.#tracked.values()) if (block.dirty) count++;
    return count;
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    const turn = async () => {
      await this.tick();
      if (this.#started) this.#timer = setTimeout(turn, this.#pollIntervalMs);
    };
    void turn();
  }

  /** Stops following and gives the store one last chance. */
  async close(): Promise<void> {
    this.#started = false;
    clearTimeout(this.#timer);
    await this.#round;
    await this.#save();
  }

  /** Call it the moment a candidate is confirmed, before anybody has answered. Repeating a hash does nothing. */
  found(candidate: Candidate, finder: Finder): void {
    const hash = candidate.blockHash;
    if (this.#tracked.has(hash) || this.#recentViews.has(hash)) return;
    const template = candidate.template;
    const insert: FoundBlock = {
      blockHash: hash,
      address: finder.address,
      workerName: finder.workerName,
      nonce: candidate.nonce,
      prePowHash: template.prePowHash,
      templateTimestampMs: template.timestampMs,
      daaScore: template.daaScore,
      blueScore: template.blueScore,
      bits: template.bits,
      pot: finder.pot,
      foundAtUnixMs: finder.foundAtUnixMs,
      templateAgeMs: finder.templateAgeMs,
      queueMs: finder.queueMs,
    };
    const view: BlockView = {
      blockHash: hash,
      address: finder.address,
      workerName: finder.workerName,
      daaScore: template.daaScore,
      foundAtUnixMs: finder.foundAtUnixMs,
      state: 'candidate',
      reports: [],
      colour: 'unknown',
      mergingBlockHash: '',
      rewardSompi: undefined,
      deep: false,
    };
    this.tally.found++;
    // Asked for even if nobody ever tells how the submission went.
    const nextPollAtMs = this.#options.clock() + this.#pollIntervalMs * MERGED_POLL_FACTOR;
    this.#track({ view, insert, dirty: true, nextPollAtMs, confirmations: 0 });
  }

  /** The nodes' answers. May come more than once: reports add up, and one yes is enough. */
  submitted(blockHash: string, reports: readonly SubmitReport[]): void {
    const block = this.#tracked.get(blockHash);
    if (!block) return;
    block.nextPollAtMs = this.#options.clock() + this.#pollIntervalMs;
    this.#change(block, withReports(block.view, reports));
  }

  /** Newest first. */
  recent(limit: number = RECENT_MAX): BlockView[] {
    return this.#recent
      .toReversed()
      .flatMap((hash) => this.#recentViews.get(hash) ?? [])
      .sort((a, b) => b.foundAtUnixMs - a.foundAtUnixMs)
      .slice(0, limit);
  }

  /** One round: learn of blocks from the store, ask the chain, write what changed. Never throws. */
  tick(): Promise<void> {
    this.#round ??= this.#runRound().finally(() => {
      this.#round = undefined;
    });
    return this.#round;
  }

  async #runRound(): Promise<void> {
    await this.#adopt();
    await this.#poll();
    await this.#save();
    await this.#measure();
  }

  /**
   * Takes over blocks that this process did not see being found: those of an earlier run, and those whose only trace is
   * the journal (the loader inserts them as candidates). Each round, because the loader may be minutes behind at start.
   */
  async #adopt(): Promise<void> {
    const { store, clock } = this.#options;
    try {
      // Of blocks that are not followed here, other engines and the payer know more.
      for (const view of (await store.recent(RECENT_MAX)).reverse()) {
        const known = this.#recentViews.get(view.blockHash);
        if (!this.#tracked.has(view.blockHash) && !(known && isFinal(known) && !isFinal(view)))
          this.#remember(view);
      }
      for (const view of await store.unfinished(this.#trackedMax)) {
        if (this.#tracked.has(view.blockHash) || this.#tracked.size >= this.#trackedMax) continue;
        // Final here and not yet there: an update of a moment ago that this read did not see.
        const known = this.#recentViews.get(view.blockHash);
        if (known && isFinal(known)) continue;
        this.#track({ view, insert: undefined, dirty: false, nextPollAtMs: clock(), confirmations: 0 });
      }
    } catch (error) {
      this.#storeFailed(error);
    }
  }

  async #poll(): Promise<void> {
    const nowMs = this.#options.clock();
    const due = [...this.#tracked.values()]
      .filter((block) => block.nextPollAtMs <= nowMs && !isFinal(block.view))
      .sort((a, b) => a.nextPollAtMs - b.nextPollAtMs)
      .slice(0, POLLS_PER_ROUND);
    await Promise.all(due.map((block) => this.#ask(block)));
  }

  async #ask(block: Tracked): Promise<void> {
    const { fateOf, clock, log, finalConfirmations } = this.#options;
    let fate: BlockFate;
    try {
      fate = await fateOf(block.view.blockHash);
    } catch (error) {
      block.nextPollAtMs = clock() + this.#pollIntervalMs;
      this.#throttled.once('fate', clock(), (swallowed) =>
        log.warn({ reason: messageOf(error), swallowed }, 'the node could not say what became of a block'),
      );
      return;
    }
    block.confirmations = fate.confirmations;
    const merged = fate.colour !== 'unknown';
    block.nextPollAtMs = clock() + this.#pollIntervalMs * (merged ? MERGED_POLL_FACTOR : 1);
    const isOver = clock() - block.view.foundAtUnixMs > this.#followForMs;
    // An old block that the chain does not know any more has been pruned away: what was said of it before stands.
    if (merged || !isOver) this.#change(block, withFate(block.view, fate, finalConfirmations));
    if (isOver && !isFinal(block.view)) this.#giveUp(block);
  }

  #giveUp(block: Tracked): void {
    const view = atEndOfFollowing(block.view);
    this.#options.log.warn(
      {
        blockHash: view.blockHash,
        colour: view.colour,
        confirmations: block.confirmations,
        state: view.state,
      },
      'a block is no longer followed: its time is over',
    );
    this.#change(block, view);
  }

  #change(block: Tracked, view: BlockView): void {
    const before = block.view;
    if (sameProgress(before, view)) return;
    block.view = view;
    block.dirty = true;
    if (before.state !== view.state || before.colour !== view.colour || before.deep !== view.deep) {
      this.tally.moved(before, view);
      this.#options.log.info(
        {
          blockHash: view.blockHash,
          state: view.state,
          colour: view.colour,
          deep: view.deep,
          rewardSompi: view.rewardSompi?.toString(),
        },
        'block',
      );
    }
    this.#remember(view);
  }

  async #save(): Promise<void> {
    for (const block of [...this.#tracked.values()]) {
      if (!block.dirty) {
        if (isFinal(block.view)) this.#tracked.delete(block.view.blockHash);
        continue;
      }
      const saved = block.view;
      try {
        if (block.insert) await this.#options.store.insert(block.insert);
        const there = await this.#options.store.update(saved.blockHash, saved);
        // Not there although we did not have to insert it: somebody emptied the table, and there is nothing to follow.
        block.insert = undefined;
        if (!there) this.#options.log.warn({ blockHash: saved.blockHash }, 'a followed block left the table');
        this.storeFault = '';
      } catch (error) {
        // To the end of the queue: if it is this block that the store will not have, the others must not wait for it.
        this.#tracked.delete(saved.blockHash);
        this.#tracked.set(saved.blockHash, block);
        this.#storeFailed(error);
        return;
      }
      // It may have changed while the store was writing: then it stays dirty and is written again next round.
      if (block.view === saved) {
        block.dirty = false;
        if (isFinal(saved)) this.#tracked.delete(saved.blockHash);
      }
    }
  }

  async #measure(): Promise<void> {
    const nowMs = this.#options.clock();
    if (nowMs - this.#effortsAtMs < EFFORTS_INTERVAL_MS) return;
    this.#effortsAtMs = nowMs;
    try {
      await this.#options.store.measureEfforts();
    } catch (error) {
      this.#throttled.once('efforts', nowMs, (swallowed) =>
        this.#options.log.warn({ reason: messageOf(error), swallowed }, 'efforts of blocks not computed'),
      );
    }
  }

  #storeFailed(error: unknown): void {
    this.storeFault = messageOf(error);
    this.#throttled.once('store', this.#options.clock(), (swallowed) =>
      this.#options.log.warn(
        { reason: this.storeFault, unsaved: this.unsaved, swallowed },
        'found blocks cannot be written to the database; they are kept in memory and in the journal',
      ),
    );
  }

  #track(block: Tracked): void {
    if (this.#tracked.size >= this.#trackedMax) {
      // The journal holds every found block, so what leaves the memory here comes back through the loader and `adopt`.
      const oldest =
        [...this.#tracked.values()].find((candidate) => !candidate.dirty) ?? first(this.#tracked);
      if (oldest) this.#tracked.delete(oldest.view.blockHash);
    }
    this.#tracked.set(block.view.blockHash, block);
    this.#remember(block.view);
  }

  #remember(view: BlockView): void {
    if (!this.#recentViews.has(view.blockHash)) {
      this.#recent.push(view.blockHash);
      if (this.#recent.length > RECENT_MAX) this.#recentViews.delete(this.#recent.shift()!);
    }
    if (this.#recent.includes(view.blockHash)) this.#recentViews.set(view.blockHash, view);
  }
}

function first(tracked: Map<string, Tracked>): Tracked | undefined {
  return tracked.values().next().value;
}
