/**
 * PostgreSQL's binary COPY form of `shares` rows, in one buffer that is used again for every piece of a COPY. Pure.
 *
 * No column may be NULL and all have a fixed width, so a row is always the same ROW_BYTES bytes and the widths between
 * the values are written once, when the buffer is made; a row then costs some twenty stores and no allocation.
 *
 *   file     "PGCOPY\n\377\r\n\0" | flags i32 = 0 | extension length i32 = 0 | rows ... | i16 = -1
 *   row      i16 = 13 | then per column: width i32, value        (everything big-endian)
 *
 *   0    2  6            14 18         26 30      38 42     50 54       62 66    70 74   78 82    86 90    92 96   98 102  104 108  110
 *   | 12 | 8 received_at | 8 worker_id | 8 job_id | 8 nonce | 8 segment | 4 slot | 4 port | 4 extran | 2 inst | 2 diff | 2 verd | 2 credit | 2 pot |
 */

/** Column order of the COPY statement; the encoder writes in exactly this order. */
export const SHARE_COLUMNS =
  'received_at, worker_id, job_id, nonce, segment, slot, port, extranonce, instance_id, difficulty_log2, verdict, credit, pot';

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
const HEADER_BYTES = SIGNATURE.length + 8;
const TRAILER_BYTES = 2;
const COLUMN_WIDTHS = [8, 8, 8, 8, 8, 4, 4, 4, 2, 2, 2, 2, 2] as const;
const ROW_BYTES = 2 + COLUMN_WIDTHS.reduce((sum, width) => sum + 4 + width, 0);

const AT_RECEIVED = 6;
const AT_WORKER = 18;
const AT_JOB = 30;
const AT_NONCE = 42;
const AT_SEGMENT = 54;
const AT_SLOT = 66;
const AT_PORT = 74;
const AT_EXTRANONCE = 82;
const AT_INSTANCE = 90;
const AT_DIFFICULTY = 96;
const AT_VERDICT = 102;
const AT_CREDIT = 108;
const AT_POT = 114;

/** timestamptz counts microseconds from 2000-01-01 UTC. */
export const POSTGRES_EPOCH_MS = 946_684_800_000;
const WORD = 2 ** 32;

export class ShareCopyBuffer {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #rowsMax: number;
  #rows = 0;
  /** Where the next piece begins: the file's header goes with the first one. */
  #from = 0;
  /** Shares of one millisecond come together: its halves are made once. */
  #receivedAtMs = 0;
  #receivedHi = 0;
  #receivedLo = 0;

  /** @param rowsMax of one piece */
  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax;
    this.#bytes = Buffer.alloc(HEADER_BYTES + rowsMax * ROW_BYTES + TRAILER_BYTES);
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length);
    SIGNATURE.copy(this.#bytes, 0);
    for (let row = 0; row < rowsMax; row++) {
      let at = HEADER_BYTES + row * ROW_BYTES + 2;
      for (const width of COLUMN_WIDTHS) {
        this.#view.setInt32(at, width);
        at += 4 + width;
      }
    }
  }

  /** Since the last piece. */
  get rows(): number {
    return this.#rows;
  }

  clear(): void {
    this.#rows = 0;
    this.#from = 0;
  }

  /**
   * Ids, segment and the time are whole numbers below 2^53; `receivedAtMs` is not before 2000. The nonce comes as its
   * two halves, so that its 64 bits arrive unsigned-for-signed without a bigint.
   */
  append(
    receivedAtMs: number,
    workerId: number,
    jobId: number,
    nonceLo: number,
    nonceHi: number,
    segment: number,
    slot: number,
    port: number,
    extranonce: number,
    instanceId: number,
    difficultyLog2: number,
    verdict: number,
    credit: number,
    pot: number,
  ): void {
    if (this.#rows === this.#rowsMax) throw new RangeError(`more than ${this.#rowsMax} rows in one piece`);
    const view = this.#view;
    const at = HEADER_BYTES + this.#rows * ROW_BYTES;
    // Always written: the trailer of an earlier, shorter batch may lie here.
    view.setInt16(at, COLUMN_WIDTHS.length);
    if (receivedAtMs !== this.#receivedAtMs) this.#receive(receivedAtMs);
    view.setInt32(at + AT_RECEIVED, this.#receivedHi);
    view.setInt32(at + AT_RECEIVED + 4, this.#receivedLo);
    setInt8(view, at + AT_WORKER, workerId);
    setInt8(view, at + AT_JOB, jobId);
    view.setUint32(at + AT_NONCE, nonceHi);
    view.setUint32(at + AT_NONCE + 4, nonceLo);
    setInt8(view, at + AT_SEGMENT, segment);
    view.setInt32(at + AT_SLOT, slot);
    view.setInt32(at + AT_PORT, port);
    view.setInt32(at + AT_EXTRANONCE, extranonce);
    view.setInt16(at + AT_INSTANCE, instanceId);
    view.setInt16(at + AT_DIFFICULTY, difficultyLog2);
    view.setInt16(at + AT_VERDICT, verdict);
    view.setInt16(at + AT_CREDIT, credit);
    view.setInt16(at + AT_POT, pot);
    this.#rows++;
  }

  #receive(receivedAtMs: number): void {
    const micros = (receivedAtMs - POSTGRES_EPOCH_MS) * 1000;
    this.#receivedAtMs = receivedAtMs;
    this.#receivedHi = Math.floor(micros / WORD) | 0;
    this.#receivedLo = micros | 0;
  }

  /**
   * What was appended since the last piece. The next rows are laid over it, so a batch of any size needs no more than this. Valid
   * until the next `append`.
   */
  piece(): Buffer {
    const piece = this.#bytes.subarray(this.#from, HEADER_BYTES + this.#rows * ROW_BYTES);
    this.#from = HEADER_BYTES;
    this.#rows = 0;
    return piece;
  }

  /** The rest to send, trailer included; everything, when there was no piece. Valid until the next `append` or `clear`. */
  finish(): Buffer {
    const end = HEADER_BYTES + this.#rows * ROW_BYTES;
    this.#view.setInt16(end, -1);
    return this.#bytes.subarray(this.#from, end + TRAILER_BYTES);
  }
}

/** An int8 from a whole number in [0, 2^53). */
function setInt8(view: DataView, at: number, value: number): void {
  view.setInt32(at, value === (value | 0) ? 0 : Math.floor(value / WORD));
  view.setInt32(at + 4, value | 0);
}
