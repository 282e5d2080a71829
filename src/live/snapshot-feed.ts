/** An engine of which only the snapshots are known: no connection by itself, no diary. For the API thread of the engine itself. */
import type { EngineFeed, LiveCounts } from './engine-feed.ts';
import type { EngineInside } from './engine-report.ts';
import type { PoolSnapshot } from './pool-snapshot.ts';

/** Nothing of it is for pages. */
const NOTHING_INSIDE = {} as EngineInside;

export function snapshotFeed(snapshot: () => PoolSnapshot): EngineFeed {
  return {
    engines: () => [{ instance: '', pid: process.pid, snapshot: snapshot(), inside: NOTHING_INSIDE }],
    workersOf: () => [],
    counts: (): LiveCounts => {
      const { miners, workers } = snapshot();
      return { connections: workers, addresses: miners, workers };
    },
    diariesOf: async () => [],
    metricsOf: async () => undefined,
    onReport: () => () => {},
    onChanged: () => () => {},
  };
}
