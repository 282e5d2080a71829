/**
 * The oracle: proof of work as the official SDK computes it. In: a pre-PoW hash, a timestamp, compact bits, a nonce. Out: the
 * value and whether it meets the bits. Every block candidate is asked here before it counts as found; our own kernel only
 * proposes. Some 100 us a call, most of it the matrix, so never for shares.
 *
 * The SDK is loaded on first use: it is 12 MB, and a validator thread has no need of it.
 */
import { createRequire } from 'node:module';
import { EdgeError } from '../../kit/edge-error.ts';

export interface ReferencePow {
  /** Smaller is better. */
  readonly pow: bigint;
  /** pow <= target(bits), as the SDK decides it. */
  readonly meetsBits: boolean;
}

/** As much of the SDK as is used here. Its objects live in WASM memory and must be freed by hand. */
interface SdkPow {
  checkWork(nonce: bigint): [boolean, bigint];
  free(): void;
}
interface Sdk {
  readonly PoW: { fromRaw(prePowHash: string, timestampMs: bigint, bits: number): SdkPow };
  version(): string;
}

const HASH_BYTES = 32;

let sdk: Sdk | undefined;

function loadSdk(): Sdk {
  sdk ??= createRequire(import.meta.url)('kaspa-wasm') as Sdk;
  return sdk;
}

/**
 * The all-zero hash is refused before the SDK sees it: from that seed its generator draws the same singular matrix for ever,
 * and a call that never returns cannot be interrupted.
 */
export function referencePow(
  prePowHash: Uint8Array,
  timestampMs: bigint,
  bits: number,
  nonce: bigint,
): ReferencePow {
  return withReference(prePowHash, timestampMs, bits, (check) => check(nonce));
}

/** For many nonces of one header: the matrix is made once, and what was allocated is freed when `use` returns. */
export function withReference<T>(
  prePowHash: Uint8Array,
  timestampMs: bigint,
  bits: number,
  use: (check: (nonce: bigint) => ReferencePow) => T,
): T {
  if (prePowHash.length !== HASH_BYTES || prePowHash.every((byte) => byte === 0)) {
    throw new EdgeError('SLUICE_POW_BAD_HASH', 'the pre-PoW hash is not 32 bytes, or all of them are zero');
  }
  const header = loadSdk().PoW.fromRaw(Buffer.from(prePowHash).toString('hex'), timestampMs, bits);
  try {
    return use((nonce) => {
      const [meetsBits, pow] = header.checkWork(nonce);
      return { pow, meetsBits };
    });
  } finally {
    header.free();
  }
}

export function referenceVersion(): string {
  return loadSdk().version();
}

/** Block be95d8f3b51064e6bae0ce2659b2dbb9944fd47cc8e2510ecad73149f605e54c of mainnet, 2024-08-19. */
const MAINNET_BLOCK = {
  prePowHash: '91cc6c2cb295a5d5234076a5484137d4bf4ee738619a1bfd74ae22760f25f9a5',
  timestampMs: 1724081279941n,
  bits: 420908524,
  nonce: 9519250016613520n,
  pow: 0x140af2275fbd9d817f38efc7cd7be55a14697139d5bfa7ba75n,
} as const;

/** At start: a real mainnet block must pass with its known value, and fail with the next nonce. Throws otherwise. */
export function selfTestReference(): void {
  const block = MAINNET_BLOCK;
  const hash = Buffer.from(block.prePowHash, 'hex');
  const real = referencePow(hash, block.timestampMs, block.bits, block.nonce);
  const spoilt = referencePow(hash, block.timestampMs, block.bits, block.nonce + 1n);
  if (real.pow !== block.pow || !real.meetsBits || spoilt.meetsBits) {
    throw new EdgeError(
      'SLUICE_POW_SELF_TEST',
      `the Kaspa SDK ${referenceVersion()} computes proof of work wrongly`,
      'Reinstall the dependencies with `npm ci`, or remove the SDK build that was dropped in.',
    );
  }
}
