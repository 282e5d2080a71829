/** What lies in a journal folder, for `sluice journal inspect`. Reads only; safe beside a running engine. */
import { schemeOf } from '../domain/pot.ts';
import { VERDICTS } from '../domain/share.ts';
import { type SalvageReport, type SalvageSink, SegmentReader } from './salvage-reader.ts';
import { listWithHeaders, readSlots, type SegmentFile } from './segment-files.ts';
import { countedSlots, countedThrough } from './segment-frame.ts';

export interface SegmentInspection extends Omit<SalvageReport, 'header' | 'bootLow' | 'slotsSeen'> {
  readonly segment: number;
  readonly file: string;
  readonly sizeBytes: number;
  /** False for a file that was made ahead of time and never written. */
  readonly opened: boolean;
  readonly headerReadable: boolean;
  readonly instanceName: string;
  readonly bootUnixMs: number;
  readonly previousSegment: number;
  readonly previousThrough: number;
  /** Slots that count by the next segment's header; undefined = whatever can be read. */
  readonly countedSlots: number | undefined;
}

export interface JournalInspection {
  readonly directory: string;
  readonly segments: readonly SegmentInspection[];
  readonly boots: readonly {
    readonly bootUnixMs: number;
    readonly segments: number;
    readonly shares: number;
  }[];
  readonly shares: number;
  readonly blocks: number;
  readonly firstShareUnixMs: number;
  readonly lastShareUnixMs: number;
}

/** Every segment with what its successor says of it, in order. */
export async function inspectSegments(
  directory: string,
  sinkOf: (file: SegmentFile) => SalvageSink = () => ({}),
): Promise<SegmentInspection[]> {
  const inspections: SegmentInspection[] = [];
  for (const { file, header, next } of await listWithHeaders(directory)) {
    const reader = new SegmentReader(sinkOf(file), countedThrough(header, next));
    await readSlots(file.path, (bytes, slot) => reader.feed(bytes, slot));
    inspections.push(inspectionOf(file, reader.finish(), header && countedSlots(header, next)));
  }
  return inspections;
}

function inspectionOf(
  file: SegmentFile,
  report: SalvageReport,
  counted: number | undefined,
): SegmentInspection {
  const { header, bootLow: _boot, slotsSeen: _slots, ...rest } = report;
  return {
    segment: file.segment,
    file: file.path,
    sizeBytes: file.sizeBytes,
    opened: report.good + report.torn + report.abandoned > 0,
    headerReadable: header !== undefined,
    instanceName: header?.instanceName ?? '',
    bootUnixMs: header?.bootUnixMs ?? 0,
    previousSegment: header?.previousSegment ?? 0,
    previousThrough: header?.previousThrough ?? 0,
    countedSlots: counted,
    ...rest,
  };
}

export async function inspectJournal(directory: string): Promise<JournalInspection> {
  const segments = await inspectSegments(directory);
  const boots = new Map<number, { bootUnixMs: number; segments: number; shares: number }>();
  for (const segment of segments.filter(({ opened }) => opened)) {
    const boot = boots.get(segment.bootUnixMs) ?? { bootUnixMs: segment.bootUnixMs, segments: 0, shares: 0 };
    boot.segments++;
    boot.shares += segment.shares;
    boots.set(segment.bootUnixMs, boot);
  }
  const timed = segments.filter(({ shares }) => shares > 0);
  return {
    directory,
    segments,
    boots: [...boots.values()],
    shares: segments.reduce((sum, { shares }) => sum + shares, 0),
    blocks: segments.reduce((sum, { blocks }) => sum + blocks, 0),
    firstShareUnixMs: timed.length === 0 ? 0 : Math.min(...timed.map((one) => one.firstShareUnixMs)),
    lastShareUnixMs: timed.length === 0 ? 0 : Math.max(...timed.map((one) => one.lastShareUnixMs)),
  };
}

const instant = (unixMs: number): string => (unixMs === 0 ? '-' : new Date(unixMs).toISOString());

export function formatInspection(inspection: JournalInspection): string {
  const { segments, boots } = inspection;
  const lines = [
    `journal   ${inspection.directory}`,
    `segments  ${segments.length}, of ${boots.length} start${boots.length === 1 ? '' : 's'}`,
    `shares    ${inspection.shares}, ${instant(inspection.firstShareUnixMs)} to ${instant(inspection.lastShareUnixMs)}`,
    `blocks    ${inspection.blocks}`,
  ];
  for (const one of segments) {
    lines.push('', ...formatSegment(one));
  }
  return `${lines.join('\n')}\n`;
}

function formatSegment(one: SegmentInspection): string[] {
  const title = `segment ${one.segment}  ${one.file}`;
  if (!one.opened) return [title, '  prepared, never written'];
  const ending = one.cleanEnd ? 'clean end' : 'no clean end';
  const lines = [
    title,
    one.headerReadable
      ? `  instance ${one.instanceName}, started ${instant(one.bootUnixMs)}`
      : '  its header is not readable',
    `  sequences ${one.firstSequence} to ${one.lastSequence}, ${ending}`,
    `  ${one.shares} shares, ${one.blocks} blocks, ${one.workerDefinitions} workers, ${one.jobDefinitions} jobs`,
  ];
  if (one.shares > 0) lines.push(`  ${instant(one.firstShareUnixMs)} to ${instant(one.lastShareUnixMs)}`);
  if (one.abandoned > 0)
    lines.push(`  ${one.abandoned} records after a failed write, refused to their miners`);
  const damage = one.bad + one.holes;
  if (damage > 0) lines.push(`  DAMAGED: ${damage} slots, the first at ${one.damagedSlots.join(', ')}`);
  if (one.torn > 0) lines.push(`  ${one.torn} torn slots at its end`);
  return lines;
}

/** Every share that counts, one JSON object a line, segment by segment. */
export async function* shareLines(directory: string): AsyncGenerator<string> {
  for (const { file, header, next } of await listWithHeaders(directory)) {
    // A segment at a time: 262,144 lines are some 80 MB at most, and a reader that is slow holds no more than that.
    const lines: string[] = [];
    const reader = new SegmentReader(lineSink(file.segment, lines), countedThrough(header, next));
    await readSlots(file.path, (bytes, slot) => reader.feed(bytes, slot));
    yield* lines;
  }
}

function lineSink(segment: number, lines: string[]): SalvageSink {
  return {
    share(share, worker, job) {
      const nonce = (BigInt(share.nonceHi) << 32n) | BigInt(share.nonceLo);
      lines.push(
        JSON.stringify({
          segment,
          slot: share.slot,
          sequence: share.sequence,
          at: instant(share.receivedAtUnixMs),
          verdict: VERDICTS[share.verdict]?.name ?? share.verdict,
          difficultyLog2: share.difficultyLog2,
          nonce: nonce.toString(16).padStart(16, '0'),
          address: worker?.address ?? null,
          worker: worker?.workerName ?? null,
          prePowHash: job ? Buffer.from(job.prePowHash).toString('hex') : null,
          timestampMs: job ? Number(job.timestampMs) : null,
          extranonce: share.extranonce,
          port: share.portIndex,
          scheme: schemeOf(share.pot),
        }),
      );
    },
  };
}
