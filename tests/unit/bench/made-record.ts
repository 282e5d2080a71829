/** A record as a run would leave it, with what a test wants to be different. */
import { build, encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import type { Measure } from '../../../bench/lib/bench-case.ts';
import { type Machine, machineNow } from '../../../bench/lib/machine.ts';
import { type BenchRecord, recordOf } from '../../../bench/lib/record.ts';

export interface Changes {
  readonly name?: string;
  readonly parameters?: Readonly<Record<string, number>>;
  readonly values?: readonly number[];
  /** In place of `ratio.x` with those values. */
  readonly measures?: Measure[];
  readonly invalid?: string[];
  readonly smoke?: boolean;
  readonly seed?: number;
  readonly filter?: string;
  readonly note?: string;
  readonly machine?: Partial<Machine>;
}

export function madeRecord(changes: Changes = {}): BenchRecord {
  const histogram = build();
  for (let us = 1; us <= 1_000; us++) histogram.recordValue(us);
  return recordOf(
    {
      ...{ name: changes.name ?? 'made', kind: 'flow', title: 'a case', loadAfter: 0, seconds: 1 },
      ...{ seed: changes.seed ?? 1, smoke: changes.smoke ?? false, filter: changes.filter },
      machine: { ...machineNow(), ...changes.machine },
    },
    {
      values: changes.parameters ?? { rounds: 3 },
      result: {
        measures: changes.measures ?? [
          { name: 'ratio.x', unit: '', better: 'higher', values: changes.values ?? [1, 2, 3] },
        ],
        distributions: [{ name: 'wait', histogram: encodeIntoCompressedBase64(histogram) }],
        checksum: 'c',
        invalid: changes.invalid ?? [],
        notes: changes.note === undefined ? [] : [changes.note],
      },
    },
  );
}
