import { describe, expect, it } from 'vitest';
import type { Database } from '../../../src/ledger/stores/postgres.ts';
import { MoneyBoard } from '../../../src/ledger/views/money-board.ts';

function balance(account: number, sompi: bigint): Buffer {
  const bytes = Buffer.alloc(20);
  bytes.writeBigInt64BE(BigInt(account), 0);
  bytes.writeBigInt64BE(sompi, 12);
  return bytes;
}

/** A database whose books stand at `head`, and which gives the balances to whoever knows nothing yet. */
function booksAt(head: bigint, balances: Buffer): Database {
  const none = { paid: null, credits: null, settings: [], step: 0n, at: new Date(1_700_000_000_000) };
  return (async (_: TemplateStringsArray, since: Date) => [
    { ...none, head, balances: since.getTime() === 0 ? balances : null },
  ]) as unknown as Database;
}

describe('the board of money', () => {
  it('forgets what a database that was put back from a backup does not know', async () => {
    const board = new MoneyBoard();
    await board.refresh(booksAt(10n, Buffer.concat([balance(1, 500n), balance(2, 30n)])));
    expect(board.of(1).balanceSompi).toBe(500n);
    await board.refresh(booksAt(11n, Buffer.alloc(0)));
    expect(board.of(1).balanceSompi).toBe(500n);
    await board.refresh(booksAt(4n, balance(1, 200n)));
    expect(board.of(1).balanceSompi).toBe(200n);
    expect(board.of(2).balanceSompi).toBe(0n);
    expect(board.accounts).toBe(1);
  });
});
