/**
 * The journal's bytes on disk, drawn once for writer, reader and loader. Pure.
 *
 * A segment is a preallocated, zero-filled file of 64-byte slots; slot 0 is its header. Every slot carries its own CRC, so a
 * reader that meets a torn or flipped slot steps 64 bytes and goes on: one bad slot costs one record, never the rest (a
 * reader that stopped at the first bad slot once hid half of a day).
 *
 *  every slot   0        4      5      6      7      8
 *               | crc32c | kind | byte | byte | part | sequence u64 ...
 *
 *  share        0        4      5       6     7     8      16      24         32      36     40      44    46     48
 *               | crc    | 1    | verd  | d   | 0   | seq  | nonce | at ms    | wref  | job  | boot  | en  | port | powTop 16 |
 *  block        0        4      5       6     7     8      16      24         32      36     40      44    48 ..63
 *               | crc    | 4    | 0     | d   | 0/1 | seq  | part 0: nonce u64, at ms u64, wref u32, job u32, boot u32, -, hash[0..16)
 *                                                          | part 1: hash[16..32), daaScore u64, bits u32, -, boot@40, blueScore@48 u64 |
 *  definition   0        4      5       6     7     8      16          20       24            40      44
 *               | crc    | 2|3  | parts | len | part| seq  | ref u32   | -      | text 16     | boot  | text 20 |
 *
 *  sequence     counts slots of this boot from 1, definitions and blocks included: contiguous, so a gap is a lost record.
 *  boot         low 32 bits of the boot's start in ms; tells a slot of this boot from anything else that may lie there.
 *  definition   kind 2 = worker: text is `address NUL name`; kind 3 = job: text is the 40 bytes prePowHash + timestamp u64 LE.
 *               36 bytes of text to a part, `len` bytes in this part. A segment defines every ref that it uses, before its first use.
 *  header       kind 9, see encodeHeader. Clean end: kind 8.
 */

export const SLOT_BYTES = 64;
/** 16 MiB: zero-filling it costs about 15 ms once in 262,143 records, and a day of 100 shares/s is 33 files. */
export const SLOTS_PER_SEGMENT = 262_144;

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
export const OFFSET_PORT = 46;
export const OFFSET_POW_TOP = 48;

export const OFFSET_DEFINITION_REF = 16;
export const DEFINITION_TEXT_A = { offset: 24, bytes: 16 } as const;
export const DEFINITION_TEXT_B = { offset: 44, bytes: 20 } as const;
export const DEFINITION_TEXT_BYTES = 36;

/** Names of segment files: `segment-0000000042.slj`, numbered by the instance without gaps across boots. */
export function segmentFileName(segment: number): string {
  return `segment-${String(segment).padStart(10, '0')}.slj`;
}

export function segmentNumberOf(fileName: string): number | undefined {
  const match = /^segment-(\d{10})\.slj$/.exec(fileName);
  return match ? Number(match[1]) : undefined;
}
