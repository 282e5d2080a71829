import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { encodeWireTransaction } from '../../../src/chains/kaspa/wire.ts';
import type { SimNetwork } from '../../../src/simnode/network.ts';
import type { Utxo } from '../../../src/simnode/utxo-set.ts';
import { mineOwn, NOW_MS, sampleNetwork } from './sample-network.ts';

/** Signed by the official SDK, so that the node's own check is held against somebody else's signatures. */
const sdk = createRequire(import.meta.url)('kaspa-wasm');
const KEY = new sdk.PrivateKey('b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfef');
const ADDRESS = KEY.toKeypair().toAddress('devnet').toString();
const SCRIPT = `20dff1d77f2a671c5f36183726db2341be58feae1da2deced843240f7b502ba659ac`;
const OTHER = new sdk.PrivateKey('0000000000000000000000000000000000000000000000000000000000000003');

interface SdkTransaction {
  id: string;
  inputs: {
    transactionId: string;
    index: number;
    sequence: bigint;
    sigOpCount: number;
    signatureScript: string;
  }[];
  outputs: { value: bigint; scriptPublicKey: string }[];
}

function signed(
  utxos: readonly Utxo[],
  outputsSompi: readonly bigint[],
  key = KEY,
): { id: string; bytes: Buffer } {
  const entries = utxos.map((utxo) => ({
    address: ADDRESS,
    outpoint: { transactionId: utxo.transactionId, index: utxo.index },
    amount: utxo.valueSompi,
    scriptPublicKey: { version: 0, script: utxo.script },
    blockDaaScore: 0n,
    isCoinbase: utxo.isCoinbase,
  }));
  const unsigned = sdk.createTransaction(
    entries,
    outputsSompi.map((amount) => ({ address: ADDRESS, amount })),
    0n,
    undefined,
    1,
  );
  const tx = sdk.signTransaction(unsigned, [key], false).serializeToObject() as SdkTransaction;
  const bytes = encodeWireTransaction({
    version: 0,
    inputs: tx.inputs.map((input) => ({
      previousOutpoint: { transactionId: input.transactionId, index: input.index },
      signatureScript: input.signatureScript,
      sequence: String(input.sequence),
      sigOpCount: input.sigOpCount,
    })),
    outputs: tx.outputs.map((output) => ({
      amount: String(output.value),
      scriptPublicKey: { version: 0, scriptPublicKey: output.scriptPublicKey.slice(4) },
    })),
    lockTime: '0',
    subnetworkId: '00'.repeat(20),
    gas: '0',
    payload: '',
    mass: '0',
  });
  return { id: tx.id, bytes };
}

/** `count` rewards of ours, spendable. */
function richNetwork(count: number, overrides: object = {}): { network: SimNetwork; utxos: Utxo[] } {
  const network = sampleNetwork({ maturityDaa: 20, ...overrides });
  for (let i = 0; i < count; i++) mineOwn(network, SCRIPT);
  network.mine(25, NOW_MS);
  return { network, utxos: network.utxos.ofScript(SCRIPT) };
}

const FEE = 1_000_000n;

function errorOf(result: { ok: boolean; error?: string }): string {
  return result.ok ? 'accepted' : result.error!;
}

describe('a transaction that was signed by the official SDK', () => {
  it('is accepted under the same id, and moves the money when a later block is merged', () => {
    const { network, utxos } = richNetwork(2);
    const total = utxos[0]!.valueSompi + utxos[1]!.valueSompi;
    const tx = signed(utxos, [total - FEE]);
    expect(network.submitTransaction(tx.bytes)).toEqual({ ok: true, id: tx.id });
    expect(network.mempool.get(tx.id)).toMatchObject({ feeSompi: FEE });
    network.mine(1, NOW_MS);
    expect(network.mempool.size).toBe(0);
    expect(network.utxos.ofScript(SCRIPT)).toHaveLength(2);
    network.mine(1, NOW_MS);
    expect(network.utxos.ofScript(SCRIPT)).toEqual([
      expect.objectContaining({ transactionId: tx.id, index: 0, valueSompi: total - FEE, isCoinbase: false }),
    ]);
    expect(network.chainState.acceptedIds(network.dag.sink.hash)).toContain(tx.id);
  });

  it('adds its fee to the reward of the block that carries it', () => {
    const { network, utxos } = richNetwork(1);
    network.submitTransaction(signed(utxos, [utxos[0]!.valueSompi - FEE]).bytes);
    const hash = mineOwn(network, `20${'55'.repeat(32)}ac`);
    network.mine(2, NOW_MS);
    expect(network.own.fate(hash)!.rewardSompi).toBe(194_454_365n + 750_000n + FEE);
  });

  it('is refused by name when it is sent again, before and after a block took it', () => {
    const { network, utxos } = richNetwork(1);
    const tx = signed(utxos, [utxos[0]!.valueSompi - FEE]);
    network.submitTransaction(tx.bytes);
    expect(errorOf(network.submitTransaction(tx.bytes))).toBe(
      `transaction ${tx.id} is already in the mempool`,
    );
    network.mine(2, NOW_MS);
    expect(errorOf(network.submitTransaction(tx.bytes))).toBe(
      `transaction ${tx.id} was already accepted by the consensus`,
    );
  });

  it('is refused when another one of the mempool, or of the chain, spends the same output', () => {
    const { network, utxos } = richNetwork(1);
    const first = signed(utxos, [utxos[0]!.valueSompi - FEE]);
    const second = signed(utxos, [utxos[0]!.valueSompi - 2n * FEE]);
    network.submitTransaction(first.bytes);
    expect(errorOf(network.submitTransaction(second.bytes))).toContain(
      `already spent by transaction ${first.id} in the mempool`,
    );
    network.mine(2, NOW_MS);
    expect(errorOf(network.submitTransaction(second.bytes))).toBe(
      'at least one outpoint of transaction is lacking a matching UTXO entry',
    );
  });

  it('is refused while a coinbase output is immature', () => {
    const { network, utxos } = richNetwork(1, { maturityDaa: 1000 });
    expect(errorOf(network.submitTransaction(signed(utxos, [utxos[0]!.valueSompi - FEE]).bytes))).toContain(
      'spends an immature UTXO',
    );
    network.mine(1000, NOW_MS);
    expect(network.submitTransaction(signed(utxos, [utxos[0]!.valueSompi - FEE]).bytes).ok).toBe(true);
  });

  it('is refused when it spends what does not exist, or more than there is', () => {
    const { network, utxos } = richNetwork(1);
    const missing = { ...utxos[0]!, index: 7 };
    expect(errorOf(network.submitTransaction(signed([missing], [1_000_000n]).bytes))).toContain(
      'lacking a matching',
    );
    const rich = { ...utxos[0]!, valueSompi: utxos[0]!.valueSompi * 2n };
    expect(errorOf(network.submitTransaction(signed([rich], [rich.valueSompi]).bytes))).toContain(
      'tries to spend',
    );
  });

  it('is refused below the minimum fee, by both amounts', () => {
    const { network, utxos } = richNetwork(1);
    const result = network.submitTransaction(signed(utxos, [utxos[0]!.valueSompi - 1000n]).bytes);
    // 94 + 1118 + 412 grams at 100 sompi.
    expect(errorOf(result)).toContain(
      'transaction has 1000 fees which is under the required amount of 162400',
    );
  });

  it('is refused above the storage mass that a node relays', () => {
    const { network, utxos } = richNetwork(1);
    const value = utxos[0]!.valueSompi;
    const result = network.submitTransaction(signed(utxos, [5_000_000n, value - 5_000_000n - FEE]).bytes);
    expect(errorOf(result)).toContain('transaction mass in context (including storage mass) of');
  });

  it('is refused when another key signed it', () => {
    const { network, utxos } = richNetwork(1);
    const forged = signed(utxos, [utxos[0]!.valueSompi - FEE], OTHER);
    expect(errorOf(network.submitTransaction(forged.bytes))).toContain(
      'failed to verify the signature script',
    );
  });

  it('may spend an output of the mempool, and comes into a later block than that one', () => {
    const { network, utxos } = richNetwork(1);
    const value = utxos[0]!.valueSompi;
    const first = signed(utxos, [value - FEE]);
    network.submitTransaction(first.bytes);
    const output: Utxo = {
      ...utxos[0]!,
      transactionId: first.id,
      index: 0,
      valueSompi: value - FEE,
      isCoinbase: false,
    };
    const second = signed([output], [value - 2n * FEE]);
    expect(network.submitTransaction(second.bytes).ok).toBe(true);
    network.mine(1, NOW_MS);
    expect(network.mempool.get(second.id)).toBeDefined();
    network.mine(3, NOW_MS);
    expect(network.utxos.ofScript(SCRIPT)).toMatchObject([{ transactionId: second.id }]);
  });

  it('is merged again after a reorganisation took it back', () => {
    const { network, utxos } = richNetwork(1);
    const tx = signed(utxos, [utxos[0]!.valueSompi - FEE]);
    network.submitTransaction(tx.bytes);
    network.mine(2, NOW_MS);
    network.reorganise(3, true, NOW_MS);
    expect(network.utxos.ofScript(SCRIPT)).toMatchObject([{ isCoinbase: true }]);
    network.mine(2, NOW_MS);
    expect(network.utxos.ofScript(SCRIPT)).toMatchObject([{ transactionId: tx.id, isCoinbase: false }]);
  });
});
