import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TreasuryKey } from '../../../../src/chains/kaspa/signing.ts';
import { decodeTransaction } from '../../../../src/simnode/transaction.ts';
import { judgeTransaction } from '../../../../src/simnode/transaction-rules.ts';

const sdk = createRequire(import.meta.url)('kaspa-wasm');
const HEX = 'b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfef';
const ADDRESS: string = new sdk.PrivateKey(HEX).toKeypair().toAddress('devnet').toString();
const OTHER: string = new sdk.PrivateKey('03'.padStart(64, '0')).toKeypair().toAddress('devnet').toString();
const SCRIPT = '20dff1d77f2a671c5f36183726db2341be58feae1da2deced843240f7b502ba659ac';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-key-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function keyFile(text: string, mode = 0o600): string {
  const file = join(folder, 'key');
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}
const read = (text = HEX, mode = 0o600, address = ADDRESS): TreasuryKey =>
  TreasuryKey.read(keyFile(text, mode), address, 'devnet', undefined);

function thrownBy(work: () => unknown): Error & { code?: string } {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

describe("the treasury's key", () => {
  it('is read from a file that its owner alone may read', () => {
    expect(read().address).toBe(ADDRESS);
    expect(read(`${HEX.toUpperCase()}\n`, 0o400).address).toBe(ADDRESS);
    for (const mode of [0o640, 0o604, 0o660, 0o777]) {
      expect(thrownBy(() => read(HEX, mode))).toMatchObject({
        code: 'SLUICE_KEY_FILE',
        remedy: expect.stringMatching(/^chmod 600/),
      });
    }
  });

  it("may be a credential of systemd, whose access list shows as the group's right", () => {
    const file = keyFile(HEX, 0o440);
    expect(TreasuryKey.read(file, ADDRESS, 'devnet', folder).address).toBe(ADDRESS);
    expect(thrownBy(() => TreasuryKey.read(keyFile(HEX, 0o444), ADDRESS, 'devnet', folder))).toMatchObject({
      code: 'SLUICE_KEY_FILE',
    });
    expect(thrownBy(() => TreasuryKey.read(file, ADDRESS, 'devnet', `${folder}x`))).toMatchObject({
      code: 'SLUICE_KEY_FILE',
    });
  });

  it("is refused when it is none, is missing, or is another address's", () => {
    for (const text of ['', 'nonsense', HEX.slice(2), `${HEX}00`, '0'.repeat(64), 'f'.repeat(64)]) {
      const fault = thrownBy(() => read(text));
      expect(fault.code).toBe('SLUICE_KEY_FILE');
    }
    expect(
      thrownBy(() => TreasuryKey.read(join(folder, 'none'), ADDRESS, 'devnet', undefined)).message,
    ).toMatch(/ENOENT/);
    expect(thrownBy(() => TreasuryKey.read(folder, ADDRESS, 'devnet', undefined)).message).toMatch(
      /it is no file/,
    );
    expect(thrownBy(() => read(HEX, 0o600, OTHER))).toMatchObject({ code: 'SLUICE_KEY_ADDRESS' });
    expect(thrownBy(() => TreasuryKey.read(keyFile(HEX), ADDRESS, 'mainnet', undefined))).toMatchObject({
      code: 'SLUICE_KEY_ADDRESS',
    });
    expect(thrownBy(() => TreasuryKey.read(keyFile(HEX), 'kaspadev:qqx', 'devnet', undefined))).toMatchObject(
      { code: 'SLUICE_KEY_ADDRESS' },
    );
  });

  it('shows up in no error, no JSON and no inspection', () => {
    const key = read();
    const shown = [JSON.stringify({ key }), inspect(key, { depth: 9, showHidden: true }), String(key)];
    for (const text of [HEX.slice(0, 40), `${HEX.slice(0, 62)}zz`]) {
      const fault = thrownBy(() => read(text));
      shown.push(fault.message, fault.stack ?? '', inspect(fault, { depth: 9, showHidden: true }));
    }
    shown.push(
      inspect(
        thrownBy(() => read(HEX, 0o600, OTHER)),
        { depth: 9 },
      ),
    );
    for (const text of shown) expect(text).not.toContain(HEX.slice(0, 16));
  });
});

describe('signing', () => {
  const inputs = [0, 1, 2].map((index) => ({
    txid: `${index}a`.repeat(32),
    index,
    amountSompi: 1_000_000_000n,
  }));
  const outputs = [
    { address: OTHER, amountSompi: 1_500_000_000n },
    { address: ADDRESS, amountSompi: 1_499_000_000n },
  ];
  const lookup = () => ({
    transactionId: '',
    index: 0,
    valueSompi: 1_000_000_000n,
    scriptVersion: 0,
    script: SCRIPT,
    blockDaaScore: 1,
    isCoinbase: true,
  });
  const policy = {
    maturityDaa: 10,
    massLimitGrams: 100_000,
    minimumFeeratePerGram: 100,
    verifySignatures: true,
  };

  it('gives a transaction that a node accepts, under the same id however often', () => {
    const key = read();
    const [first, second] = [key.sign({ inputs, outputs }), key.sign({ inputs, outputs })];
    expect(first.txid).toBe(second.txid);
    const tx = decodeTransaction(Buffer.from(first.bytes));
    expect(tx.id).toBe(first.txid);
    expect(judgeTransaction(tx, lookup, 1_000, policy)).toMatchObject({
      ok: true,
      feeSompi: 1_000_000n,
      computeMass: 94 + 3 * 1118 + 2 * 412,
    });
    expect(tx.outputs.map(({ valueSompi }) => valueSompi)).toEqual([1_500_000_000n, 1_499_000_000n]);
  });

  it('refuses an address that is none before the SDK sees it', () => {
    const bad = [{ address: 'kaspadev:qqqq', amountSompi: 1_000n }];
    expect(thrownBy(() => read().sign({ inputs, outputs: bad }))).toMatchObject({ code: 'SLUICE_SIGNING' });
    expect(read().sign({ inputs, outputs }).txid).toMatch(/^[0-9a-f]{64}$/);
  });
});
