/** What the validation room counts. */
import { VERDICTS } from '../domain/share.ts';
import { Counter, CounterFamily, Gauge, Histogram, type Registry } from '../kit/metrics.ts';

export interface ValidationGauges {
  readonly waitingForJournal: () => number;
  readonly freeBatches: () => number;
  readonly inlineBatches: () => number;
  readonly threadBatches: () => number;
  readonly threadsReplaced: () => number;
}

export class ValidationMetrics {
  /** Indexed by verdict code; `share` and `block` are counted when answered, that is when durable. */
  readonly verdicts: CounterFamily;
  readonly creditedDifficulty: Counter;
  readonly blocksFound: Counter;
  readonly kernelDisagreements: Counter;
  readonly submitToAnswer: Histogram;
  readonly rescued: Counter;
  readonly rescueHashes: Counter;

  constructor(registry: Registry) {
    const labels = VERDICTS.map((row) => row.metricLabel);
    this.verdicts = new CounterFamily(
      registry,
      { name: 'sluice_validation_submissions_total', help: 'Answered submissions by verdict.' },
      'verdict',
      labels,
    );
    this.creditedDifficulty = new Counter(registry, {
      name: 'sluice_validation_credited_difficulty_total',
      help: 'Sum of the difficulties of accepted shares; times 2^32 it is hashes.',
    });
    this.blocksFound = new Counter(registry, {
      name: 'sluice_validation_blocks_found_total',
      help: 'Block candidates confirmed by the reference proof of work.',
    });
    this.kernelDisagreements = new Counter(registry, {
      name: 'sluice_validation_kernel_disagreements_total',
      help: 'Candidates on which the reference proof of work did not agree. Must stay 0.',
    });
    this.rescued = new Counter(registry, {
      name: 'sluice_validation_rescued_total',
      help: 'Accepted shares that were made on an earlier job than the one they named.',
    });
    this.rescueHashes = new Counter(registry, {
      name: 'sluice_validation_rescue_hashes_total',
      help: 'Hashes spent on looking for the job that a share was made on.',
    });
    this.submitToAnswer = new Histogram(registry, {
      name: 'sluice_validation_accept_seconds',
      help: 'From reading an accepted share off its socket to releasing its answer, the disk included.',
    });
  }

  watch(registry: Registry, gauges: ValidationGauges): void {
    const gauge = (name: string, help: string, read: () => number) =>
      new Gauge(registry, { name: `sluice_validation_${name}`, help }, read);
    gauge('waiting_shares', 'Accepted shares whose answer waits for the journal.', gauges.waitingForJournal);
    gauge(
      'free_batches',
      'Batch slots free in the arena; near 0 the sockets stop being read.',
      gauges.freeBatches,
    );
    gauge('inline_batches', 'Batches judged on the main thread since the start.', gauges.inlineBatches);
    gauge('thread_batches', 'Batches judged by validator threads since the start.', gauges.threadBatches);
    gauge(
      'threads_replaced',
      'Batches that lost their validator thread since the start.',
      gauges.threadsReplaced,
    );
  }
}
