/** What the world does with the books besides the payers: rewards come in divided, and the judge looks at everything. */
import type { AccountKind } from '../../../src/ledger/books.ts';
import type { LedgerOutput } from '../../../src/payout/payout-store.ts';
import type { MemoryBooks } from '../../kit/memory-payout-store.ts';
import type { BooksView } from './truth.ts';

/** Those that are not by account. */
const KINDS: readonly AccountKind[] = [
  ...([
    'unsettled',
    'pool_fee',
    'donation',
    'network_fees',
    'dust',
    'treasury',
    'reserve',
    'deposits',
  ] as const),
  'unattributed',
];

/** A mature reward and its settlement at once: what no account gets is the pool's fee. */
export function bookReward(
  books: MemoryBooks,
  output: LedgerOutput,
  credits: ReadonlyMap<bigint, bigint>,
): void {
  books.addOutput(output);
  const credited = [...credits.values()].reduce((sum, sompi) => sum + sompi, 0n);
  books.post(`settlement:${output.txid}:${output.index}`, [
    ['unsettled', -output.amountSompi],
    ['pool_fee', output.amountSompi - credited],
    ...[...credits].map(([account, sompi]) => ['miner', sompi, account] as const),
  ]);
}

/** Outputs whose payouts are not at an end count as unspent, as in the ledger. */
export function viewOf(books: MemoryBooks): BooksView {
  const unspent = [...books.outputs].filter(([, output]) => output.spentBy === undefined);
  const accounts = [...books.accounts.keys()];
  const balances = new Map(accounts.map((id) => [id, books.balance('miner', id)]));
  const inFlightSompi = accounts.reduce((sum, id) => sum + books.balance('in_flight', id), 0n);
  const others = KINDS.reduce((sum, kind) => sum + books.balance(kind), 0n);
  return {
    payouts: books.payouts.map(({ id, state, plan, signed }) => ({ id, state, plan, txid: signed?.txid })),
    balances,
    inFlightSompi,
    treasurySompi: -books.balance('treasury'),
    unspent: new Map(unspent.map(([key, { amountSompi }]) => [key, amountSompi])),
    halts: books.halts.map(({ code }) => code),
    totalSompi: [...balances.values()].reduce((sum, sompi) => sum + sompi, inFlightSompi + others),
  };
}
