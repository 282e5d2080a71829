/** The three judges that pass `kernel.suite`: the bare kernel, the glue with shared memory, and the official SDK. */
import { withReference } from '../../src/chains/kaspa/reference-pow.ts';
import { Verdict } from '../../src/domain/share.ts';
import { bitsOfTarget, shareTarget, targetToLeBytes } from '../../src/domain/target.ts';
import {
  OFFSET_DIFFICULTY_LOG2,
  OFFSET_NONCE,
  OFFSET_POW_TOP,
  OFFSET_TEMPLATE_SEQUENCE,
  OFFSET_TEMPLATE_SLOT,
  OFFSET_VERDICT,
  RECORD_BYTES,
  TEMPLATE_BYTES,
  TEMPLATE_OFFSET_PRE_POW,
  TEMPLATE_OFFSET_SEQUENCE,
  TEMPLATE_OFFSET_TARGET,
  TEMPLATE_OFFSET_TIMESTAMP,
} from '../../src/validation/batch-layout.ts';
import { type HeavyHashKernel, loadKernel } from '../../wasm/load.ts';
import { createKaspaNonceKernel } from '../../workers/kernels/kaspa-nonce.ts';
import type { Answer, Judge, Question, Work } from './kernel.suite.ts';

export interface RecordFields {
  readonly nonce: bigint;
  readonly slot: number;
  readonly sequence: number;
  readonly difficultyLog2: number;
}

export function writeRecord(records: Uint8Array, index: number, fields: RecordFields): void {
  const view = new DataView(records.buffer, records.byteOffset + index * RECORD_BYTES, RECORD_BYTES);
  view.setBigUint64(OFFSET_NONCE, fields.nonce, true);
  view.setUint32(OFFSET_TEMPLATE_SLOT, fields.slot, true);
  view.setUint32(OFFSET_TEMPLATE_SEQUENCE, fields.sequence, true);
  view.setInt8(OFFSET_DIFFICULTY_LOG2, fields.difficultyLog2);
}

export function readAnswer(records: Uint8Array, index: number): Answer {
  const view = new DataView(records.buffer, records.byteOffset + index * RECORD_BYTES, RECORD_BYTES);
  const high = view.getBigUint64(OFFSET_POW_TOP, true);
  const low = view.getBigUint64(OFFSET_POW_TOP + 8, true);
  return { verdict: view.getUint8(OFFSET_VERDICT), powTop: (high << 64n) | low };
}

/** As the main thread does it: the sequence is zero while the rest is being written. */
export function writeTemplate(templates: Uint8Array, slot: number, sequence: number, work: Work): void {
  const at = slot * TEMPLATE_BYTES;
  const view = new DataView(templates.buffer, templates.byteOffset + at, TEMPLATE_BYTES);
  view.setUint32(TEMPLATE_OFFSET_SEQUENCE, 0, true);
  view.setBigUint64(TEMPLATE_OFFSET_TIMESTAMP, work.timestampMs, true);
  templates.set(work.prePowHash, at + TEMPLATE_OFFSET_PRE_POW);
  templates.set(targetToLeBytes(work.networkTarget), at + TEMPLATE_OFFSET_TARGET);
  view.setUint32(TEMPLATE_OFFSET_SEQUENCE, sequence, true);
}

/** Gives every work a slot, the next one of 256, and a sequence that never repeats. */
class SlotBook {
  #sequence = 0;
  readonly #write: (slot: number, sequence: number, work: Work) => void;

  constructor(write: (slot: number, sequence: number, work: Work) => void) {
    this.#write = write;
  }

  place(questions: readonly Question[], records: Uint8Array): void {
    const places = new Map<Work, { slot: number; sequence: number }>();
    for (const [index, { work, nonce, difficultyLog2 }] of questions.entries()) {
      let place = places.get(work);
      if (place === undefined) {
        const sequence = ++this.#sequence;
        place = { slot: sequence % 256, sequence };
        places.set(work, place);
        this.#write(place.slot, sequence, work);
      }
      writeRecord(records, index, { nonce, difficultyLog2, ...place });
    }
  }
}

const answersOf = (records: Uint8Array, count: number): Answer[] =>
  Array.from({ length: count }, (_, index) => readAnswer(records, index));

export function openBareKernel(kernel: HeavyHashKernel = loadKernel()): Judge {
  const book = new SlotBook((slot, sequence, work) => {
    kernel.prepare(slot, sequence, work.prePowHash, work.timestampMs, targetToLeBytes(work.networkTarget));
  });
  return (questions) => {
    book.place(questions, kernel.records);
    kernel.judge(questions.length);
    return answersOf(kernel.records, questions.length);
  };
}

export function openGlue(): Judge {
  const templates = new Uint8Array(new SharedArrayBuffer(256 * TEMPLATE_BYTES));
  const records = new Uint8Array(new SharedArrayBuffer(4096 * RECORD_BYTES));
  const glue = createKaspaNonceKernel(templates);
  const book = new SlotBook((slot, sequence, work) => writeTemplate(templates, slot, sequence, work));
  return (questions) => {
    book.place(questions, records);
    glue.judge(records, questions.length);
    return answersOf(records, questions.length);
  };
}

/** The SDK for the value, the domain room for the bounds; no line in common with the kernel. */
export function openReference(): Judge {
  return (questions) => questions.map(askReference);
}

function askReference({ work, nonce, difficultyLog2 }: Question): Answer {
  const bits = bitsOfTarget(work.networkTarget);
  const { pow } = withReference(work.prePowHash, work.timestampMs, bits, (check) => check(nonce));
  let verdict: number = Verdict.LowDifficulty;
  if (pow <= work.networkTarget) verdict = Verdict.Block;
  else if (pow <= shareTarget(difficultyLog2)) verdict = Verdict.Share;
  return { verdict, powTop: pow >> 128n };
}
