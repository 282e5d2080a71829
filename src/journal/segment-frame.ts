/**
 * What every slot of one segment must say, and how much of a segment counts. Pure. The journal's own readers and the loader both
 * ask here: the two must never disagree about which share is one.
 */
import { FORMAT_VERSION, SlotKind } from './record-layout.ts';
import { bootAt, byteAAt, isSealed, kindAt, type SegmentHeader, sequenceAt } from './slot-codec.ts';

export interface SegmentFrame {
  /** Slot n carries `baseSequence + n`. */
  readonly baseSequence: number;
  /** Low 32 bits of the boot. */
  readonly boot: number;
}

/**
 * The frame by any one sealed slot: boot and sequence go on slot by slot, so a lost header loses nothing else. Undefined for a
 * slot that no segment of ours can have in that place.
 */
export function frameBy(words: Uint32Array, at: number, slot: number): SegmentFrame | undefined {
  const sequence = sequenceAt(words, at);
  if (sequence <= slot || isOtherFormat(words, at)) return undefined;
  return { baseSequence: sequence - slot, boot: bootAt(words, at) };
}

/** A slot whose check fits, of this segment, in its own place; whatever it says. */
export function isSound(words: Uint32Array, at: number, slot: number, frame: SegmentFrame): boolean {
  return (
    isSealed(words, at) &&
    sequenceAt(words, at) === frame.baseSequence + slot &&
    bootAt(words, at) === frame.boot &&
    !isOtherFormat(words, at)
  );
}

function isOtherFormat(words: Uint32Array, at: number): boolean {
  return kindAt(words, at) === SlotKind.Header && byteAAt(words, at) !== FORMAT_VERSION;
}

/** As much of a segment's header as its place in the chain needs; the boot is undefined where the header is lost. */
export type SegmentIdentity = Pick<SegmentHeader, 'segment' | 'sequence'> & {
  readonly bootUnixMs: number | undefined;
};

/**
 * How many slots of a segment count, its header's included: what the next segment's header says. Undefined = all that can be
 * read, because there is no next one or it knows nothing of this segment.
 */
export function countedSlots(one: SegmentIdentity, next: SegmentHeader | undefined): number | undefined {
  if (next?.previousSegment !== one.segment) return undefined;
  if (one.bootUnixMs !== undefined && next.previousBootUnixMs !== one.bootUnixMs) return undefined;
  return Math.max(0, next.previousThrough - one.sequence + 1);
}

/** The same as the last sequence that counts. */
export function countedThrough(
  one: SegmentIdentity | undefined,
  next: SegmentHeader | undefined,
): number | undefined {
  const counted = one && countedSlots(one, next);
  return counted === undefined ? undefined : one!.sequence + counted - 1;
}
