/**
 * The database of the simulation: payouts, ledger and treasury in memory, with the rules that PostgreSQL enforces (epoch, edges, sums,
 * signs, one live payout per input). In flow the same calls, out flow the same refusals. Each call is one step: nothing here awaits.
 *
 * The rules can be taken away one by one (`BooksRules`): then the simulation must find what they were there for.
 */
import type { LivePayout, PayoutState, PayoutStore } from '../../../src/payout/payout-store.ts';
import { faultOfPlan, outpointKey, paidSompi, type Plan, planHash, reservedSompi } from '../../../src/payout/plan.ts';
import type { SignedPayout } from '../../../src/payout/signer.ts';
import type { BooksView } from './truth.ts';

export interface BooksRules {
  /** An epoch that is over is refused. */
  readonly fences: boolean;
  /** What is planned leaves the balance at once. */
  readonly reserves: boolean;
  /** An output that a live payout holds is given to no other. */
  readonly holdsInputs: boolean;
  /** The change of a confirmed payout is an output of ours. */
  readonly keepsChange: boolean;
}

export const SOUND_RULES: BooksRules = { fences: true, reserves: true, holdsInputs: true, keepsChange: true };

interface Account {
  readonly address: string;
  readonly thresholdSompi: bigint | undefined;
  lastPaidAtMs: number;
}

interface TreasuryOutput {
  readonly txid: string;
  readonly index: number;
  readonly amountSompi: bigint;
  readonly isCoinbase: boolean;
  readonly daaScore: bigint;
  spentBy: string | undefined;
}

type StoredPayout = { -readonly [Key in keyof LivePayout]: LivePayout[Key] } & { epoch: bigint };

const LIVE = new Set<PayoutState>(['PLANNED', 'SIGNED', 'BROADCAST', 'ACCEPTED']);
const OVER = new Set<PayoutState>(['CANCELLED', 'CONFLICTED']);
const BELOW_ZERO = new Set(['treasury', 'network_fees']);

export class ModelBooks {
  readonly accounts = new Map<bigint, Account>();
  readonly #rules: BooksRules;
  readonly #nowMs: () => number;
  readonly #ledger = new Map<string, bigint>();
  readonly #outputs = new Map<string, TreasuryOutput>();
  readonly #payouts: StoredPayout[] = [];
  readonly #halts = new Map<string, { reason: string; raisedBy: string; raisedAtMs: number }>();
  #epoch = 0n;

  constructor(rules: BooksRules, nowMs: () => number) {
    this.#rules = rules;
    this.#nowMs = nowMs;
  }

  takeLead(): bigint {
    return ++this.#epoch;
  }

  get halted(): boolean {
    return this.#halts.size > 0;
  }

  /** By a person. */
  clearHalts(): readonly string[] {
    const codes = [...this.#halts.keys()];
    this.#halts.clear();
    return codes;
  }

  halt(code: string, reason: string, raisedBy: string): void {
    if (!this.#halts.has(code)) this.#halts.set(code, { reason, raisedBy, raisedAtMs: this.#nowMs() });
  }

  hasOutput(outpoint: string): boolean {
    return this.#outputs.has(outpoint);
  }

  /** A mature reward, divided: all of it goes to accounts and the pool's fee. */
  reward(output: Omit<TreasuryOutput, 'spentBy'>, credits: ReadonlyMap<bigint, bigint>): void {
    this.#outputs.set(outpointKey(output), { ...output, spentBy: undefined });
    const credited = [...credits.values()].reduce((sum, sompi) => sum + sompi, 0n);
    this.#post([
      ['treasury', -output.amountSompi],
      ['pool_fee', output.amountSompi - credited],
      ...[...credits].map(([account, sompi]): [string, bigint] => [`miner:${account}`, sompi]),
    ]);
  }

  deposit(output: Omit<TreasuryOutput, 'spentBy'>): void {
    this.#outputs.set(outpointKey(output), { ...output, spentBy: undefined });
    this.#post([
      ['treasury', -output.amountSompi],
      ['deposits', output.amountSompi],
    ]);
  }

  view(): BooksView {
    const sumOf = (kind: string): bigint =>
      [...this.#ledger].filter(([key]) => key.startsWith(kind)).reduce((sum, [, sompi]) => sum + sompi, 0n);
    const unspent = [...this.#outputs].filter(([, output]) => output.spentBy === undefined);
    return {
      payouts: this.#payouts.map(({ id, state, plan, signed }) => ({ id, state, plan, txid: signed?.txid })),
      balances: new Map([...this.accounts.keys()].map((id) => [id, this.#balanceOf(`miner:${id}`)])),
      inFlightSompi: sumOf('in_flight'),
      treasurySompi: -sumOf('treasury'),
      unspent: new Map(unspent.map(([key, { amountSompi }]) => [key, amountSompi])),
      totalSompi: sumOf(''),
    };
  }

  /** As a payer with that epoch has it. */
  storeFor(epoch: bigint): PayoutStore {
    const write = <T>(step: () => T): Promise<T> => {
      try {
        if (this.#rules.fences && epoch !== this.#epoch) throw new Error(`SL001: epoch ${epoch} is over, ${this.#epoch} leads`);
        return Promise.resolve(step());
      } catch (error) {
        return Promise.reject(error);
      }
    };
    const move = (id: bigint, from: readonly PayoutState[], to: PayoutState, change: Partial<StoredPayout> = {}) =>
      this.#move(id, from, to, { ...change, epoch });
    return {
      balances: async () => this.#balances(),
      spendableOutputs: async () => this.#spendable(),
      paidWithin: async (ms) => this.#paidWithin(ms),
      poolFundsSompi: async () => this.#poolFunds(),
      msSinceLastPlan: async () => {
        const last = this.#payouts.findLast(({ plan }) => plan.kind === 'payment');
        return last && this.#nowMs() - last.plannedAtMs;
      },
      openHalts: async () => [...this.#halts].map(([code, halt]) => ({ code, ...halt })),
      raiseHalt: async (code, reason, byWhom) => this.halt(code, reason, byWhom),
      live: async () => this.#payouts.filter(({ state }) => LIVE.has(state)).map((payout) => ({ ...payout })),
      createPlan: (plan) => write(() => this.#createPlan(plan, epoch)),
      signed: (id, signed: SignedPayout) => write(() => void move(id, ['PLANNED'], 'SIGNED', { signed })),
      broadcast: (id, chainFrom) => write(() => void move(id, ['SIGNED'], 'BROADCAST', { chainFrom })),
      accepted: (id, block, daaScore) =>
        write(() => void move(id, ['BROADCAST'], 'ACCEPTED', { accepted: { block, daaScore } })),
      reorganised: (id) => write(() => void move(id, ['ACCEPTED'], 'BROADCAST')),
      confirmed: (id) => write(() => this.#confirm(move(id, ['ACCEPTED'], 'CONFIRMED'))),
      conflicted: (id) => write(() => this.#giveBack(move(id, ['BROADCAST'], 'CONFLICTED'))),
      cancel: (id) => write(() => this.#giveBack(move(id, ['PLANNED', 'SIGNED'], 'CANCELLED'))),
    };
  }

  #balances(): Awaited<ReturnType<PayoutStore['balances']>> {
    return [...this.accounts]
      .map(([accountId, account]) => ({ accountId, ...account, balanceSompi: this.#balanceOf(`miner:${accountId}`) }))
      .filter(({ balanceSompi }) => balanceSompi > 0n);
  }

  #spendable(): Awaited<ReturnType<PayoutStore['spendableOutputs']>> {
    const held = this.#heldInputs();
    return [...this.#outputs].filter(([key, { spentBy }]) => spentBy === undefined && !held.has(key)).map(([, output]) => output);
  }

  #heldInputs(): Set<string> {
    if (!this.#rules.holdsInputs) return new Set();
    return new Set(this.#payouts.filter(({ state }) => !OVER.has(state)).flatMap(({ plan }) => plan.inputs.map(outpointKey)));
  }

  #paidWithin(ms: number): Awaited<ReturnType<PayoutStore['paidWithin']>> {
    const byAccount = new Map<bigint, bigint>();
    const lately = this.#payouts.filter(({ state, plannedAtMs }) => !OVER.has(state) && plannedAtMs > this.#nowMs() - ms);
    for (const payee of lately.flatMap(({ plan }) => plan.payees)) {
      byAccount.set(payee.accountId, (byAccount.get(payee.accountId) ?? 0n) + payee.reservedSompi);
    }
    return { byAccount, sompi: lately.reduce((sum, { plan }) => sum + reservedSompi(plan), 0n) };
  }

  #poolFunds(): bigint {
    const promised = this.#payouts.filter(({ state, plan }) => LIVE.has(state) && plan.feeFrom === 'pool');
    const fees = promised.reduce((sum, { plan }) => sum + plan.feeSompi, 0n);
    return this.#balanceOf('pool_fee') + this.#balanceOf('network_fees') - fees;
  }

  #createPlan(plan: Plan, epoch: bigint): bigint {
    this.#refuseWhileHalted();
    const fault = faultOfPlan(plan);
    if (fault !== '') throw new Error(fault);
    const held = this.#heldInputs();
    for (const input of plan.inputs) {
      const output = this.#outputs.get(outpointKey(input));
      if (output?.amountSompi !== input.amountSompi || output.spentBy !== undefined) throw new Error('no such output');
      if (held.has(outpointKey(input))) throw new Error('23505: a live payout holds it');
    }
    const id = BigInt(this.#payouts.length + 1);
    if (this.#rules.reserves) this.#moveReserved(plan, 'miner', 'in_flight');
    for (const { accountId } of plan.payees) this.accounts.get(accountId)!.lastPaidAtMs = this.#nowMs();
    this.#payouts.push({
      ...{ id, state: 'PLANNED', plan, planHash: planHash(plan), signed: undefined, chainFrom: undefined },
      ...{ accepted: undefined, plannedAtMs: this.#nowMs(), epoch },
    });
    return id;
  }

  #move(id: bigint, from: readonly PayoutState[], to: PayoutState, change: Partial<StoredPayout>): StoredPayout {
    const payout = this.#payouts[Number(id) - 1]!;
    if (!from.includes(payout.state)) throw new Error(`SLUICE_PAYOUT_STATE: payout ${id} is ${payout.state}`);
    if (to === 'SIGNED' || (to === 'BROADCAST' && payout.state !== 'ACCEPTED')) this.#refuseWhileHalted();
    return Object.assign(payout, change, { state: to });
  }

  #confirm({ plan, signed, accepted }: StoredPayout): void {
    for (const input of plan.inputs) this.#outputs.get(outpointKey(input))!.spentBy = signed!.txid;
    if (plan.changeSompi > 0n && this.#rules.keepsChange) {
      const change = { txid: signed!.txid, index: plan.payees.length, amountSompi: plan.changeSompi };
      const { daaScore } = accepted!;
      this.#outputs.set(outpointKey(change), { ...change, isCoinbase: false, daaScore, spentBy: undefined });
    }
    if (!this.#rules.reserves) this.#moveReserved(plan, 'miner', 'in_flight');
    this.#post([
      ...plan.payees.map((payee): [string, bigint] => [`in_flight:${payee.accountId}`, -payee.reservedSompi]),
      ['network_fees', plan.feeFrom === 'pool' ? -plan.feeSompi : 0n],
      ['treasury', paidSompi(plan) + plan.feeSompi],
    ]);
  }

  #giveBack({ plan }: StoredPayout): void {
    if (this.#rules.reserves) this.#moveReserved(plan, 'in_flight', 'miner');
  }

  #moveReserved(plan: Plan, from: string, to: string): void {
    this.#post(
      plan.payees.flatMap(({ accountId, reservedSompi }): [string, bigint][] => [
        [`${from}:${accountId}`, -reservedSompi],
        [`${to}:${accountId}`, reservedSompi],
      ]),
    );
  }

  #refuseWhileHalted(): void {
    if (this.halted) throw new Error('SL006: payouts are halted');
  }

  /** All or nothing. Without reservations an account may well end below zero: that is one of the things to be found. */
  #post(entries: readonly (readonly [string, bigint])[]): void {
    const after = new Map<string, bigint>();
    for (const [key, sompi] of entries) after.set(key, (after.get(key) ?? this.#balanceOf(key)) + sompi);
    if (entries.reduce((sum, [, sompi]) => sum + sompi, 0n) !== 0n) throw new Error('SL003: entries do not balance');
    for (const [key, sompi] of after) {
      const isWrong = BELOW_ZERO.has(key) ? sompi > 0n : sompi < 0n;
      if (isWrong && this.#rules.reserves) throw new Error(`23514: ${key} would be ${sompi}`);
    }
    for (const [key, sompi] of after) this.#ledger.set(key, sompi);
  }

  #balanceOf(key: string): bigint {
    return this.#ledger.get(key) ?? 0n;
  }
}
