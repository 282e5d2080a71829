/** Known answers of kHeavyHash. Where each comes from: README.md beside this file. */

export interface PowVector {
  readonly name: string;
  readonly prePowHash: string;
  readonly timestampMs: bigint;
  readonly bits: number;
  readonly nonce: bigint;
  /** First hash (A), where it was published. */
  readonly firstHash?: string;
  /** The 32 bytes that leave the second hash: pow, little-endian. */
  readonly out: string;
  readonly isBlock: boolean;
}

const reversed = (hex: string): string => Buffer.from(hex.padStart(64, '0'), 'hex').reverse().toString('hex');

export const TESTNET_JOB = {
  prePowHash: 'f8a14d381ea0ba5b0c169e8a41c222bce2fa42f4631d9fe4d226456006d7ea3d',
  timestampMs: 1633687894966n,
  bits: 0x1e7fffff,
} as const;

export const POW_VECTORS: readonly PowVector[] = [
  {
    name: 'testnet genesis',
    ...TESTNET_JOB,
    nonce: 0x14582n,
    firstHash: '651248776fd0528a8c5ffdb6397c9368e6b300e1b24668314c982f8ee64007d5',
    out: '91aae1306b206df7867c271f025cd5f58eef8784ec2712f553164567501a0000',
    isBlock: true,
  },
  {
    name: 'simnet genesis',
    prePowHash: '065c9ca83101011c4cdd02e20b9cdeaf264eb02951b2b10b77c12e1e85c5a5ca',
    timestampMs: 1633687894966n,
    bits: 0x207fffff,
    nonce: 2n,
    out: reversed('7a6b0ec71ef146f3f608bed3413ff2090b94a8218d4be81877b2ae51dbb496c7'),
    isBlock: true,
  },
  {
    name: 'mainnet block be95d8f3...e54c of 2024-08-19',
    prePowHash: '91cc6c2cb295a5d5234076a5484137d4bf4ee738619a1bfd74ae22760f25f9a5',
    timestampMs: 1724081279941n,
    bits: 420908524,
    nonce: 9519250016613520n,
    out: reversed('140af2275fbd9d817f38efc7cd7be55a14697139d5bfa7ba75'),
    isBlock: true,
  },
  {
    name: 'example header of a public stratum bridge',
    prePowHash: '853a0bb20ce86f2666da260099e3ab24bb4df7c83a9630e3f519f29a41142ed2',
    timestampMs: 1661062150793n,
    bits: 453325233,
    nonce: 123456789n,
    firstHash: '345c18c96e7f069f73fa646932d8aa8a8361a2a4841d83fe04586126984f1684',
    out: '398cb3c3204813ef9efdbc5e65db39008a7719ad0a1274c7bd28d140ed280173',
    isBlock: false,
  },
  {
    name: 'share on the testnet job at the very bound of difficulty 2^-24',
    ...TESTNET_JOB,
    nonce: 0x00010000009e3677n,
    out: '29449f52c8679b68e7c56439c413f678fd35b2bdc5572aefea42cfe129ffff00',
    isBlock: false,
  },
  {
    name: 'share on the testnet job that is a block too',
    ...TESTNET_JOB,
    nonce: 0x00010000002c125an,
    firstHash: '7bd86c020e994db30ba569361f9005889fdb771d57215bb6e1803f5da889dfff',
    out: 'bc8efd1419f41da755181253a588a6268c962094d8acc58cb02066cbea000000',
    isBlock: true,
  },
];

export interface ShareVector {
  readonly nonce: bigint;
  /** First 20 digits of pow. */
  readonly powStart: string;
  /** log2 of the hardest difficulty that it meets. */
  readonly hardestLog2: number;
}

/** Ground on TESTNET_JOB. Each meets `hardestLog2` and misses the next. */
export const SHARE_VECTORS: readonly ShareVector[] = [
  { nonce: 0x0001000000000000n, powStart: '50659af6ed720526ec20', hardestLog2: -31 },
  { nonce: 0x00010000000000den, powStart: '004ad97475ed8221819b', hardestLog2: -23 },
  // Between 2^224 and 0xffff x 2^208, the two readings of "difficulty 1": a strict pool would refuse this one.
  { nonce: 0x00010000009e3677n, powStart: '00ffff29e1cf42eaef2a', hardestLog2: -24 },
  { nonce: 0x0001000000000634n, powStart: '0005f66ff36b31fde7e8', hardestLog2: -19 },
  { nonce: 0x00010000002c125an, powStart: '000000eacb6620b08cc5', hardestLog2: -8 },
];

/** First hash alone. */
export const FIRST_HASH_VECTOR = {
  prePowHash: '2a'.repeat(32),
  timestampMs: 5435345234n,
  nonce: 432432432n,
  out: '2fb72b63dd0dd0d82b00cd9f83d4eca0710b7eb8c05966888f39ebc578978abf',
} as const;

/** Second hash alone: with a matrix of zeros the matrix step changes nothing. */
export const SECOND_HASH_VECTOR = {
  in: '2a'.repeat(32),
  out: 'ad4ded01225705fea9aa043dd0a4e22ca28068bb41d5c6e06d35ca507d5656c7',
} as const;

/** Matrix step and second hash, with MATRIX_OF_HEAVY_HASH. */
export const HEAVY_HASH_VECTOR = {
  firstHash: '522ed4da1cc08f5cd542563ff5f19bbd499fe5b4ca699fa66dac8088a9c36129',
  out: '87689f379943eaf9b7475ca95325687772bfcc68fc7899caeb4409ec4590c325',
} as const;

/** The generator's first four words for the hash 0x2a x 32. */
export const GENERATOR_VECTOR: readonly bigint[] = [
  0x5454545454545454n,
  0x3f3f3f3f3f3f3f3fn,
  0xa2a2a2a2a2a2a2a2n,
  0xaaaaaac4c4ae221en,
];

/** The matrix of TESTNET_JOB: start of its first row, and the sum of all its elements. */
export const TESTNET_MATRIX = {
  rowStart: [3, 11, 4, 7, 10, 9, 13, 9, 2, 8, 9, 14, 6, 0, 14, 14, 8, 6, 8, 13],
  sum: 30404,
} as const;
