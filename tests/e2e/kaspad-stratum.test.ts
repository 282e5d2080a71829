import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { startChildRole } from '../../src/app/child-role.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { startEmbeddedPostgres } from '../../src/ledger/embedded-postgres.ts';
import type { PoolSnapshot } from '../../src/live/pool-snapshot.ts';
import { demoAddresses, runMiner } from '../../src/miner/miner.ts';
import { KASPAD_MISSING, KASPAD_VERSION, startKaspad } from '../kit/kaspad-process.ts';
import { pollUntil } from '../kit/poll-until.ts';

describe.skipIf(KASPAD_VERSION === '')(`the engine on a real kaspad${KASPAD_MISSING}`, () => {
  it('turns proof of work from its stratum port into blocks that the chain merges blue', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-real-'));
    const node = await startKaspad();
    const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'pg'), log: silentLogger });
    const config = join(folder, 'sluice.yaml');
    writeFileSync(
      config,
      stringify({
        instance: 'real-node',
        kaspa: {
          network: 'devnet',
          payAddress: demoAddresses('devnet', 1000).at(-1),
          allowUnsynced: true,
          nodes: [{ name: 'real', address: node.address }],
        },
        stratum: { host: '127.0.0.1', ports: [{ port: 0, difficulty: 2 ** -14 }] },
        database: { url: postgres.url },
        journal: { directory: join(folder, 'journal') },
        http: { port: 0 },
      }),
      { mode: 0o600 },
    );
    const engine = await startChildRole({
      name: 'engine',
      args: ['serve', '--config', config],
      logFile: join(folder, 'engine.log'),
    });
    try {
      const [port] = engine.info.stratumPorts as number[];
      const miner = await runMiner({
        port: port!,
        network: 'devnet',
        connections: 4,
        hashesPerSecond: 150_000,
      });
      const pool = async (): Promise<PoolSnapshot> =>
        (await (await fetch(new URL('api/v1/pool', String(engine.info.httpUrl)))).json()) as PoolSnapshot;
      await pollUntil('five blocks are blue', async () => (await pool()).blocks.blue >= 5, 90_000);
      const summary = await miner.stop();
      // The page's figures are a second old.
      const { blocks, shares } = await pollUntil('the node has answered to every block', async () => {
        const seen = await pool();
        return seen.blocks.accepted === seen.blocks.found && seen.shares.accepted >= summary.accepted && seen;
      });
      expect(blocks.refused).toBe(0);
      expect(summary.violations).toEqual({});
      expect(shares.accepted).toBe(summary.accepted);
      expect(blocks.recent.some((block) => BigInt(block.reward || '0') > 0n)).toBe(true);
    } finally {
      await engine.stop();
      await postgres.stop();
      await node.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  }, 180_000);
});
