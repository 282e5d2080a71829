/**
 * The treasury's key, and signing with it. In flow a file and payments, out flow signed transactions as the node takes them.
 *
 * It must never let the key out: not into a log, an error, JSON, or what `inspect` prints. It must never hand the SDK a text that
 * was not checked first: its panics end the whole WASM instance. What is sent is built from the payment, not from what the SDK
 * gives back; of that only the signatures are taken, and only when both agree on the id.
 *
 * Schnorr keys only (addresses of version 0): one signature of 65 bytes per input, which is what the masses count on.
 */
import { createRequire } from 'node:module';
import { inspect } from 'node:util';
import { EdgeError } from '../../kit/edge-error.ts';
import { AddressVersion, decodeAddress, payToAddressScript, prefixOfNetwork } from './address.ts';
import { readKeyFile } from './key-file.ts';
import { transactionIdOf } from './transaction-id.ts';
import { encodeWireTransaction, type WireTransaction } from './wire.ts';

export interface UnsignedPayment {
  readonly inputs: readonly { readonly txid: string; readonly index: number; readonly amountSompi: bigint }[];
  readonly outputs: readonly { readonly address: string; readonly amountSompi: bigint }[];
}

export interface SignedPayment {
  readonly txid: string;
  /** A protobuf `RpcTransaction`. */
  readonly bytes: Uint8Array;
}

/** As much of the SDK as is used here. */
interface SdkKey {
  toKeypair(): { toAddress(network: string): { toString(): string } };
}
interface SdkTransaction {
  readonly id: string;
  readonly inputs: readonly {
    readonly transactionId: string;
    readonly index: number;
    readonly signatureScript: string;
  }[];
}
interface Sdk {
  readonly PrivateKey: new (hex: string) => SdkKey;
  readonly Transaction: new (fields: object) => object;
  signTransaction(
    tx: object,
    keys: readonly SdkKey[],
    verify: boolean,
  ): { serializeToObject(): SdkTransaction; free(): void };
}

const NATIVE_SUBNETWORK = '00'.repeat(20);
/** OP_DATA_65, signature, hash type. */
const SIGNATURE_SCRIPT_HEX = /^41[0-9a-f]{128}01$/;

export class TreasuryKey {
  readonly address: string;
  readonly #script: string;
  readonly #sdk: Sdk;
  readonly #key: SdkKey;

  private constructor(address: string, sdk: Sdk, key: SdkKey) {
    this.address = address;
    this.#script = scriptHexOf(address);
    this.#sdk = sdk;
    this.#key = key;
  }

  /**
   * @param file with 64 hex digits, readable by its owner alone
   * @param credentialsDirectory of systemd, when it started us
   * @throws EdgeError SLUICE_KEY_FILE, SLUICE_KEY_ADDRESS; neither tells anything of the key
   */
  static read(
    file: string,
    payAddress: string,
    networkId: string,
    credentialsDirectory: string | undefined,
  ): TreasuryKey {
    checkPayAddress(payAddress, networkId);
    const hex = readKeyFile(file, credentialsDirectory);
    const sdk = createRequire(import.meta.url)('kaspa-wasm') as Sdk;
    let key: SdkKey;
    let address: string;
    try {
      key = new sdk.PrivateKey(hex);
      address = key.toKeypair().toAddress(networkId.split('-')[0]!).toString();
    } catch {
      // Its own error might quote what it was given.
      throw new EdgeError('SLUICE_KEY_FILE', `the key file ${file} is refused: the SDK cannot use it`);
    }
    if (address !== payAddress) {
      throw new EdgeError(
        'SLUICE_KEY_ADDRESS',
        `the key in ${file} belongs to ${address}, and kaspa.payAddress is ${payAddress}`,
        'Give the file of the key of kaspa.payAddress: rewards lie there, and this key cannot spend them.',
      );
    }
    return new TreasuryKey(address, sdk, key);
  }

  sign(payment: UnsignedPayment): SignedPayment {
    const outputs = payment.outputs.map(({ address, amountSompi }) => ({
      amount: String(amountSompi),
      scriptPublicKey: { version: 0, scriptPublicKey: scriptHexOf(address) },
    }));
    const signed = this.#signBySdk(payment, outputs);
    const tx: WireTransaction = {
      version: 0,
      inputs: payment.inputs.map(({ txid, index }, place) => ({
        previousOutpoint: { transactionId: txid, index },
        signatureScript: signatureOf(signed, place, txid, index),
        sequence: '0',
        sigOpCount: 1,
      })),
      outputs,
      lockTime: '0',
      subnetworkId: NATIVE_SUBNETWORK,
      gas: '0',
      payload: '',
      // The node fills in the storage mass.
      mass: '0',
    };
    const txid = transactionIdOf(tx);
    if (txid !== signed.id)
      throw signingFault(`the SDK signed transaction ${signed.id}, and the payment is ${txid}`);
    return { txid, bytes: encodeWireTransaction(tx) };
  }

  /** Not its `createTransaction`: that one numbers the inputs by their sequence, which are relative lock times. */
  #signBySdk({ inputs }: UnsignedPayment, outputs: WireTransaction['outputs']): SdkTransaction {
    const scriptPublicKey = { version: 0, script: this.#script };
    const unsigned = new this.#sdk.Transaction({
      version: 0,
      inputs: inputs.map(({ txid, index, amountSompi }) => {
        const outpoint = { transactionId: txid, index };
        const known = { amount: amountSompi, scriptPublicKey, blockDaaScore: 0n, isCoinbase: false };
        const utxo = { address: this.address, outpoint, ...known };
        return { previousOutpoint: outpoint, signatureScript: '', sequence: 0n, sigOpCount: 1, utxo };
      }),
      outputs: outputs.map(({ amount, scriptPublicKey: script }) => ({
        value: BigInt(amount),
        scriptPublicKey: { version: 0, script: script!.scriptPublicKey },
      })),
      lockTime: 0n,
      subnetworkId: NATIVE_SUBNETWORK,
      gas: 0n,
      payload: '',
    });
    const signed = this.#sdk.signTransaction(unsigned, [this.#key], true);
    try {
      return signed.serializeToObject();
    } finally {
      signed.free();
    }
  }

  toJSON(): string {
    return '[key]';
  }

  [inspect.custom](): string {
    return `TreasuryKey(${this.address})`;
  }
}

function checkPayAddress(payAddress: string, networkId: string): void {
  const decoded = decodeAddress(payAddress);
  if (decoded?.prefix === prefixOfNetwork(networkId) && decoded?.version === AddressVersion.SchnorrKey)
    return;
  throw new EdgeError(
    'SLUICE_KEY_ADDRESS',
    `payouts can be signed for a Schnorr address of ${networkId} only, and kaspa.payAddress is ${payAddress}`,
    'Use an ordinary address of one key, in full. ECDSA and multi-signature addresses need a signer of their own.',
  );
}

function scriptHexOf(address: string): string {
  const decoded = decodeAddress(address);
  if (!decoded) throw signingFault('a payee has no valid address');
  return Buffer.from(payToAddressScript(decoded)).toString('hex');
}

function signatureOf(signed: SdkTransaction, place: number, txid: string, index: number): string {
  const input = signed.inputs[place];
  if (
    input?.transactionId !== txid ||
    input.index !== index ||
    !SIGNATURE_SCRIPT_HEX.test(input.signatureScript)
  )
    throw signingFault(`the SDK gave no signature for input ${place}`);
  return input.signatureScript;
}

function signingFault(fault: string): EdgeError {
  return new EdgeError('SLUICE_SIGNING', `a payout was not signed: ${fault}`, 'Nothing was stored or sent.');
}
