/**
 * One run of the simulation: a network, books, two payers, bad weather, then calm. In flows a seed, out flow counts and violations.
 *
 *   storm  rewards mature and are credited, both payers run, are killed, frozen and started again, people halt and clear
 *   calm   no more rewards, no more faults: after some time everything that can be paid is confirmed, or a violation says what is not
 *
 * All that happens is drawn from the seed and in the order of the turns, so a seed is a run, to the last statement.
 */
import { demoAddresses } from '../../../src/miner/miner.ts';
import type { PayoutStore } from '../../../src/payout/payout-store.ts';
import type { PayoutTerms } from '../../../src/payout/payout-terms.ts';
import { SeededRandom } from '../../../src/simnode/random.ts';
import { MemoryBooks } from '../../kit/memory-payout-store.ts';
import { ModelNetwork } from './model-network.ts';
import { OtherWallet } from './other-wallet.ts';
import { chainUnder, type Sabotage, signerUnder, storeUnder, takeLeadUnder } from './sabotage.ts';
import { bookReward, viewOf } from './sim-books.ts';
import { SimChain } from './sim-chain.ts';
import { runSimPayer } from './sim-payer.ts';
import { SimSigner } from './sim-signer.ts';
import { storeInStorm } from './storm-store.ts';
import { Truth } from './truth.ts';
import { Actor, Turns } from './turns.ts';
import { CALM, stormOf, type Weather } from './weather.ts';

export interface RunReport {
  readonly seed: number;
  /** Payees of confirmed payouts. */
  readonly payments: number;
  readonly payouts: number;
  readonly reorgs: number;
  readonly deepestReorg: number;
  readonly drops: number;
  readonly timeoutsAfterSuccess: number;
  readonly crashes: Readonly<Record<string, number>>;
  readonly databaseFaults: number;
  readonly leads: number;
  readonly halts: number;
  /** Payouts that lost an input to another wallet. */
  readonly conflicts: number;
  readonly violations: readonly string[];
  /** The last things that happened before the first violation, or before the end. */
  readonly trace: readonly string[];
}

const NETWORK = 'devnet';
const KAS = 100_000_000n;
const BLOCK_MS = 1_000;
const STORM_MS = 2_400_000;
/** Confirmations take 500 of 1.5 a second; a payout that was lost in the storm needs that twice, and resends before. */
const CALM_MS = 3_600_000;
const ADDRESSES = demoAddresses(NETWORK, 16);
const TREASURY = ADDRESSES[15]!;
/** Of mainnet: nobody can be paid there, and nobody else may wait for it. */
const FOREIGN_ADDRESS = demoAddresses('mainnet', 1)[0]!;
const TRACE_LINES = 60;

const TERMS: PayoutTerms = {
  networkId: NETWORK,
  treasuryAddress: TREASURY,
  minimumSompi: 8n * KAS,
  leastSompi: KAS,
  intervalMs: 120_000,
  feeFrom: 'payees',
  feerateMax: 1_000,
  feeMaxSompi: KAS,
  transactionMaxSompi: 100_000n * KAS,
  dayMaxSompi: 1_000_000n * KAS,
  accountDayMaxSompi: 200_000n * KAS,
  massMaxGrams: 95_000n,
  maturityDaa: 500n,
  confirmDaa: 500n,
  consolidateAbove: 60,
  resendMs: 30_000,
};
/** Less than `confirmDaa` by far: a block is worth two of DAA score at most. */
const REORG_DEPTH_MAX = 200;

export class World {
  readonly #seed: number;
  readonly #sabotage: Sabotage | undefined;
  readonly #random: SeededRandom;
  readonly #turns: Turns;
  readonly #network: ModelNetwork;
  readonly #books: MemoryBooks;
  readonly #truth: Truth;
  readonly #terms: PayoutTerms;
  readonly #otherWallet: OtherWallet;
  #weather: Weather;
  #leader: Actor | undefined;
  #nextBlockMs = BLOCK_MS;
  #clearHaltsAtMs = Infinity;
  readonly #restartAtMs = new Map<string, number>();
  readonly #crashes: Record<string, number> = {};
  #databaseFaults = 0;
  #leads = 0;
  #halts = 0;
  readonly #trace: string[] = [];
  #traceOfViolation: readonly string[] | undefined;

  constructor(seed: number, sabotage?: Sabotage) {
    this.#seed = seed;
    this.#sabotage = sabotage;
    this.#random = new SeededRandom(seed);
    this.#weather = stormOf(this.#random);
    this.#turns = new Turns(this.#random);
    this.#network = new ModelNetwork(this.#random, {
      nodes: 3,
      maturityDaa: Number(TERMS.maturityDaa),
      reorgDepthMax: REORG_DEPTH_MAX,
      rewardAddress: TREASURY,
    });
    this.#network.weather = this.#weather.network;
    this.#books = new MemoryBooks(() => this.#turns.nowMs);
    this.#truth = new Truth(this.#network, TREASURY);
    this.#otherWallet = new OtherWallet({
      ...{ random: this.#random, network: this.#network, books: this.#books, treasuryAddress: TREASURY },
      // As deep as a conflict must lie before a payer believes it, and some more.
      mendDaa: Number(TERMS.confirmDaa) + 50,
      note: (what) => this.#note(what),
    });
    this.#terms = { ...TERMS, feeFrom: this.#random.chance(0.3) ? 'pool' : 'payees' };
    const addresses = [...ADDRESSES.slice(0, 12), FOREIGN_ADDRESS, TREASURY];
    for (const [place, address] of addresses.entries()) {
      const thresholdSompi = place % 4 === 1 ? BigInt(5 + this.#random.below(60)) * KAS : undefined;
      this.#books.addAccount(address, thresholdSompi);
    }
  }

  async run(): Promise<RunReport> {
    for (const name of ['A', 'B']) this.#start(name);
    await this.#passTime(STORM_MS, () => this.#truth.violations.size > 0);
    this.#note('calm');
    this.#weather = CALM;
    this.#network.weather = CALM.network;
    const endMs = this.#turns.nowMs + CALM_MS;
    await this.#passTime(endMs, () => this.#truth.violations.size > 0 || this.#isSettled());
    if (this.#truth.violations.size === 0) this.#truth.lookAtEnd(viewOf(this.#books), this.#payable());
    return this.#report();
  }

  // ---------------------------------------------------------------------------------------------------------------- time

  async #passTime(untilMs: number, isEnough: () => boolean): Promise<void> {
    const turns = this.#turns;
    while (turns.nowMs < untilMs) {
      while (await turns.goOn());
      turns.nowMs = Math.min(turns.nextAtMs(), this.#nextBlockMs, untilMs);
      if (turns.nowMs < this.#nextBlockMs) continue;
      this.#nextBlockMs += BLOCK_MS;
      this.#second();
      if (isEnough()) return;
    }
  }

  /** Looked at every ten seconds: it costs as much as a hundred blocks. */
  #isSettled(): boolean {
    if (this.#turns.nowMs % 10_000 !== 0) return false;
    const books = viewOf(this.#books);
    const live = books.payouts.some(({ state }) =>
      ['PLANNED', 'SIGNED', 'BROADCAST', 'ACCEPTED'].includes(state),
    );
    if (live || this.#truth.differences(books).length > 0) return false;
    return [...this.#payable()].every(([id, least]) => (books.balances.get(id) ?? 0n) < least);
  }

  #second(): void {
    const reorgs = this.#network.reorgs;
    this.#network.step();
    if (this.#network.reorgs > reorgs)
      this.#note(`reorganisation to ${this.#network.truth.tip.hash.slice(-6)}`);
    const isStorm = this.#weather !== CALM;
    const second = Math.round(this.#turns.nowMs / 1_000);
    if (isStorm && second % 10 === 0) this.#network.payReward(this.#amount(8n * KAS, 30n * KAS));
    if (isStorm && second % 600 === 0) this.#network.deposit(this.#amount(KAS, 20n * KAS));
    if (second % 10 === 0) this.#bookRewards();
    if (this.#random.chance(this.#weather.otherWallet)) this.#otherWallet.spendOne();
    if (second % 10 === 0) this.#otherWallet.mend();
    this.#people();
    this.#restart();
    if (second % 15 === 0 || this.#network.reorgs > reorgs) this.#truth.lookDuring(viewOf(this.#books));
    if (this.#truth.violations.size > 0) this.#traceOfViolation ??= [...this.#trace];
  }

  // --------------------------------------------------------------------------------------------------------- money comes

  /** What the payer's intake and the settlement do: mature outputs come into the books and are divided, all at once. */
  #bookRewards(): void {
    const { truth } = this.#network;
    for (const utxo of truth.utxos.values()) {
      if (utxo.address !== TREASURY || utxo.daaScore + Number(TERMS.maturityDaa) > truth.tip.daaScore)
        continue;
      if (this.#books.outputs.has(utxo.outpoint) || !this.#comesFromOutside(utxo.txid)) continue;
      const { txid, index, sompi, daaScore, coinbase } = utxo;
      const output = { txid, index, amountSompi: sompi, isCoinbase: coinbase, daaScore: BigInt(daaScore) };
      if (coinbase) bookReward(this.#books, output, this.#divide(sompi));
      else this.#books.addOutput(output, 'deposits');
    }
  }

  /** Change is the payer's to book. */
  #comesFromOutside(txid: string): boolean {
    const block = this.#network.truth.acceptedIn.get(txid)!;
    return block.accepted.some((tx) => tx.txid === txid && tx.inputs.length === 0);
  }

  #divide(sompi: bigint): Map<bigint, bigint> {
    const credits = new Map<bigint, bigint>();
    const ids = [...this.#books.accounts.keys()];
    let left = sompi - sompi / 50n;
    for (let parts = 1 + this.#random.below(5); parts > 0; parts--) {
      const id = ids[this.#random.below(ids.length)]!;
      const part = parts === 1 ? left : (left * BigInt(1 + this.#random.below(60))) / 100n;
      credits.set(id, (credits.get(id) ?? 0n) + part);
      left -= part;
    }
    for (const [id, part] of credits) this.#truth.credited(this.#books.accounts.get(id)!.address, part);
    return credits;
  }

  #amount(from: bigint, to: bigint): bigint {
    return from + BigInt(this.#random.below(Number(to - from)));
  }

  /** Foreign addresses and the treasury's own are never paid, everybody else is from the threshold on. */
  #payable(): Map<bigint, bigint> {
    const payable = new Map<bigint, bigint>();
    for (const [id, { address, thresholdSompi }] of this.#books.accounts) {
      const least = thresholdSompi ?? TERMS.minimumSompi;
      if (address !== TREASURY && address !== FOREIGN_ADDRESS) payable.set(id, least);
    }
    return payable;
  }

  // -------------------------------------------------------------------------------------------------------------- people

  #people(): void {
    const { nowMs } = this.#turns;
    if (this.#random.chance(this.#weather.halt)) this.#haltByHand();
    const { halts } = this.#books;
    if (halts.length === 0) return;
    if (this.#clearHaltsAtMs === Infinity) {
      this.#clearHaltsAtMs = nowMs + 10_000 + this.#random.below(200_000);
      this.#halts++;
    }
    if (nowMs < this.#clearHaltsAtMs) return;
    this.#note(`a person clears ${halts.map(({ code, reason }) => `${code} (${reason})`).join(', ')}`);
    this.#books.clearHalts();
    this.#clearHaltsAtMs = Infinity;
  }

  #haltByHand(): void {
    const halt = {
      code: 'BY_HAND',
      reason: 'somebody was afraid',
      raisedBy: 'a person',
      raisedAtMs: this.#turns.nowMs,
    };
    if (this.#books.halts.every(({ code }) => code !== halt.code)) this.#books.halts.push(halt);
  }

  // -------------------------------------------------------------------------------------------------------------- payers

  #start(name: string): void {
    const actor = new Actor(name);
    const turns = this.#turns;
    const common = { actor, turns, random: this.#random, weather: () => this.#weather };
    const plainChain = new SimChain({
      ...common,
      network: this.#network,
      treasuryAddress: TREASURY,
      onSend: (txid, bytes) => {
        this.#note(`${name} sends ${txid.slice(0, 8)}`);
        this.#truth.sent(txid, bytes);
      },
    });
    const signer = signerUnder(new SimSigner(TREASURY, this.#random), this.#sabotage);
    const storm = (epoch: bigint, sound: PayoutStore) =>
      storeInStorm(sound, {
        ...common,
        onFreeze: () => this.#freeze(actor),
        onFault: (what) => this.#fault(`${name}: ${what}`),
        onCall: (call, args) => this.#beforeCall(call, args),
        onDone: (call, args) => this.#afterCall(name, epoch, call, args),
      });
    let store: PayoutStore | undefined;
    void runSimPayer({
      ...{ actor, turns, terms: this.#terms, signer, tickMs: 3_000 + this.#random.below(8_000) },
      // The store of a sabotaged chain is that of the payer's present lead.
      chain: this.#sabotage
        ? chainUnder(
            plainChain,
            lateStore(() => store!),
            this.#sabotage,
          )
        : plainChain,
      takeLead: () => {
        if (this.#leader?.alive && this.#leader !== actor) return undefined;
        this.#leader = actor;
        this.#leads++;
        const sound = takeLeadUnder(this.#books, this.#sabotage);
        const { epoch } = this.#books;
        this.#truth.ledBy(epoch);
        this.#note(`${name} leads, epoch ${epoch}`);
        store = storeUnder(storm(epoch, sound), signer, this.#sabotage);
        return { epoch, store };
      },
      loseLead: () => this.#release(actor),
      killedAt: (point) => this.#killedAt(actor, point),
      onFault: (what) => this.#note(what),
    });
  }

  #release(actor: Actor): void {
    if (this.#leader === actor) this.#leader = undefined;
  }

  #killedAt(actor: Actor, point: string): boolean {
    if (!this.#random.chance(this.#weather.crash)) return false;
    this.#crashes[point] = (this.#crashes[point] ?? 0) + 1;
    this.#note(`${actor.name} is killed ${point}`);
    this.#turns.kill(actor);
    this.#release(actor);
    this.#restartAtMs.set(actor.name, this.#turns.nowMs + 2_000 + this.#random.below(120_000));
    return true;
  }

  #restart(): void {
    for (const [name, atMs] of this.#restartAtMs) {
      if (atMs > this.#turns.nowMs) continue;
      this.#restartAtMs.delete(name);
      this.#start(name);
    }
  }

  /** As a suspended machine: it believes that it leads, and the database has long given the lead to another one, or not. */
  #freeze(actor: Actor): void {
    const forMs = 1_000 + this.#random.below(this.#random.chance(0.3) ? 900_000 : 30_000);
    actor.frozenUntilMs = this.#turns.nowMs + forMs;
    if (this.#random.chance(0.6)) this.#release(actor);
    this.#note(`${actor.name} stands still for ${Math.round(forMs / 1_000)} s`);
  }

  #fault(what: string): void {
    this.#databaseFaults++;
    this.#note(what);
  }

  #beforeCall(call: string, [id]: readonly unknown[]): void {
    if (call !== 'confirmed') return;
    const payout = viewOf(this.#books).payouts.find((one) => one.id === id);
    if (payout?.state !== 'ACCEPTED') return;
    // A node that the question went to may be on a branch that truth has left, but never so deep.
    this.#truth.confirmed(payout.id, payout.txid, REORG_DEPTH_MAX);
  }

  #afterCall(name: string, epoch: bigint, call: string, [first]: readonly unknown[]): void {
    if (!WRITES.has(call)) return;
    this.#truth.wrote(call, epoch);
    this.#note(`${name}: ${call} ${typeof first === 'bigint' ? first : ''}`);
  }

  // ------------------------------------------------------------------------------------------------------------- report

  #note(what: string): void {
    this.#trace.push(
      `${(this.#turns.nowMs / 1_000).toFixed(1).padStart(7)} s  daa ${this.#network.truth.tip.daaScore}  ${what}`,
    );
    if (this.#trace.length > TRACE_LINES) this.#trace.shift();
  }

  #report(): RunReport {
    const { payouts } = viewOf(this.#books);
    const confirmed = payouts.filter(({ state }) => state === 'CONFIRMED');
    const { reorgs, deepestReorg, drops, timeoutsAfterSuccess } = this.#network;
    return {
      ...{ seed: this.#seed, reorgs, deepestReorg, drops, timeoutsAfterSuccess },
      payments: confirmed.reduce((sum, { plan }) => sum + plan.payees.length, 0),
      payouts: confirmed.length,
      crashes: this.#crashes,
      databaseFaults: this.#databaseFaults,
      leads: this.#leads,
      halts: this.#halts,
      conflicts: payouts.filter(({ state }) => state === 'CONFLICTED').length,
      violations: [...this.#truth.violations],
      trace: this.#traceOfViolation ?? this.#trace,
    };
  }
}

const WRITES = new Set([
  ...['createPlan', 'signed', 'broadcast', 'accepted', 'reorganised', 'confirmed', 'conflicted', 'cancel'],
]);

/** A store that is only there once the lead was taken. */
function lateStore<T extends object>(now: () => T): T {
  return new Proxy({} as T, { get: (_, name) => Reflect.get(now(), name) as unknown });
}
