/**
 * The one record that crosses the thread wall, drawn once for both sides. Pure.
 *
 *   0        8      12       16   17   18   19   20      24      28      32        40         48               64
 *   +--------+-------+--------+----+----+----+----+-------+-------+-------+---------+----------+----------------+
 *   | nonce  | slot  | seq    | d  | v  | ik | fl | sess  | gen   | wref  | reqId   | received | powTop (16)    |
 *   | u64    | u32   | u32    | i8 | u8 | u8 | u8 | u32   | u32   | u32   | f64     | f64 ms   | 2 x u64        |
 *   +--------+-------+--------+----+----+----+----+-------+-------+-------+---------+----------+----------------+
 *
 * slot, seq   which prepared template, and the job number it must hold: a thread that holds another one says so
 *             (VERDICT_UNPREPARED) instead of judging against the wrong work.
 * d           log2 of the share difficulty the record is judged at. Credit is this and nothing else.
 * v           OUT: verdict code 0 | 1 | 2 (`domain/share`), or VERDICT_UNPREPARED.
 * ik, reqId   request id: a plain number, or an index into the session room's table of odd ids.
 * fl          bit 0 RECORD_FLAG_STALE: the job has expired (judged all the same, a block is a block); bits 1-7: index of the
 *             port. The kernel ignores it.
 * sess, gen   where the answer goes; a slot whose generation moved on has nobody to answer.
 * wref        journal reference of (address, worker name).
 * powTop      OUT: the upper 128 bits of the proof-of-work value, more significant u64 first, each little-endian.
 *
 * All little-endian. 64 bytes: one cache line, and the size a kernel strides by (`wasm/` knows the same offsets; a test
 * compares the two).
 */

export const RECORD_BYTES = 64;
export const OFFSET_NONCE = 0;
export const OFFSET_TEMPLATE_SLOT = 8;
export const OFFSET_TEMPLATE_SEQUENCE = 12;
export const OFFSET_DIFFICULTY_LOG2 = 16;
export const OFFSET_VERDICT = 17;
export const OFFSET_REQUEST_ID_KIND = 18;
export const OFFSET_FLAGS = 19;
export const OFFSET_SESSION_SLOT = 20;
export const OFFSET_SESSION_GENERATION = 24;
export const OFFSET_WORKER_REF = 28;
export const OFFSET_REQUEST_ID = 32;
export const OFFSET_RECEIVED_AT = 40;
export const OFFSET_POW_TOP = 48;

export const RECORD_FLAG_STALE = 1;
export const RECORD_PORT_SHIFT = 1;
/** Seven bits. */
export const PORTS_MAX = 128;

export const RequestIdKind = { Number: 0, Table: 1 } as const;

export {
  TEMPLATE_BYTES,
  TEMPLATE_OFFSET_PRE_POW,
  TEMPLATE_OFFSET_SEQUENCE,
  TEMPLATE_OFFSET_TARGET,
  TEMPLATE_OFFSET_TIMESTAMP,
} from '../domain/template-layout.ts';
