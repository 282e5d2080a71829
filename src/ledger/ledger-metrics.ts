/** The ledger room's metrics: how far the loader is behind, why, and what became of found blocks. */
import { Counter, Gauge, GaugeFamily, type Registry } from '../kit/metrics.ts';
import type { BlockTracker } from './block-tracker.ts';
import { LOADER_STATES, type LoaderStatus } from './loader-status.ts';

interface LoaderView {
  readonly restarts: number;
  status(): LoaderStatus;
  onStatus(listener: (status: LoaderStatus) => void): unknown;
}

export function registerLoaderMetrics(registry: Registry, loader: LoaderView): void {
  const gauge = (name: string, help: string, read: (status: LoaderStatus) => number) =>
    new Gauge(registry, { name: `sluice_ledger_${name}`, help }, () => read(loader.status()));
  gauge('loader_lag_records', 'Durable journal records that are not in the database.', (s) => s.lagRecords);
  gauge('loader_lag_seconds', 'Age of the oldest share that is not in the database.', (s) => s.lagSeconds);
  gauge('loader_rows_per_second', 'Share rows loaded in the last second.', (s) => s.rowsPerSecond);
  gauge('loader_position_segment', 'Journal segment that is loaded next.', (s) => s.position.segment);
  gauge('loader_restarts', 'Loader threads that died and were replaced.', () => loader.restarts);
  new GaugeFamily(
    registry,
    { name: 'sluice_ledger_loader_state', help: '1 for the state the loader is in.' },
    () =>
      LOADER_STATES.map((state) => ({ labels: { state }, value: loader.status().state === state ? 1 : 0 })),
  );
  const loaded = new Counter(registry, {
    name: 'sluice_ledger_loaded_records_total',
    help: 'Share records of this instance in the database, since its first start.',
  });
  new GaugeFamily(
    registry,
    {
      name: 'sluice_ledger_lost_records',
      help: 'Journal records of this run that could not be read back: damaged, missing, or without their definition.',
    },
    () => {
      const status = loader.status();
      return [
        { labels: { kind: 'damaged' }, value: status.damagedRecords },
        { labels: { kind: 'missing' }, value: status.missingRecords },
        { labels: { kind: 'unattributed' }, value: status.unattributedRecords },
      ];
    },
  );
  loader.onStatus((status) => {
    loaded.value = status.loadedRecords;
  });
}

export function registerBlockMetrics(registry: Registry, tracker: BlockTracker): void {
  const outcomes = ['found', 'accepted', 'refused', 'blue', 'red', 'matured', 'orphaned'] as const;
  new GaugeFamily(
    registry,
    {
      name: 'sluice_ledger_blocks',
      help: 'Blocks since this start, by what was seen of them; matured = blue and as deep as a reward needs to mature. A reorg may lower blue or red.',
    },
    () => outcomes.map((outcome) => ({ labels: { outcome }, value: tracker.tally[outcome] })),
  );
  new Gauge(
    registry,
    { name: 'sluice_ledger_blocks_following', help: 'Blocks whose fate is not final.' },
    () => tracker.following,
  );
  new Gauge(
    registry,
    { name: 'sluice_ledger_blocks_unsaved', help: 'Blocks whose last change is not in the database yet.' },
    () => tracker.unsaved,
  );
}
