/**
 * Messages signed by the key of an address, as Kaspa wallets do it (`signMessage` of the SDK: BIP-340 over a hash of its own kind).
 *
 * In: a text, an address, 128 hex digits. Out: a word. The SDK must never see anything here that was not measured before: what it
 * does not expect is a panic in its WebAssembly, and after some thousands of those the instance is dead, proof of work included.
 * So lengths and alphabets are checked first, callers run this in a thread that judges no blocks, and an instance that trapped all
 * the same is thrown away, not used again.
 */
import { createRequire } from 'node:module';
import { AddressVersion, decodeAddress, encodeAddress, prefixOfNetwork } from './address.ts';

/** As much of the SDK as is used here. `PublicKey` lives in WASM memory and must be freed by hand. */
interface Sdk {
  verifyMessage(given: { message: string; signature: string; publicKey: string }): boolean;
  signMessage(given: { message: string; privateKey: string }): string;
  readonly PrivateKey: new (
    hex: string,
  ) => {
    toPublicKey(): { toXOnlyPublicKey(): { toString(): string; free(): void }; free(): void };
    free(): void;
  };
}

/**
 * `cannot prove` is about the address: ECDSA addresses and script hashes have no key that this kind of signature fits.
 * `unreadable` is about the text or the signature.
 */
export type SignatureJudgement = 'signed' | 'not signed' | 'cannot prove' | 'unreadable';

const SIGNATURE = /^[0-9a-f]{128}$/;
const PRIVATE_KEY = /^[0-9a-f]{64}$/;
/** Printable ASCII and line feeds: the same bytes on every way into the SDK. */
const TEXT = /^[\n\x20-\x7e]{1,4096}$/;
const GROUP_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const requireHere = createRequire(import.meta.url);
let sdk: Sdk | undefined;

function loadSdk(): Sdk {
  sdk ??= requireHere('kaspa-wasm') as Sdk;
  return sdk;
}

/** The next call gets an instance of its own: 12 MB and 50 ms, for something that does not happen. */
function discardSdk(): void {
  sdk = undefined;
  delete requireHere.cache[requireHere.resolve('kaspa-wasm')];
}

export function judgeSignature(message: string, address: string, signature: string): SignatureJudgement {
  const decoded = decodeAddress(address);
  if (!decoded || decoded.version !== AddressVersion.SchnorrKey) return 'cannot prove';
  if (!TEXT.test(message) || !SIGNATURE.test(signature)) return 'unreadable';
  const publicKey = Buffer.from(decoded.payload).toString('hex');
  try {
    return loadSdk().verifyMessage({ message, signature, publicKey }) ? 'signed' : 'not signed';
  } catch (thrown) {
    // Anything else thrown is the SDK's "no": a payload that is no point of the curve, a signature beyond its field. A trap of
    // WebAssembly is told by its name; its class is missing from the types of Node.
    if ((thrown as Error | undefined)?.name === 'RuntimeError') discardSdk();
    return 'not signed';
  }
}

/** Whether 64 hex digits are a key at all: neither zero nor beyond the group. */
export function isPrivateKey(hex: string): boolean {
  if (!PRIVATE_KEY.test(hex)) return false;
  const value = BigInt(`0x${hex}`);
  return value > 0n && value < GROUP_ORDER;
}

/** The Schnorr address of a key. @param privateKey checked by `isPrivateKey` */
export function addressOfKey(privateKey: string, networkId: string): string {
  const prefix = prefixOfNetwork(networkId);
  if (!prefix || !isPrivateKey(privateKey)) throw new RangeError('no such network, or no private key');
  const key = new (loadSdk().PrivateKey)(privateKey);
  const publicKey = key.toPublicKey();
  const xOnly = publicKey.toXOnlyPublicKey();
  try {
    const payload = Buffer.from(xOnly.toString(), 'hex');
    return encodeAddress({ prefix, version: AddressVersion.SchnorrKey, payload });
  } finally {
    for (const object of [key, publicKey, xOnly]) object.free();
  }
}

/** @param privateKey checked by `isPrivateKey` */
export function signText(message: string, privateKey: string): string {
  if (!isPrivateKey(privateKey) || !TEXT.test(message))
    throw new RangeError('no private key, or no plain text');
  return loadSdk().signMessage({ message, privateKey });
}
