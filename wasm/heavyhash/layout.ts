// AssemblyScript, compiled by ../build.mjs; not TypeScript of the engine.
//
// Where everything lies in the module's memory. All of it is static: nothing is ever allocated, so a view that the
// loader made once stays valid for the life of the instance.
//
// A record (64 bytes) is drawn in src/validation/batch-layout.ts; the offsets used here are exported so that a test
// can compare the two drawings.

export const RECORD_CAPACITY: i32 = 1024;
export const RECORD_BYTES: i32 = 64;
export const RECORD_NONCE: i32 = 0;
export const RECORD_SLOT: i32 = 8;
export const RECORD_SEQUENCE: i32 = 12;
export const RECORD_DIFFICULTY_LOG2: i32 = 16;
export const RECORD_VERDICT: i32 = 17;
export const RECORD_POW_TOP: i32 = 48;

/** One per job that may still be mined: 256 at 4 jobs a second is four times the 15 s for which a job lives. */
export const TEMPLATE_SLOTS: i32 = 256;

// A prepared template:
//
//   0                               16384     16388 16392                   16432         16464     16512
//   | tables: 16 groups x 16 x 64 B | seq u32 | pad | lanes 0..4, absorbed  | target (LE) | pad     |
//
// The tables are explained in matrix.ts. "absorbed" = start state of the first hash, already xored with the pre-PoW hash
// and the timestamp. Sequence 0 means "nothing prepared".
export const TABLE_GROUP_BYTES: i32 = 1024;
export const TEMPLATE_SEQUENCE: i32 = 16384;
export const TEMPLATE_LANES: i32 = 16392;
export const TEMPLATE_TARGET: i32 = 16432;
// Not a power of two: the same part of every template would fall into the same few cache sets.
export const TEMPLATE_STRIDE: i32 = 16512;

export const records: usize = memory.data(65536, 64); // RECORD_CAPACITY * RECORD_BYTES
export const templates: usize = memory.data(4227072, 64); // TEMPLATE_SLOTS * TEMPLATE_STRIDE

/** Arguments and results too long for a parameter: pre-PoW hash at 0, target at 32; results at 0. */
export const exchange: usize = memory.data(64, 64);
/** The matrix being prepared: 64 rows of 64 nibbles, a byte each. */
export const matrix: usize = memory.data(4096, 64);
/** The same as doubles, while its rank is computed. */
export const floats: usize = memory.data(32768, 64);
/** Which rows were a pivot already. */
export const selected: usize = memory.data(64, 64);

/** Keccak states, 25 lanes for two nonces side by side: 16 bytes a lane. */
export const firstState: usize = memory.data(400, 64);
export const secondState: usize = memory.data(400, 64);
/** The four lanes that leave a permutation, again two nonces side by side. */
export const firstDigest: usize = memory.data(64, 64);
export const secondDigest: usize = memory.data(64, 64);
/** Result of the matrix step: 32 bytes for the left nonce, 32 for the right one. */
export const products: usize = memory.data(64, 64);

// @ts-ignore: decorator
@inline export function templateAt(slot: i32): usize {
  return templates + <usize>(slot * TEMPLATE_STRIDE);
}
