/**
 * What a block was worth and how hard it was, once a minute. In flows a node's word, out flow rows of `network_minutes`, each written
 * once: PPS credits by them, so what was paid by can be looked up for ever.
 */
import { messageOf } from '../../kit/edge-error.ts';
import type { Logger } from '../../kit/log.ts';
import type { Lead } from '../lead.ts';
import { MS_PER_MINUTE } from '../schemes/scheme.ts';
import type { ReservedConnection } from '../stores/postgres.ts';

/** Whoever knows the chain. */
export interface NetworkSource {
  networkFacts(): Promise<NetworkFacts>;
}

export interface NetworkFacts {
  readonly networkBits: number;
  /** Of a block, without fees. */
  readonly subsidySompi: bigint;
  /** Mean of the transaction fees of recent blocks. */
  readonly feesSompi: bigint;
}

export interface NetworkRecorderOptions {
  readonly lead: Lead;
  readonly source: NetworkSource;
  readonly clock: () => number;
  readonly log: Logger;
}

export class NetworkRecorder {
  readonly #options: NetworkRecorderOptions;
  #recordedMs = Number.NEGATIVE_INFINITY;

  constructor(options: NetworkRecorderOptions) {
    this.#options = options;
  }

  /** Records the minute that is going on, if it is not recorded yet. A node that is away costs a minute's row, nothing else. */
  async tick(): Promise<void> {
    const { lead, source, clock, log } = this.#options;
    const minuteMs = Math.floor(clock() / MS_PER_MINUTE) * MS_PER_MINUTE;
    if (minuteMs === this.#recordedMs) return;
    let facts: NetworkFacts;
    try {
      facts = await source.networkFacts();
    } catch (error) {
      log.warn(
        { fault: messageOf(error) },
        'no node could tell difficulty and subsidy: this minute is paid by the one before',
      );
      return;
    }
    await lead.transaction(async (sql) => {
      await sql`SELECT assert_lead('payer', ${lead.epoch})`;
      await sql`
        INSERT INTO network_minutes (minute, network_bits, subsidy_sompi, fees_sompi)
        VALUES (to_timestamp(${minuteMs / 1_000}::float8), ${BigInt(facts.networkBits)}, ${facts.subsidySompi}, ${facts.feesSompi})
        ON CONFLICT DO NOTHING`;
    });
    this.#recordedMs = minuteMs;
  }
}

/** Of that minute, or the last one before it; before the first row, the first. */
export async function networkAt(
  sql: ReservedConnection,
  minuteMs: number,
): Promise<NetworkFacts | undefined> {
  const [row] = await sql<{ network_bits: bigint; subsidy_sompi: bigint; fees_sompi: bigint }[]>`
    (SELECT network_bits, subsidy_sompi, fees_sompi, 0 AS choice FROM network_minutes
     WHERE minute <= to_timestamp(${minuteMs / 1_000}::float8) ORDER BY minute DESC LIMIT 1)
    UNION ALL
    (SELECT network_bits, subsidy_sompi, fees_sompi, 1 FROM network_minutes ORDER BY minute LIMIT 1)
    ORDER BY choice LIMIT 1`;
  return (
    row && {
      networkBits: Number(row.network_bits),
      subsidySompi: row.subsidy_sompi,
      feesSompi: row.fees_sompi,
    }
  );
}
