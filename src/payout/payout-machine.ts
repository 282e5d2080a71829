/**
 * Payouts from a plan to a confirmed payment, exactly once. In flow ticks; out flow steps of the store and bytes to the chain.
 *
 *   PLANNED --sign--> SIGNED --(stored: BROADCAST) send--> BROADCAST --accepted--> ACCEPTED --deep enough--> CONFIRMED
 *                                                          ^ resend    |  ^___reorganised___|
 *                                                          '-----------'--> CONFLICTED, when another transaction spent an input
 *                                                                           and lies deep enough
 *
 * It must never build a transaction anew that was signed, send a byte that is not stored, take a node's answer to a send for more
 * than a hint, or do anything but look while a halt is open. What it does in one tick, it can be killed in at any point of: the
 * next tick, of whatever process, goes on from what is stored.
 */
import { EdgeError, messageOf } from '../kit/edge-error.ts';
import { type Logger, ThrottledLog } from '../kit/log.ts';
import type { AtPoint } from './crash-points.ts';
import { sentAfterAll } from './never-sent.ts';
import type { ChainOutput, PayoutChain, PayoutFate } from './payout-chain.ts';
import type { Halt, LivePayout, PayoutState, PayoutStore } from './payout-store.ts';
import type { PayoutTerms } from './payout-terms.ts';
import { faultOfPlan, outpointKey, planHash } from './plan.ts';
import { planRound, type Round } from './planner.ts';
import type { Signer } from './signer.ts';

export interface PayoutMachineOptions {
  readonly store: PayoutStore;
  readonly chain: PayoutChain;
  /** Without one nothing is planned or signed; what was signed before is followed to its end. */
  readonly signer: Signer | undefined;
  readonly terms: PayoutTerms;
  /** Unix ms; measures intervals only. */
  readonly clock: () => number;
  readonly log: Logger;
  readonly atPoint?: AtPoint;
  /** Notes outside of the database what is about to be paid; when it fails, the send waits. */
  readonly beforeSend?: () => Promise<void>;
}

export interface Preview extends Round {
  readonly halts: readonly Halt[];
}

export interface Step {
  readonly id: bigint;
  readonly from: PayoutState;
  readonly to: PayoutState;
}

export interface Report {
  readonly live: readonly { readonly id: bigint; readonly state: PayoutState }[];
  readonly steps: readonly Step[];
  /** Of the round that was planned in this tick. */
  readonly round: Round | undefined;
  readonly planned: readonly bigint[];
  /** Why nothing was planned; '' when it was, or was not due. */
  readonly waits: string;
  readonly halts: readonly Halt[];
  /** What a node, the signer or a plan had against going on; each is tried again. */
  readonly faults: readonly string[];
}

interface Tick {
  readonly steps: Step[];
  readonly faults: string[];
  /** Asked once per tick; the sink first, so that whatever is spent after this look is spent after that block. */
  view: Promise<{ readonly sink: string; readonly treasury: ReadonlyMap<string, ChainOutput> }> | undefined;
}

const DAY_MS = 24 * 3_600_000;
/** A round that had nobody to pay looks again after this at the latest, though the interval be a week. */
const LOOK_AGAIN_MS = 60_000;
/** Refusals in a row, half a minute apart, after which it is no node's mood. */
const REFUSALS_MAX = 10;

/** Nobody has it, as far as we know, and nobody was bothered: no need to wait as long. */
const UNREACHABLE_SOONER = 6;

/** Stops the work on one payout, never that on the others. */
class Hindrance extends Error {}

export class PayoutMachine {
  readonly #options: PayoutMachineOptions;
  /** When the last send was, and how long it holds. */
  readonly #sends = new Map<bigint, { readonly atMs: number; readonly restMs: number }>();
  readonly #refusals = new Map<bigint, number>();
  readonly #throttled = new ThrottledLog(30_000);
  #lookedAtMs: number | undefined;

  constructor(options: PayoutMachineOptions) {
    this.#options = options;
  }

  /** What the next round would be if it were now. Changes nothing. */
  async plan(): Promise<Preview> {
    const { store, chain, terms } = this.#options;
    // One after the other: a store may have a single connection.
    const balances = await store.balances();
    const ledgerOutputs = await store.spendableOutputs();
    const paid = await store.paidWithin(DAY_MS);
    const poolFundsSompi = await store.poolFundsSompi();
    const halts = await store.openHalts();
    const [chainOutputs, virtualDaaScore, feerate] = await this.#answered(() =>
      Promise.all([chain.treasuryOutputs(), chain.virtualDaaScore(), chain.feerate()]),
    );
    const known = { balances, ledgerOutputs, paid, poolFundsSompi };
    return { ...planRound({ terms, ...known, chainOutputs, virtualDaaScore, feerate }), halts };
  }

  /**
   * Every live payout as far as it goes, then a new round if it is time.
   * @param planNow a round now, whatever the interval says
   */
  async tick(planNow = false): Promise<Report> {
    const { store } = this.#options;
    const tick: Tick = { steps: [], faults: [], view: undefined };
    await this.#stepAll(tick);
    const planning = await this.#planWhenDue(tick, planNow);
    if (planning.planned.length > 0) await this.#stepAll(tick);
    const live = await store.live();
    this.#forgetAllBut(live);
    return {
      live: live.map(({ id, state }) => ({ id, state })),
      steps: tick.steps,
      ...planning,
      halts: await store.openHalts(),
      faults: tick.faults,
    };
  }

  // ------------------------------------------------------------------------------------------------------------ planning

  async #planWhenDue(tick: Tick, planNow: boolean): Promise<Pick<Report, 'round' | 'planned' | 'waits'>> {
    const { store, signer, terms } = this.#options;
    const nothing = (waits: string) => ({ round: undefined, planned: [], waits });
    if (!signer) return nothing('there is no key: the books are kept, nobody is paid');
    if (!planNow && !(await this.#isDue())) return nothing('');
    if ((await store.openHalts()).length > 0) return nothing('halted');
    if ((await store.live()).some(({ state }) => state === 'PLANNED' || state === 'SIGNED'))
      return nothing('an earlier payout is not sent yet');
    if (signer.address !== terms.treasuryAddress) return nothing("the signer's key is not the treasury's");
    let round: Round;
    try {
      round = await this.plan();
    } catch (error) {
      if (!(error instanceof Hindrance)) throw error;
      tick.faults.push(error.message);
      return nothing('no node could be asked');
    }
    this.#lookedAtMs = this.#options.clock();
    if (round.coins.missing.length > 0) {
      const { txid, index } = round.coins.missing[0]!;
      tick.faults.push(
        `${round.coins.missing.length} outputs of the ledger are not on the chain, e.g. ${txid}:${index}`,
      );
      // An older database believes in old balances just as it does in old outputs.
      return { round, planned: [], waits: 'the chain does not show all that the ledger has' };
    }
    return { round, planned: await this.#storePlans(round), waits: '' };
  }

  async #isDue(): Promise<boolean> {
    const { store, terms, clock } = this.#options;
    const lookAgainMs = Math.min(terms.intervalMs, LOOK_AGAIN_MS);
    // A clock that was set back must not stop payouts for as long: any large difference counts.
    if (this.#lookedAtMs !== undefined && Math.abs(clock() - this.#lookedAtMs) < lookAgainMs) return false;
    const since = await store.msSinceLastPlan();
    return since === undefined || Math.abs(since) >= terms.intervalMs;
  }

  async #storePlans(round: Round): Promise<bigint[]> {
    const { store, log } = this.#options;
    const planned: bigint[] = [];
    for (const plan of round.plans) {
      const joins = plan.kind === 'consolidation';
      await this.#at(joins ? 'before-consolidation' : 'before-plan');
      if ((await store.openHalts()).length > 0) break;
      const fault = faultOfPlan(plan);
      if (fault !== '') {
        await this.#halt('PLAN_FAULT', `a plan does not add up: ${fault}`);
        break;
      }
      const id = await store.createPlan(plan);
      await this.#at(joins ? 'after-consolidation' : 'after-plan');
      planned.push(id);
      log.info(
        {
          payout: String(id),
          kind: plan.kind,
          payees: plan.payees.length,
          inputs: plan.inputs.length,
          feeSompi: String(plan.feeSompi),
          massGrams: String(plan.massGrams),
          planHash: planHash(plan),
        },
        'payout planned',
      );
    }
    return planned;
  }

  // ------------------------------------------------------------------------------------------------------------ stepping

  async #stepAll(tick: Tick): Promise<void> {
    const { store, log } = this.#options;
    let live: readonly LivePayout[];
    try {
      live = await store.live();
    } catch (error) {
      if (error instanceof EdgeError && error.code === 'SLUICE_PLAN_CHANGED')
        await this.#halt('PLAN_CHANGED', error.message);
      throw error;
    }
    for (const payout of live) {
      try {
        let at: LivePayout | undefined = payout;
        while (at) at = await this.#step(at, tick);
      } catch (error) {
        if (!(error instanceof Hindrance)) throw error;
        tick.faults.push(`payout ${payout.id}: ${error.message}`);
        this.#throttled.once('waits', this.#options.clock(), (swallowed) =>
          log.warn({ payout: String(payout.id), reason: error.message, swallowed }, 'a payout waits'),
        );
      }
    }
  }

  /** One arrow, or none. Gives the payout as it is then, when there may be more to do. */
  async #step(payout: LivePayout, tick: Tick): Promise<LivePayout | undefined> {
    if (payout.state === 'PLANNED') return this.#sign(payout, tick);
    if (payout.state === 'SIGNED') return this.#broadcast(payout, tick);
    if (payout.state === 'BROADCAST') return this.#follow(payout, tick);
    if (payout.state === 'ACCEPTED') return this.#deepen(payout, tick);
    return undefined;
  }

  async #sign(payout: LivePayout, tick: Tick): Promise<LivePayout | undefined> {
    const { store, signer } = this.#options;
    if (!signer || (await store.openHalts()).length > 0) return undefined;
    await this.#at('before-sign');
    const signed = await this.#answered(() => signer.sign(payout.plan));
    await this.#at('after-sign');
    await store.signed(payout.id, signed);
    await this.#at('after-store-signed');
    return this.#stepped(tick, { ...payout, signed }, 'SIGNED');
  }

  /** BROADCAST is stored first: then SIGNED means that no byte ever left, and a person may cancel it. */
  async #broadcast(payout: LivePayout, tick: Tick): Promise<LivePayout | undefined> {
    const { store, chain } = this.#options;
    if ((await store.openHalts()).length > 0) return undefined;
    const { sink, treasury } = await this.#view(tick);
    const gone = payout.plan.inputs.find((input) => !treasury.has(outpointKey(input)));
    // It may be spent in a block of before `sink`, where nobody would ever look for the conflict; or the node is behind. It waits
    // until the output is there again, or until a person cancels it. Unless we spent it ourselves, and the database forgot.
    const from = gone && (await this.#answered(() => sentAfterAll(chain, payout.signed!.txid)));
    if (gone && from === undefined)
      throw new Hindrance(`its input ${outpointKey(gone)} is not at the treasury's address`);
    await this.#at('before-store-broadcast');
    await store.broadcast(payout.id, from ?? sink);
    await this.#at('after-store-broadcast');
    const sent = this.#stepped(tick, { ...payout, chainFrom: from ?? sink }, 'BROADCAST');
    if (from !== undefined) return sent;
    await this.#send(sent, tick, 'send');
    return sent;
  }

  async #follow(payout: LivePayout, tick: Tick): Promise<LivePayout | undefined> {
    const { store, terms, clock } = this.#options;
    const fate = await this.#fateOf(payout);
    if (fate.kind === 'accepted') {
      await this.#at('before-accept');
      await store.accepted(payout.id, fate.block, fate.daaScore);
      await this.#at('after-accept');
      return this.#stepped(tick, { ...payout, accepted: fate }, 'ACCEPTED');
    }
    if (fate.kind === 'conflicted') {
      if (fate.depthDaa < terms.confirmDaa) return undefined;
      await this.#at('before-conflict');
      // First: killed in between, nobody would be told, and the next start would speak of an old database.
      await this.#halt('CONFLICT', `payout ${payout.id} lost an input to transaction ${fate.by}`);
      await store.conflicted(payout.id, fate.by);
      await this.#at('after-conflict');
      this.#stepped(tick, payout, 'CONFLICTED');
      return undefined;
    }
    const last = this.#sends.get(payout.id);
    const isQuiet = last === undefined || Math.abs(clock() - last.atMs) >= last.restMs;
    if (fate.kind === 'unknown' && isQuiet) await this.#send(payout, tick, 'resend');
    return undefined;
  }

  async #deepen(payout: LivePayout, tick: Tick): Promise<LivePayout | undefined> {
    const { store, terms } = this.#options;
    const fate = await this.#fateOf(payout);
    if (fate.kind !== 'accepted' || fate.block !== payout.accepted?.block) {
      const now = fate.kind === 'accepted' ? `accepted by ${fate.block}` : fate.kind;
      await this.#at('before-reorganised');
      await store.reorganised(payout.id, `block ${payout.accepted?.block} left the chain; now ${now}`);
      await this.#at('after-reorganised');
      return this.#stepped(tick, payout, 'BROADCAST');
    }
    if (fate.depthDaa < terms.confirmDaa) return undefined;
    const changeIsThere = await this.#changeIsThere(payout, tick);
    await this.#at('before-confirm');
    await store.confirmed(payout.id);
    await this.#at('after-confirm');
    this.#stepped(tick, payout, 'CONFIRMED');
    // It is paid all the same: the txid covers the outputs. But somebody else spends from the treasury.
    if (!changeIsThere)
      await this.#halt(
        'CHANGE_MISSING',
        `the change of payout ${payout.id} is not at the treasury's address`,
      );
    return undefined;
  }

  async #changeIsThere({ plan, signed }: LivePayout, tick: Tick): Promise<boolean> {
    if (plan.changeSompi === 0n) return true;
    const key = outpointKey({ txid: signed!.txid, index: plan.payees.length });
    if ((await this.#view(tick)).treasury.get(key)?.amountSompi === plan.changeSompi) return true;
    // The look may be older than the payout: where blocks are quick, one tick goes from the plan to the confirmation.
    tick.view = undefined;
    return (await this.#view(tick)).treasury.get(key)?.amountSompi === plan.changeSompi;
  }

  #view(tick: Tick): NonNullable<Tick['view']> {
    const { chain } = this.#options;
    tick.view ??= this.#answered(async () => {
      const sink = await chain.sinkHash();
      const outputs = await chain.treasuryOutputs();
      return { sink, treasury: new Map(outputs.map((output) => [outpointKey(output), output])) };
    });
    return tick.view;
  }

  // ------------------------------------------------------------------------------------------------------------- sending

  /** The stored bytes, never others. What the nodes answer decides nothing; the chain is asked in the next tick. */
  async #send(payout: LivePayout, tick: Tick, how: 'send' | 'resend'): Promise<void> {
    const { store, chain, clock, terms, log, beforeSend } = this.#options;
    if ((await store.openHalts()).length > 0) return;
    await this.#answered(async () => beforeSend?.());
    await this.#at(`before-${how}`);
    const answer = await chain.send(payout.signed!.bytes);
    await this.#at(`after-${how}`);
    const restMs = answer.outcome === 'unreachable' ? terms.resendMs / UNREACHABLE_SOONER : terms.resendMs;
    this.#sends.set(payout.id, { atMs: clock(), restMs });
    const { txid } = payout.signed!;
    log.info({ payout: String(payout.id), txid, outcome: answer.outcome, reason: answer.reason }, how);
    if (answer.outcome === 'taken' || answer.outcome === 'known') {
      this.#refusals.delete(payout.id);
      return;
    }
    tick.faults.push(`payout ${payout.id}: ${answer.outcome}: ${answer.reason}`);
    if (answer.outcome !== 'refused') return;
    const refusals = (this.#refusals.get(payout.id) ?? 0) + 1;
    this.#refusals.set(payout.id, refusals);
    if (refusals >= REFUSALS_MAX)
      await this.#halt('PAYOUT_REFUSED', `no node takes payout ${payout.id} (${txid}): ${answer.reason}`);
  }

  #fateOf({ signed, chainFrom, plan }: LivePayout): Promise<PayoutFate> {
    return this.#answered(() => this.#options.chain.fateOf(signed!.txid, chainFrom!, plan.inputs));
  }

  /** What the outside throws hinders one payout; what the store throws ends the tick. */
  async #answered<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw new Hindrance(messageOf(error), { cause: error });
    }
  }

  async #halt(code: string, reason: string): Promise<void> {
    const { store, log } = this.#options;
    log.error({ code, reason }, 'payouts are halted until a person clears it');
    await store.raiseHalt(code, reason, 'payer');
  }

  #stepped(tick: Tick, payout: LivePayout, to: PayoutState): LivePayout {
    tick.steps.push({ id: payout.id, from: payout.state, to });
    this.#options.log.info(
      { payout: String(payout.id), from: payout.state, to, txid: payout.signed?.txid },
      'payout',
    );
    return { ...payout, state: to };
  }

  #forgetAllBut(live: readonly LivePayout[]): void {
    const ids = new Set(live.map(({ id }) => id));
    for (const kept of [this.#sends, this.#refusals])
      for (const id of kept.keys()) if (!ids.has(id)) kept.delete(id);
  }

  async #at(point: Parameters<AtPoint>[0]): Promise<void> {
    await this.#options.atPoint?.(point);
  }
}
