/** The journal's numbers. The writer thread leaves its own in shared memory; here they become series when somebody asks. */
import { Counter, Gauge, Histogram, type Registry } from '../kit/metrics.ts';
import { Figure, SYNC_BOUNDS_S } from './ring-memory.ts';

/** What is read of a journal. */
export interface JournalReadings {
  readonly figures: Float64Array;
  readonly failures: number;
  readonly available: boolean;
  readonly fill: number;
  readonly appendedSequence: number;
  readonly durableSequence: number;
  readonly segment: number;
  readonly workerNames: number;
}

type Samples = ReturnType<Histogram['values']>;

class ReadCounter extends Counter {
  readonly #read: () => number;

  constructor(registry: Registry, name: string, help: string, read: () => number) {
    super(registry, { name, help });
    this.#read = read;
  }

  override values(): Samples {
    return [{ value: this.#read(), labels: {} }];
  }
}

/** Filled by another thread, so the buckets are read where it counts them. */
class SyncHistogram extends Histogram {
  readonly #figures: Float64Array;

  constructor(registry: Registry, name: string, help: string, figures: Float64Array) {
    super(registry, { name, help }, SYNC_BOUNDS_S);
    this.#figures = figures;
  }

  override values(): Samples {
    const samples: Samples = [];
    let cumulative = 0;
    for (let bucket = 0; bucket <= SYNC_BOUNDS_S.length; bucket++) {
      cumulative += this.#figures[Figure.FirstBucket + bucket]!;
      const le = SYNC_BOUNDS_S[bucket] ?? '+Inf';
      samples.push({ value: cumulative, labels: { le }, metricName: `${this.name}_bucket` });
    }
    samples.push({ value: this.#figures[Figure.SyncSeconds]!, labels: {}, metricName: `${this.name}_sum` });
    samples.push({ value: cumulative, labels: {}, metricName: `${this.name}_count` });
    return samples;
  }
}

export function registerJournalMetrics(registry: Registry, journal: JournalReadings): void {
  const { figures } = journal;
  const counter = (name: string, help: string, read: () => number): void =>
    void new ReadCounter(registry, `sluice_journal_${name}`, help, read);
  const gauge = (name: string, help: string, read: () => number): void =>
    void new Gauge(registry, { name: `sluice_journal_${name}`, help }, read);
  counter('commits_total', 'Group commits: fdatasync calls that returned 0.', () => figures[Figure.Commits]!);
  counter('records_total', 'Slots made durable, definitions included.', () => figures[Figure.Records]!);
  counter('bytes_total', 'Bytes written into segments.', () => figures[Figure.Bytes]!);
  counter('failures_total', 'Failed writes, fdatasyncs and segment openings.', () => journal.failures);
  new SyncHistogram(registry, 'sluice_journal_fdatasync_seconds', 'Time of one fdatasync.', figures);
  gauge('available', '1 while shares can be stored.', () => (journal.available ? 1 : 0));
  gauge('ring_fill_ratio', 'How full the ring to the writer thread is, 0 to 1.', () => journal.fill);
  gauge(
    'waiting_records',
    'Slots handed over and not yet durable.',
    () => journal.appendedSequence - journal.durableSequence,
  );
  gauge('segment_number', 'Segment that is being written.', () => journal.segment);
  gauge('worker_names', 'Pairs of address and worker name held in memory.', () => journal.workerNames);
}
