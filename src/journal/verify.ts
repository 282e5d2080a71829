/**
 * Every record checked, for `sluice journal verify`. A fault is anything that took or may have taken an acknowledged record;
 * a note is what a crash or a failing disk leaves behind and what the format is made for.
 */
import { inspectSegments, type SegmentInspection } from './inspect.ts';

export interface JournalVerification {
  readonly directory: string;
  readonly ok: boolean;
  readonly segments: number;
  readonly records: number;
  readonly shares: number;
  readonly faults: readonly string[];
  readonly notes: readonly string[];
}

export async function verifyJournal(directory: string): Promise<JournalVerification> {
  const segments = await inspectSegments(directory);
  const faults: string[] = [];
  const notes: string[] = [];
  const written = segments.filter(({ opened }) => opened);
  for (const [index, one] of written.entries()) {
    checkSegment(one, faults, notes);
    const before = written[index - 1];
    if (before) checkSuccession(before, one, faults, notes);
  }
  if (written.length === 0) notes.push('no segment has been written');
  return {
    directory,
    ok: faults.length === 0,
    segments: written.length,
    records: written.reduce((sum, { good }) => sum + good, 0),
    shares: written.reduce((sum, { shares }) => sum + shares, 0),
    faults,
    notes,
  };
}

function checkSegment(one: SegmentInspection, faults: string[], notes: string[]): void {
  const name = `segment ${one.segment}`;
  if (!one.headerReadable) faults.push(`${name}: its header is not readable`);
  if (one.bad > 0)
    faults.push(`${name}: ${one.bad} slots fail their check, the first: ${one.damagedSlots.join(', ')}`);
  if (one.holes > 0) faults.push(`${name}: ${one.holes} slots are zero before its end`);
  if (one.undefinedNames > 0)
    faults.push(`${name}: ${one.undefinedNames} records name a worker or a job that it does not define`);
  if (one.brokenDefinitions > 0) faults.push(`${name}: ${one.brokenDefinitions} definitions are not whole`);
  if (one.brokenBlocks > 0) faults.push(`${name}: ${one.brokenBlocks} found blocks are not whole`);
  const through = one.countedSlots === undefined ? 0 : one.firstSequence + one.countedSlots - 1;
  if (one.headerReadable && one.countedSlots !== undefined && one.lastSequence < through) {
    faults.push(`${name}: sequences ${one.lastSequence + 1} to ${through} are missing at its end`);
  } else if (one.torn > 0) {
    notes.push(`${name}: ${one.torn} torn slots at its end, as a crash leaves them`);
  }
  if (one.abandoned > 0) {
    notes.push(
      `${name}: ${one.abandoned} records behind a failed write, refused to their miners and not counted`,
    );
  }
}

function checkSuccession(
  before: SegmentInspection,
  one: SegmentInspection,
  faults: string[],
  notes: string[],
): void {
  if (one.segment !== before.segment + 1) {
    const last = one.segment - 1;
    const first = before.segment + 1;
    faults.push(first === last ? `segment ${first} is missing` : `segments ${first} to ${last} are missing`);
  } else if (one.headerReadable && one.previousSegment !== before.segment) {
    faults.push(`segment ${one.segment}: it follows segment ${one.previousSegment}, not ${before.segment}`);
  }
  if (one.headerReadable && before.headerReadable && one.bootUnixMs === before.bootUnixMs) return;
  if (!before.cleanEnd) notes.push(`segment ${before.segment}: the engine ended without closing the journal`);
}

export function formatVerification(verification: JournalVerification): string {
  const { ok, segments, records, shares, faults, notes, directory } = verification;
  const lines = [
    `${ok ? 'good' : 'DAMAGED'}  ${directory}: ${segments} segments, ${records} records, ${shares} shares`,
    ...faults.map((fault) => `fault    ${fault}`),
    ...notes.map((note) => `note     ${note}`),
  ];
  return `${lines.join('\n')}\n`;
}
