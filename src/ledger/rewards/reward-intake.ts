/**
 * From the chain into the books. In flow what lies at the treasury's address, out flow bookings: each mature output once. It looks at
 * outputs and never at events, so nothing is lost however long it was down, and a round may be cut off anywhere and done again.
 *
 *   virtual DAA score, then outputs > learn whose they are > plan (pure) > book, some dozens to a transaction
 *
 * The node is never asked while a transaction is open: it may take seconds, and the lead's connection carries everything else.
 */
import type { KaspaTreasury, TreasuryUtxo } from '../../chains/kaspa/treasury.ts';
import { messageOf } from '../../kit/edge-error.ts';
import { type Logger, ThrottledLog } from '../../kit/log.ts';
import type { Lead } from '../lead.ts';
import {
  blocksNear,
  blueWithoutOrigin,
  book,
  type LearnableBlock,
  learn,
  type MissingOutput,
  readFacts,
  spendable,
} from './intake-books.ts';
import { type Booking, isDust, type OutputOrigin, outpointOf, planIntake } from './intake-plan.ts';

export interface IntakeTerms {
  readonly treasuryAddress: string;
  /** Hex of the script that pays to it. */
  readonly payScript: string;
  readonly maturityDaa: number;
  /** How long a coinbase output of no known block waits for one, in DAA score; three maturities unless said otherwise. */
  readonly unknownWaitDaa?: number;
}

export interface RewardIntakeOptions {
  readonly lead: Pick<Lead, 'epoch' | 'transaction'>;
  readonly treasury: Pick<KaspaTreasury, 'utxos' | 'virtualDaaScore' | 'rewardOrigins'>;
  readonly terms: IntakeTerms;
  /** Monotonic ms. */
  readonly clock: () => number;
  readonly log: Logger;
}

export interface IntakeReport {
  readonly virtualDaaScore: bigint;
  readonly outputs: number;
  readonly booked: Readonly<Record<OutputOrigin, { count: number; sompi: bigint }>>;
  /** Origins learned in this round, blocks whose origin could not be learned. */
  readonly learned: number;
  readonly unlearned: number;
  readonly immature: number;
  /** Mature coinbase outputs whose block is not known yet. */
  readonly waiting: number;
  /** Least DAA score among those: what came before is in the books. */
  readonly waitingFromDaa: bigint | undefined;
  readonly held: number;
  readonly dust: { readonly count: number; readonly sompi: bigint };
  readonly missing: readonly MissingOutput[];
  /** True: call again at once. */
  readonly more: boolean;
}

/** A round ends in a second or two; a pool of a block a second that was down for an hour is through in a minute. */
const BOOKINGS_MAX = 500;
/** About 0.2 s of the ledger's head lock. */
const BOOKINGS_PER_TRANSACTION = 50;
/** Each costs the node a block with all its transactions. */
const LEARNED_MAX = 32;
/** A block that the node cannot tell of is asked for again after so long. */
const ASK_AGAIN_MS = 30_000;
/** Outputs are remembered while they lie there; this bounds what somebody can make us remember by sending dust. */
const REMEMBERED_MAX = 200_000;

export class RewardIntake {
  readonly #options: RewardIntakeOptions;
  readonly #maturityDaa: bigint;
  readonly #unknownWaitDaa: bigint;
  /** Outputs that need no look into the tables: booked, or dust of nobody's. Only of those that lie there now. */
  #settled = new Map<string, 'booked' | 'dust'>();
  /** DAA score at which a coinbase output of no known block was first seen by this process. */
  readonly #firstSeen = new Map<string, bigint>();
  readonly #askedAtMs = new Map<string, number>();
  readonly #throttled = new ThrottledLog(30_000);

  constructor(options: RewardIntakeOptions) {
    this.#options = options;
    const { maturityDaa, unknownWaitDaa } = options.terms;
    this.#maturityDaa = BigInt(maturityDaa);
    this.#unknownWaitDaa = BigInt(unknownWaitDaa ?? 3 * maturityDaa);
  }

  /** One round. Throws what the node or the database throws; nothing is half done then. */
  async tick(): Promise<IntakeReport> {
    const { virtualDaaScore, utxos } = await this.#look();
    const fresh = utxos.filter((utxo) => !this.#settled.has(outpointOf(utxo.transactionId, utxo.index)));
    const { learned, unlearned, moreToLearn } = await this.#learn(fresh);
    const { facts, missing } = await this.#options.lead.transaction(async (sql) => ({
      facts: await readFacts(sql, fresh),
      missing: this.#missingOf(await spendable(sql, this.#maturityDaa, virtualDaaScore), utxos),
    }));
    this.#noteFirstSeen(fresh, virtualDaaScore, facts.origins);
    const plan = planIntake({
      utxos: fresh,
      virtualDaaScore,
      maturityDaa: this.#maturityDaa,
      inBooks: (outpoint) => facts.inBooks.has(outpoint),
      originOf: (outpoint) => facts.origins.get(outpoint),
      mayBeLate: (utxo) =>
        (facts.openFromDaa !== undefined && facts.openFromDaa < utxo.blockDaaScore) ||
        virtualDaaScore - this.#seenAt(utxo, virtualDaaScore) < this.#unknownWaitDaa,
      payoutOf: (txid) => facts.payouts.get(txid),
      holdDeposits: missing.length > 0,
      bookingsMax: BOOKINGS_MAX,
    });
    const booked = await this.#book(plan.bookings);
    const dust = this.#remember(utxos, facts.inBooks, facts.payouts);
    const report = {
      ...{ virtualDaaScore, outputs: utxos.length, booked, learned, unlearned, missing },
      ...{ immature: plan.immature, waiting: plan.waiting.length, held: plan.held },
      waitingFromDaa:
        plan.waiting.length > 0 ? least(plan.waiting.map((utxo) => utxo.blockDaaScore)) : undefined,
      more: plan.more || moreToLearn,
      dust,
    };
    this.#tell(report);
    return report;
  }

  /** Outputs that the books can spend and the chain does not show: a database that is older than the chain, or a theft. */
  async outputsMissing(): Promise<readonly MissingOutput[]> {
    const { virtualDaaScore, utxos } = await this.#look();
    const ours = await this.#options.lead.transaction((sql) =>
      spendable(sql, this.#maturityDaa, virtualDaaScore),
    );
    return this.#missingOf(ours, utxos);
  }

  /** The score first: outputs of a moment later can only look younger than they are. */
  async #look(): Promise<{ virtualDaaScore: bigint; utxos: readonly TreasuryUtxo[] }> {
    const { treasury, terms } = this.#options;
    const virtualDaaScore = await treasury.virtualDaaScore();
    return { virtualDaaScore, utxos: await treasury.utxos([terms.treasuryAddress]) };
  }

  #missingOf(ours: readonly MissingOutput[], utxos: readonly TreasuryUtxo[]): MissingOutput[] {
    const there = new Set(utxos.map((utxo) => outpointOf(utxo.transactionId, utxo.index)));
    return ours.filter(({ txid, index }) => !there.has(outpointOf(txid, index)));
  }

  /** Asks the node whose outputs these are, while it still knows: for every blue block, and near outputs of nobody. */
  async #learn(
    fresh: readonly TreasuryUtxo[],
  ): Promise<{ learned: number; unlearned: number; moreToLearn: boolean }> {
    const { lead, treasury, terms, clock, log } = this.#options;
    const nowMs = clock();
    const wanted = await lead.transaction(async (sql) => {
      const blue = await blueWithoutOrigin(sql, LEARNED_MAX * 4);
      const { origins, inBooks } = await readFacts(
        sql,
        fresh.filter((utxo) => utxo.isCoinbase),
      );
      const scores = fresh
        .filter((utxo) => utxo.isCoinbase)
        .filter(({ transactionId, index }) => {
          const outpoint = outpointOf(transactionId, index);
          return !origins.has(outpoint) && !inBooks.has(outpoint);
        })
        .map((utxo) => utxo.blockDaaScore);
      if (scores.length === 0) return blue;
      return [...blue, ...(await blocksNear(sql, least(scores), greatest(scores)))];
    });
    const due = distinct(wanted).filter(
      ({ hash }) => nowMs - (this.#askedAtMs.get(hash) ?? Number.NEGATIVE_INFINITY) >= ASK_AGAIN_MS,
    );
    let learned = 0;
    let unlearned = Math.max(0, due.length - LEARNED_MAX);
    let moreToLearn = unlearned > 0;
    for (const block of due.slice(0, LEARNED_MAX)) {
      try {
        const origins = await treasury.rewardOrigins(block.hash, terms.payScript);
        this.#askedAtMs.set(block.hash, nowMs);
        if (origins.length === 0) unlearned++;
        learned += origins.length;
        await lead.transaction((sql) => learn(sql, block, origins));
      } catch (error) {
        // The lead's failures end the round; a node's do not: what is known may be booked.
        if (!isNodeFault(error)) throw error;
        unlearned++;
        moreToLearn = false;
        this.#throttled.once('origins', nowMs, (swallowed) =>
          log.warn(
            { reason: messageOf(error), swallowed },
            'the node could not say which output is for a block',
          ),
        );
        break;
      }
    }
    if (this.#askedAtMs.size > REMEMBERED_MAX) this.#askedAtMs.clear();
    // Blocks of which no node knows anything are asked for again later, and are no reason to go on at once.
    return { learned, unlearned, moreToLearn: moreToLearn && learned > 0 };
  }

  async #book(bookings: readonly Booking[]): Promise<IntakeReport['booked']> {
    const { lead } = this.#options;
    const zero = () => ({ count: 0, sompi: 0n });
    const booked = { blue: zero(), reds: zero(), unattributed: zero(), deposit: zero(), change: zero() };
    for (let from = 0; from < bookings.length; from += BOOKINGS_PER_TRANSACTION) {
      const some = bookings.slice(from, from + BOOKINGS_PER_TRANSACTION);
      const done = await lead.transaction(async (sql) => {
        const made: Booking[] = [];
        for (const booking of some) if (await book(sql, lead.epoch, booking)) made.push(booking);
        return made;
      });
      for (const { utxo, origin } of done) {
        booked[origin].count++;
        booked[origin].sompi += utxo.amountSompi;
      }
      for (const { utxo } of some) this.#settled.set(outpointOf(utxo.transactionId, utxo.index), 'booked');
    }
    return booked;
  }

  #noteFirstSeen(
    fresh: readonly TreasuryUtxo[],
    virtualDaaScore: bigint,
    origins: ReadonlyMap<string, unknown>,
  ): void {
    const unknown = new Set<string>();
    for (const { transactionId, index, isCoinbase } of fresh) {
      const outpoint = outpointOf(transactionId, index);
      if (isCoinbase && !origins.has(outpoint)) unknown.add(outpoint);
    }
    for (const outpoint of this.#firstSeen.keys())
      if (!unknown.has(outpoint)) this.#firstSeen.delete(outpoint);
    for (const outpoint of unknown)
      if (!this.#firstSeen.has(outpoint) && this.#firstSeen.size < REMEMBERED_MAX)
        this.#firstSeen.set(outpoint, virtualDaaScore);
  }

  #seenAt({ transactionId, index }: TreasuryUtxo, otherwise: bigint): bigint {
    return this.#firstSeen.get(outpointOf(transactionId, index)) ?? otherwise;
  }

  /** A payout's id is in the database before its bytes leave, so a small output of no payout will never be change of one. */
  #remember(
    utxos: readonly TreasuryUtxo[],
    inBooks: ReadonlySet<string>,
    payouts: ReadonlyMap<string, string>,
  ): IntakeReport['dust'] {
    const settled = new Map<string, 'booked' | 'dust'>();
    const dust = { count: 0, sompi: 0n };
    for (const utxo of utxos) {
      const outpoint = outpointOf(utxo.transactionId, utxo.index);
      let fate = inBooks.has(outpoint) ? 'booked' : this.#settled.get(outpoint);
      if (!fate && isDust(utxo) && !payouts.has(utxo.transactionId)) fate = 'dust';
      if (fate === 'dust') {
        dust.count++;
        dust.sompi += utxo.amountSompi;
      }
      if (fate && settled.size < REMEMBERED_MAX) settled.set(outpoint, fate);
    }
    this.#settled = settled;
    return dust;
  }

  #tell({ booked, missing, unlearned, waiting }: IntakeReport): void {
    const { clock, log } = this.#options;
    const made = Object.entries(booked).filter(([, { count }]) => count > 0);
    if (made.length > 0)
      log.info(
        Object.fromEntries(made.map(([origin, { count, sompi }]) => [origin, `${count}: ${sompi} sompi`])),
        'outputs of the treasury are in the books',
      );
    if (booked.unattributed.count > 0)
      log.error(
        { count: booked.unattributed.count },
        'a coinbase pays us for a block that is not known: it waits for a person',
      );
    if (missing.length > 0)
      this.#throttled.once('missing', clock(), (swallowed) =>
        log.error(
          { count: missing.length, first: missing[0], swallowed },
          'outputs that the ledger has are not on the chain',
        ),
      );
    if (waiting > 0)
      this.#throttled.once('waiting', clock(), (swallowed) =>
        log.warn({ waiting, unlearned, swallowed }, 'mature rewards wait until their block is known'),
      );
  }
}

function isNodeFault(error: unknown): boolean {
  return /^SLUICE_(NODE_|NO_NODE)/.test(String((error as { code?: unknown } | null)?.code ?? ''));
}

function distinct(blocks: readonly LearnableBlock[]): LearnableBlock[] {
  return [...new Map(blocks.map((block) => [block.hash, block])).values()];
}

function least(scores: readonly bigint[]): bigint {
  return scores.reduce((a, b) => (b < a ? b : a));
}

function greatest(scores: readonly bigint[]): bigint {
  return scores.reduce((a, b) => (b > a ? b : a));
}
