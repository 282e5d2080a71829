/**
 * The journal's bytes on disk, drawn once for writer, reader and loader. Pure. All integers are little-endian.
 *
 * A segment is a preallocated, zero-filled file of 64-byte slots; slots 0 and 1 are its header. Every slot carries its own CRC,
 * so a reader that meets a torn or flipped slot steps 64 bytes and goes on: one bad slot costs one record, never the rest (a
 * reader that stopped at the first bad slot once hid half of a day).
 *
 *  every slot   0        4      5      6      7      8                                       40
 *               | crc32c | kind | byte | byte | part | sequence u64 ...                      | boot u32 | ...
 *
 *  share        0        4      5       6     7     8      16      24         32      36     40      44    46     48
 *               | crc    | 1    | verd  | d   | 0   | seq  | nonce | at ms    | wref  | job  | boot  | en  | p, pot | powTop 16 |
 *  block        | crc    | 4    | pot   | d   | 0   | seq  | nonce | at ms    | wref  | job  | boot  | bits u32   | hash[0..16) |
 *      part 1   | crc    | 4    | pot   | d   | 1   | seq  | hash[16..32)     | daaScore u64  | boot  | 0          | blueScore u64, 0 |
 *  definition   0        4      5       6     7     8      16          20       24            40      44
 *               | crc    | 2|3  | parts | len | part| seq  | ref u32   | 0      | text 16     | boot  | text 20 |
 *  header       0        4      5       6     7     8      16      20        24         32           40     44      48      52  56
 *               | crc    | 9    | vers  | 0   | 0   | seq  | magic | segment | boot u64 | prev thru  | boot | prev  | slots | 0 | prev boot u64 |
 *      part 1   | crc    | 9    | vers  | len | 1   | seq  | magic | segment | name 16 ...            | boot | name 20 |
 *  clean end    | crc    | 8    | 0     | 0   | 0   | seq  | 0     | at ms    | 0             | boot  | 0 ...
 *
 *  sequence     counts slots of this boot from 1, headers and definitions included, so a slot's sequence is always
 *               `header sequence + slot number`: a gap is a lost record and a slot in the wrong place is no record.
 *  p, pot       the port's index in the low byte, the pot of its reward scheme (domain/pot) in the high one. 0 = written before
 *               there were pots: PPLNS. A block carries its pot in its byte 5.
 *  boot         low 32 bits of the boot's start in ms; tells a slot of this boot from anything else that may lie there.
 *  definition   kind 2 = worker: text is `address NUL name`; kind 3 = job: text is the 40 bytes prePowHash + timestamp u64.
 *               36 bytes of text to a part, `len` bytes in this part, parts side by side. A segment defines every ref that it
 *               uses, before its first use; within a segment a ref is never given to somebody else.
 *  prev thru    WHAT COUNTS: of segment `prev` (0 = none) all slots up to this sequence count and nothing after it. After a
 *               failed write or fdatasync the records above the last good one were refused to their miners, although some of
 *               their bytes may lie on the disk; the next segment's header cuts them off. The first segment of a boot names
 *               what its opener could read of the boot before. If the process dies between a failure and the next header,
 *               nothing cuts: a share that was refused then counts, once, for work that was done.
 *  all zero     never written. After the last record of a segment everything is zero.
 */

export const SLOT_BYTES = 64;
export const SLOT_WORDS = SLOT_BYTES / 4;
/** 16 MiB: zero-filling it costs about 15 ms once in 262,143 records, and a day of 100 shares/s is 33 files. */
export const SLOTS_PER_SEGMENT = 262_144;
export const FORMAT_VERSION = 1;
/** `SLJ1` as a little-endian integer. */
export const HEADER_MAGIC = 0x314a_4c53;
/** A header is two slots; the first record of a segment lies in slot 2. */
export const HEADER_SLOTS = 2;

export const SlotKind = { Empty: 0, Share: 1, Worker: 2, Job: 3, Block: 4, CleanEnd: 8, Header: 9 } as const;
export type SlotKind = (typeof SlotKind)[keyof typeof SlotKind];

export const OFFSET_CRC = 0;
export const OFFSET_KIND = 4;
export const OFFSET_BYTE_A = 5;
export const OFFSET_BYTE_B = 6;
export const OFFSET_PART = 7;
export const OFFSET_SEQUENCE = 8;
export const OFFSET_NONCE = 16;
export const OFFSET_AT = 24;
export const OFFSET_WORKER_REF = 32;
export const OFFSET_JOB = 36;
export const OFFSET_BOOT = 40;
export const OFFSET_EXTRANONCE = 44;
/** Port in the low byte, pot in the high one. */
export const OFFSET_PORT = 46;
export const OFFSET_POW_TOP = 48;
export const POW_TOP_BYTES = 16;

/** Block, part 0: as a share, but for these ... */
export const OFFSET_BLOCK_BITS = 44;
export const OFFSET_BLOCK_HASH_HEAD = 48;
/** ... and part 1. */
export const OFFSET_BLOCK_HASH_TAIL = 16;
export const OFFSET_BLOCK_DAA_SCORE = 32;
export const OFFSET_BLOCK_BLUE_SCORE = 48;
export const BLOCK_SLOTS = 2;

export const OFFSET_DEFINITION_REF = 16;
export const DEFINITION_TEXT_A = { offset: 24, bytes: 16 } as const;
export const DEFINITION_TEXT_B = { offset: 44, bytes: 20 } as const;
export const DEFINITION_TEXT_BYTES = 36;
/** 288 bytes: an address has 70 to 90, a name at most 32 characters of up to 4 bytes. */
export const DEFINITION_PARTS_MAX = 8;
/** prePowHash and timestamp. */
export const JOB_TEXT_BYTES = 40;

export const OFFSET_HEADER_MAGIC = 16;
export const OFFSET_HEADER_SEGMENT = 20;
export const OFFSET_HEADER_BOOT = 24;
export const OFFSET_HEADER_PREVIOUS_THROUGH = 32;
export const OFFSET_HEADER_PREVIOUS_SEGMENT = 44;
export const OFFSET_HEADER_SLOTS = 48;
export const OFFSET_HEADER_PREVIOUS_BOOT = 56;
export const INSTANCE_NAME_BYTES_MAX = DEFINITION_TEXT_BYTES;

/** Names of segment files: `segment-0000000042.slj`, numbered by the instance without gaps across boots. */
export function segmentFileName(segment: number): string {
  return `segment-${String(segment).padStart(10, '0')}.slj`;
}

export function segmentNumberOf(fileName: string): number | undefined {
  const match = /^segment-(\d{10})\.slj$/.exec(fileName);
  return match ? Number(match[1]) : undefined;
}
