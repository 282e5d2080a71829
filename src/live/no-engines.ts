/** No engine at all: for `sluice api` where no folder of sockets is named. What the database knows is shown all the same. */
import type { EngineFeed } from './engine-feed.ts';

export function noEngines(): EngineFeed {
  return {
    engines: () => [],
    workersOf: () => [],
    counts: () => ({ connections: 0, addresses: 0, workers: 0 }),
    diariesOf: async () => [],
    metricsOf: async () => undefined,
    onReport: () => () => {},
    onChanged: () => () => {},
  };
}
