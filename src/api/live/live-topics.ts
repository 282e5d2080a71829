/**
 * What goes out on which topic: the pool once a second, blocks as they change, miners as they are watched. The same in an engine's API
 * thread and in `sluice api`: whoever runs it calls `tell` once a second.
 */
import { checkAddress } from '../../chains/kaspa/address.ts';
import type { EngineFeed } from '../../live/engine-feed.ts';
import type { HttpResponse } from '../http-engine.ts';
import type { OriginRule } from '../origin-rule.ts';
import type { PoolReads } from '../pool-reads.ts';
import { BlockNews } from './block-news.ts';
import { LiveHub, TOPIC_BLOCKS, TOPIC_POOL } from './live-hub.ts';
import { MinerWatch } from './miner-watch.ts';

export interface LiveTopicsOptions {
  readonly network: string;
  readonly origins: OriginRule;
  readonly clientsMax: number;
  readonly refusal: (status: number) => HttpResponse;
  readonly reads: Pick<PoolReads, 'pool'>;
  readonly feed: EngineFeed;
  /** Unix ms. */
  readonly wallClock: () => number;
}

export class LiveTopics {
  /** For the HTTP engine, as its door; it is to be attached as the carrier. */
  readonly hub: LiveHub;
  readonly #reads: Pick<PoolReads, 'pool'>;
  readonly #news = new BlockNews();
  readonly #watch: MinerWatch;

  constructor(options: LiveTopicsOptions) {
    const { network, origins, clientsMax, refusal, reads, feed, wallClock } = options;
    this.hub = new LiveHub({
      origins,
      clientsMax,
      refusal,
      nowMs: wallClock,
      addressOf: (text) => {
        const check = checkAddress(text, network);
        return check.ok ? check.address : undefined;
      },
    });
    this.#reads = reads;
    this.#watch = new MinerWatch(this.hub, feed, wallClock);
  }

  tell(): void {
    const pool = this.#reads.pool();
    this.hub.publish(TOPIC_POOL, pool);
    for (const block of this.#news.see(pool.blocks.recent)) this.hub.publish(TOPIC_BLOCKS, block);
    this.#watch.tick();
  }

  close(): void {
    this.#watch.close();
    this.hub.close();
  }
}
