/**
 * Payouts in memory, with the rules that the database enforces: balances do not go below zero, edges, one live payout per output,
 * the latch, the epoch. For machines in a simulation; the same suite is held against it and against PostgreSQL.
 *
 *   MemoryBooks       what would be on the disk: survives every crash
 *   takeLead() ------ a store under a new epoch; those of before are refused
 */
import { EdgeError } from '../../src/kit/edge-error.ts';
import type { AccountKind } from '../../src/ledger/books.ts';
import {
  type Halt,
  type LedgerOutput,
  type LivePayout,
  notCancellable,
  type PaidLately,
  type PayableBalance,
  type PayoutState,
  type PayoutStore,
} from '../../src/payout/payout-store.ts';
import {
  outpointKey,
  type Plan,
  paidSompi,
  planHash,
  planOfText,
  planText,
  reservedSompi,
} from '../../src/payout/plan.ts';
import type { SignedPayout } from '../../src/payout/signer.ts';

export interface MemoryPayout {
  readonly id: bigint;
  state: PayoutState;
  readonly planText: string;
  readonly planHash: string;
  readonly plan: Plan;
  signed: SignedPayout | undefined;
  chainFrom: string | undefined;
  accepted: { block: string; daaScore: bigint } | undefined;
  readonly plannedAtMs: number;
  /** State and reason of every step. */
  readonly steps: { readonly to: PayoutState; readonly reason: string }[];
}

interface MemoryAccount {
  readonly id: bigint;
  readonly address: string;
  thresholdSompi: bigint | undefined;
  lastPaidAtMs: number;
}

interface MemoryOutput extends LedgerOutput {
  spentBy: string | undefined;
}

const LIVE: readonly PayoutState[] = ['PLANNED', 'SIGNED', 'BROADCAST', 'ACCEPTED'];

export class MemoryBooks {
  epoch = 0n;
  readonly accounts = new Map<bigint, MemoryAccount>();
  readonly outputs = new Map<string, MemoryOutput>();
  readonly payouts: MemoryPayout[] = [];
  readonly halts: Halt[] = [];
  readonly keys = new Set<string>();
  readonly #balances = new Map<string, bigint>();
  readonly clock: () => number;

  /** @param clock unix ms */
  constructor(clock: () => number) {
    this.clock = clock;
  }

  takeLead(): MemoryPayoutStore {
    this.epoch++;
    return new MemoryPayoutStore(this, this.epoch);
  }

  addAccount(address: string, thresholdSompi?: bigint): bigint {
    const id = BigInt(this.accounts.size + 1);
    this.accounts.set(id, { id, address, thresholdSompi, lastPaidAtMs: 0 });
    return id;
  }

  /** A reward that came in. */
  addOutput(output: LedgerOutput, to: AccountKind = 'unsettled'): void {
    this.outputs.set(outpointKey(output), { ...output, spentBy: undefined });
    this.post(`reward:${outpointKey(output)}`, [
      ['treasury', -output.amountSompi],
      [to, output.amountSompi],
    ]);
  }

  balance(kind: AccountKind, accountId?: bigint): bigint {
    return this.#balances.get(keyOf(kind, accountId)) ?? 0n;
  }

  /** All of it or nothing, once per key. */
  post(key: string, entries: readonly (readonly [AccountKind, bigint, bigint?])[]): void {
    if (this.keys.has(key)) throw new Error(`ledger key ${key} was posted before`);
    if (entries.reduce((sum, [, sompi]) => sum + sompi, 0n) !== 0n)
      throw new Error(`${key} does not balance`);
    const after = new Map<string, bigint>();
    for (const [kind, sompi, accountId] of entries) {
      const account = keyOf(kind, accountId);
      after.set(account, (after.get(account) ?? this.balance(kind, accountId)) + sompi);
    }
    for (const [account, sompi] of after) {
      const below = account.startsWith('treasury') || account.startsWith('network_fees');
      if (below ? sompi > 0n : sompi < 0n) throw new Error(`${key}: ${account} would be ${sompi}`);
    }
    this.keys.add(key);
    for (const [account, sompi] of after) this.#balances.set(account, sompi);
  }

  total(kind: AccountKind): bigint {
    let sum = 0n;
    for (const [account, sompi] of this.#balances) if (account.split(',')[0] === kind) sum += sompi;
    return sum;
  }

  clearHalts(): void {
    this.halts.length = 0;
  }
}

function keyOf(kind: AccountKind, accountId: bigint | undefined): string {
  return `${kind},${accountId ?? ''}`;
}

export class MemoryPayoutStore implements PayoutStore {
  readonly #books: MemoryBooks;
  readonly #epoch: bigint;

  constructor(books: MemoryBooks, epoch: bigint) {
    this.#books = books;
    this.#epoch = epoch;
  }

  async balances(): Promise<readonly PayableBalance[]> {
    return [...this.#books.accounts.values()]
      .map((account) => ({
        accountId: account.id,
        address: account.address,
        balanceSompi: this.#books.balance('miner', account.id),
        thresholdSompi: account.thresholdSompi,
        lastPaidAtMs: account.lastPaidAtMs,
      }))
      .filter(({ balanceSompi }) => balanceSompi > 0n);
  }

  async spendableOutputs(): Promise<readonly LedgerOutput[]> {
    const held = new Set(
      this.#books.payouts
        .filter(({ state }) => LIVE.includes(state))
        .flatMap(({ plan }) => plan.inputs.map(outpointKey)),
    );
    return [...this.#books.outputs.values()].filter(
      (output) => output.spentBy === undefined && !held.has(outpointKey(output)),
    );
  }

  async paidWithin(ms: number): Promise<PaidLately> {
    const from = this.#books.clock() - ms;
    const byAccount = new Map<bigint, bigint>();
    let sompi = 0n;
    for (const { plan, plannedAtMs, state } of this.#books.payouts) {
      if (plannedAtMs <= from || state === 'CANCELLED' || state === 'CONFLICTED') continue;
      sompi += reservedSompi(plan);
      for (const payee of plan.payees)
        byAccount.set(payee.accountId, (byAccount.get(payee.accountId) ?? 0n) + payee.reservedSompi);
    }
    return { sompi, byAccount };
  }

  async poolFundsSompi(): Promise<bigint> {
    const promised = this.#books.payouts
      .filter(({ plan, state }) => plan.feeFrom === 'pool' && LIVE.includes(state))
      .reduce((sum, { plan }) => sum + plan.feeSompi, 0n);
    return this.#books.balance('pool_fee') + this.#books.balance('network_fees') - promised;
  }

  async msSinceLastPlan(): Promise<number | undefined> {
    const last = this.#books.payouts.findLast(({ plan }) => plan.kind === 'payment');
    return last && this.#books.clock() - last.plannedAtMs;
  }

  async openHalts(): Promise<readonly Halt[]> {
    return [...this.#books.halts];
  }

  async raiseHalt(code: string, reason: string, byWhom: string): Promise<void> {
    if (this.#books.halts.some((halt) => halt.code === code)) return;
    this.#books.halts.push({ code, reason, raisedBy: byWhom, raisedAtMs: this.#books.clock() });
  }

  async live(): Promise<readonly LivePayout[]> {
    return this.#books.payouts
      .filter(({ state }) => LIVE.includes(state))
      .map((payout) => ({
        id: payout.id,
        state: payout.state,
        plan: planOfText(payout.planText, payout.planHash),
        planHash: payout.planHash,
        signed: payout.signed,
        chainFrom: payout.chainFrom,
        accepted: payout.accepted,
        plannedAtMs: payout.plannedAtMs,
      }));
  }

  async createPlan(plan: Plan): Promise<bigint> {
    this.#mayWrite('PLANNED');
    const free = new Set((await this.spendableOutputs()).map(outpointKey));
    if (!plan.inputs.every((input) => free.has(outpointKey(input))))
      throw new EdgeError('SLUICE_OUTPUT_UNKNOWN', 'an input of a plan is not an unspent output');
    const id = BigInt(this.#books.payouts.length + 1);
    if (plan.payees.length > 0)
      this.#books.post(
        `plan:${id}`,
        plan.payees.flatMap((payee) => [
          ['miner', -payee.reservedSompi, payee.accountId] as const,
          ['in_flight', payee.reservedSompi, payee.accountId] as const,
        ]),
      );
    const plannedAtMs = this.#books.clock();
    for (const { accountId } of plan.payees) this.#books.accounts.get(accountId)!.lastPaidAtMs = plannedAtMs;
    this.#books.payouts.push({
      id,
      state: 'PLANNED',
      plan,
      planText: planText(plan),
      planHash: planHash(plan),
      signed: undefined,
      chainFrom: undefined,
      accepted: undefined,
      plannedAtMs,
      steps: [{ to: 'PLANNED', reason: '' }],
    });
    return id;
  }

  async signed(id: bigint, signed: SignedPayout): Promise<void> {
    this.#step(id, ['PLANNED'], 'SIGNED').signed = { ...signed };
  }

  async broadcast(id: bigint, chainFrom: string): Promise<void> {
    this.#step(id, ['SIGNED'], 'BROADCAST').chainFrom = chainFrom;
  }

  async accepted(id: bigint, block: string, daaScore: bigint): Promise<void> {
    this.#step(id, ['BROADCAST'], 'ACCEPTED', `block ${block}`).accepted = { block, daaScore };
  }

  async reorganised(id: bigint, reason: string): Promise<void> {
    this.#step(id, ['ACCEPTED'], 'BROADCAST', reason);
  }

  async confirmed(id: bigint): Promise<void> {
    const { plan, signed, accepted } = this.#step(id, ['ACCEPTED'], 'CONFIRMED');
    const txid = signed!.txid;
    for (const input of plan.inputs) this.#books.outputs.get(outpointKey(input))!.spentBy = txid;
    if (plan.changeSompi > 0n) {
      const change = { txid, index: plan.payees.length, amountSompi: plan.changeSompi };
      const output = { ...change, daaScore: accepted!.daaScore, isCoinbase: false, spentBy: undefined };
      this.#books.outputs.set(outpointKey(change), output);
    }
    this.#books.post(`confirm:${id}`, [
      ...plan.payees.map((payee) => ['in_flight', -payee.reservedSompi, payee.accountId] as const),
      ...(plan.feeFrom === 'pool' ? [['network_fees', -plan.feeSompi] as const] : []),
      ['treasury', paidSompi(plan) + plan.feeSompi],
    ]);
  }

  async conflicted(id: bigint, byTxid: string): Promise<void> {
    this.#giveBack(
      this.#step(id, ['BROADCAST'], 'CONFLICTED', `an input was spent by ${byTxid}`),
      'conflict',
    );
  }

  async cancel(id: bigint, reason: string): Promise<void> {
    const state = this.#books.payouts.find((payout) => payout.id === id)?.state;
    if (state !== 'PLANNED' && state !== 'SIGNED') throw notCancellable(id, state);
    this.#giveBack(this.#step(id, ['PLANNED', 'SIGNED'], 'CANCELLED', reason), 'cancel');
  }

  #giveBack({ id, plan }: MemoryPayout, kind: string): void {
    if (plan.payees.length === 0) return;
    this.#books.post(
      `${kind}:${id}`,
      plan.payees.flatMap((payee) => [
        ['in_flight', -payee.reservedSompi, payee.accountId] as const,
        ['miner', payee.reservedSompi, payee.accountId] as const,
      ]),
    );
  }

  #step(id: bigint, from: readonly PayoutState[], to: PayoutState, reason = ''): MemoryPayout {
    const payout = this.#books.payouts.find((one) => one.id === id);
    if (!payout || !from.includes(payout.state))
      throw new EdgeError(
        'SLUICE_PAYOUT_STATE',
        `payout ${id} is ${payout?.state}, and this step begins in ${from}`,
      );
    this.#mayWrite(payout.state === 'ACCEPTED' ? 'CONFIRMED' : to);
    payout.state = to;
    payout.steps.push({ to, reason });
    return payout;
  }

  #mayWrite(to: PayoutState): void {
    if (this.#epoch !== this.#books.epoch) throw new Error(`epoch ${this.#epoch} is over`);
    if (['PLANNED', 'SIGNED', 'BROADCAST'].includes(to) && this.#books.halts.length > 0)
      throw new Error('payouts are halted');
  }
}
