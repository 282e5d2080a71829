/** A record for people, on a terminal. */
import type { BenchRecord } from './record.ts';
import { median } from './statistics.ts';
import { figure, textTable } from './text-table.ts';

const US_PER_MS = 1_000;

export function recordText(record: BenchRecord): string {
  const parts: string[] = [];
  if (record.measures.length > 0) {
    parts.push(
      textTable([
        ['', 'median', 'min', 'max', 'unit', 'rounds'],
        ...record.measures.map(({ name, unit, values }) => [
          name,
          ...[median(values), Math.min(...values), Math.max(...values)].map(figure),
          unit || '-',
          String(values.length),
        ]),
      ]),
    );
  }
  if (record.distributions.length > 0) {
    const ms = (us: number | undefined): string => figure((us ?? Number.NaN) / US_PER_MS);
    parts.push(
      textTable([
        ['ms, all rounds', 'p50', 'p90', 'p99', 'p99.9', 'max', 'count'],
        ...record.distributions.map(({ name, percentilesUs: at, count }) => [
          name,
          ...[at['50'], at['90'], at['99'], at['99.9'], at['100']].map(ms),
          String(count),
        ]),
      ]),
    );
  }
  for (const note of record.notes) parts.push(`note: ${note}`);
  if (record.invalid.length > 0)
    parts.push(`INVALID, this run says nothing:\n  ${record.invalid.join('\n  ')}`);
  return parts.join('\n\n');
}
