/**
 * The judge of the simulation. It sees what was credited, what was stored, what was sent, and the true chain; it asks the payers nothing.
 * In flow facts, out flow violations in sentences. It must never look at what a payer believes.
 *
 *   during the run   nobody is paid above what was credited, on the chain as it is now; one payout has one transaction and one
 *                    wording; no two live payouts hold one input; what is confirmed lies on the chain; what was given back does not;
 *                    the books add up
 *   at the end       after the storm: nothing is left above its threshold, nothing is in flight, books and chain hold the same
 */
import { outpointKey, type Plan, reservedSompi } from '../../../src/payout/plan.ts';
import type { ModelNetwork } from './model-network.ts';

export interface PayoutRecord {
  readonly id: bigint;
  readonly state: string;
  readonly plan: Plan;
  readonly txid: string | undefined;
}

/** The books as they are, read past all faults. */
export interface BooksView {
  readonly payouts: readonly PayoutRecord[];
  readonly balances: ReadonlyMap<bigint, bigint>;
  readonly inFlightSompi: bigint;
  /** What the ledger says lies on the chain, mature. */
  readonly treasurySompi: bigint;
  /** Outputs that the ledger believes to be unspent, whoever holds them. */
  readonly unspent: ReadonlyMap<string, bigint>;
  /** Codes of the open halts. */
  readonly halts: readonly string[];
  /** Sum of all ledger accounts. */
  readonly totalSompi: bigint;
}

const LIVE = new Set(['PLANNED', 'SIGNED', 'BROADCAST', 'ACCEPTED']);
/** What a storm may bring about; any other halt is a false alarm here. */
const HALTS = new Set(['BY_HAND', 'PAYOUT_REFUSED', 'CONFLICT']);
const GIVEN_BACK = new Set(['CONFLICTED', 'CANCELLED']);

export class Truth {
  readonly violations = new Set<string>();
  readonly #network: ModelNetwork;
  readonly #treasuryAddress: string;
  readonly #credited = new Map<string, bigint>();
  readonly #wording = new Map<string, string>();
  readonly #transactionOf = new Map<bigint, string>();
  #highestEpoch = 0n;

  constructor(network: ModelNetwork, treasuryAddress: string) {
    this.#network = network;
    this.#treasuryAddress = treasuryAddress;
  }

  credited(address: string, sompi: bigint): void {
    this.#credited.set(address, (this.#credited.get(address) ?? 0n) + sompi);
  }

  wrote(what: string, epoch: bigint): void {
    if (epoch < this.#highestEpoch)
      this.#wrong(`${what} was written under epoch ${epoch}, after epoch ${this.#highestEpoch} had begun`);
  }

  ledBy(epoch: bigint): void {
    if (epoch > this.#highestEpoch) this.#highestEpoch = epoch;
  }

  sent(txid: string, bytes: Uint8Array): void {
    const words = Buffer.from(bytes).toString();
    const before = this.#wording.get(txid);
    if (before === undefined) this.#wording.set(txid, words);
    else if (before !== words) this.#wrong(`the bytes of ${short(txid)} were made anew`);
  }

  confirmed(id: bigint, txid: string | undefined, depthDaa: number): void {
    const block = txid === undefined ? undefined : this.#network.truth.acceptedIn.get(txid);
    if (!block) this.#wrong(`payout ${id} was confirmed and is not on the chain`);
    else if (this.#network.truth.tip.daaScore - block.daaScore < depthDaa) {
      this.#wrong(`payout ${id} was confirmed at depth ${this.#network.truth.tip.daaScore - block.daaScore}`);
    }
  }

  lookDuring(books: BooksView): void {
    const { truth } = this.#network;
    const held = new Map<string, bigint>();
    for (const { id, state, plan, txid } of books.payouts) {
      const before = this.#transactionOf.get(id);
      if (txid !== undefined) {
        if (before !== undefined && before !== txid)
          this.#wrong(`payout ${id} has another transaction than before`);
        this.#transactionOf.set(id, txid);
      }
      if (!GIVEN_BACK.has(state)) {
        for (const key of plan.inputs.map(outpointKey)) {
          if (held.has(key)) this.#wrong(`payouts ${held.get(key)} and ${id} hold one input`);
          held.set(key, id);
        }
      }
      const onChain = txid !== undefined && truth.acceptedIn.has(txid);
      if (onChain && GIVEN_BACK.has(state)) this.#wrong(`payout ${id} is ${state} and lies on the chain`);
      if (!onChain && state === 'CONFIRMED') this.#wrong(`payout ${id} is CONFIRMED and not on the chain`);
    }
    for (const [address, sompi] of this.paid()) {
      const credited = this.#credited.get(address) ?? 0n;
      if (sompi > credited) this.#wrong(`${short(address)} was paid ${sompi}, and had earned ${credited}`);
    }
    const live = books.payouts.filter(({ state }) => LIVE.has(state));
    const reserved = live.reduce((sum, { plan }) => sum + reservedSompi(plan), 0n);
    if (reserved !== books.inFlightSompi)
      this.#wrong(`${books.inFlightSompi} are in flight, live payouts reserve ${reserved}`);
    for (const code of books.halts)
      if (!HALTS.has(code)) this.#wrong(`payouts were halted for nothing: ${code}`);
    if (books.totalSompi !== 0n) this.#wrong(`the books add up to ${books.totalSompi}`);
    for (const [account, sompi] of books.balances)
      if (sompi < 0n) this.#wrong(`account ${account} has ${sompi}`);
  }

  /** @param payable accounts that should have nothing left, with the balance from which they are paid */
  lookAtEnd(books: BooksView, payable: ReadonlyMap<bigint, bigint>): void {
    this.lookDuring(books);
    for (const { id, state } of books.payouts)
      if (LIVE.has(state)) this.#wrong(`payout ${id} is stuck in ${state}`);
    for (const [account, thresholdSompi] of payable) {
      const left = books.balances.get(account) ?? 0n;
      if (left >= thresholdSompi) this.#wrong(`account ${account} has ${left} and was never paid it`);
    }
    for (const difference of this.differences(books)) this.#wrong(difference);
  }

  /** Between the treasury on the true chain and in the books, to the last output. */
  differences(books: BooksView): string[] {
    const found: string[] = [];
    const there = new Map<string, bigint>();
    let chainSompi = 0n;
    for (const { address, outpoint, sompi } of this.#network.truth.utxos.values()) {
      if (address !== this.#treasuryAddress) continue;
      there.set(outpoint, sompi);
      chainSompi += sompi;
      if (!books.unspent.has(outpoint))
        found.push(`the chain has ${short(outpoint)} of ${sompi}, the books have not`);
    }
    for (const [outpoint, sompi] of books.unspent) {
      if (there.get(outpoint) !== sompi)
        found.push(`the books have ${short(outpoint)} of ${sompi}, the chain has not`);
    }
    if (chainSompi !== books.treasurySompi)
      found.push(`the chain holds ${chainSompi}, the books say ${books.treasurySompi}`);
    return found;
  }

  /** By address, on the true chain as it is now. */
  paid(): Map<string, bigint> {
    const sums = new Map<string, bigint>();
    for (const { address, sompi } of this.#network.truth.utxos.values()) {
      if (address !== this.#treasuryAddress) sums.set(address, (sums.get(address) ?? 0n) + sompi);
    }
    return sums;
  }

  #wrong(what: string): void {
    this.violations.add(what);
  }
}

function short(id: string): string {
  return id.length > 24 ? `${id.slice(0, 12)}..${id.slice(-8)}` : id;
}
