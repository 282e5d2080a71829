/** A whole pool finds blocks on a SOLO port: what it writes of them, and what `sluice blocks` says. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectPath } from '../../src/kit/project-root.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { PoolRig, RIG_NETWORK } from '../kit/pool-rig.ts';

const execute = promisify(execFile);
const cli = projectPath('dist', 'src', 'cli.js');

let rig: PoolRig;
beforeAll(async () => {
  rig = await PoolRig.open({
    ...{ difficultyLog2: -24, networkDifficultyLog2: -16 },
    port: { scheme: 'solo' },
  });
  await rig.startEngine().ready;
  await execute(process.execPath, [
    ...[cli, 'miner', '--port', String(rig.stratumPort), '--network', RIG_NETWORK, '--json'],
    ...['--connections', '2', '--hashes-per-second', '60000', '--seconds', '8'],
  ]);
}, 120_000);
afterAll(() => rig?.close());

const blocksVerb = async (...more: readonly string[]): Promise<string> =>
  (await execute(process.execPath, [cli, 'blocks', ...more, '--config', rig.configFile])).stdout;

describe('the life of a block', { timeout: 120_000 }, () => {
  it('is written with its pot, its times and its colour', async () => {
    const [block] = await pollUntil('a block is blue', async () => {
      const rows = await rig.sql`
        SELECT block_hash, pot, template_age_ms, queue_ms, merging_block FROM blocks WHERE state = 'blue'`;
      return rows.length > 0 && rows;
    });
    expect(block).toMatchObject({ pot: 3, merging_block: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(block!.template_age_ms).toBeGreaterThan(0);
    expect(block!.queue_ms).toBeGreaterThan(0);
    const pots = await rig.sql`SELECT DISTINCT s.pot, p.pot AS summed FROM shares s, share_sums p`;
    expect([...pots]).toEqual([{ pot: 3, summed: 3 }]);
  });

  it('shows how far everything is loaded, also when nobody mines any more', async () => {
    const startedAt = Date.now();
    await pollUntil('the mark has passed the end of mining', async () => {
      const [row] = await rig.sql<{ at: number | null }[]>`
        SELECT (extract(epoch FROM loaded_through) * 1000)::float8 AS at FROM journal_progress`;
      return row?.at != null && row.at > startedAt;
    });
  });

  it('is told by `sluice blocks`', async () => {
    const list = JSON.parse(await blocksVerb('list', '--json')) as { blockHash: string; scheme: string }[];
    expect(list.length).toBeGreaterThan(0);
    expect(list[0]).toMatchObject({ scheme: 'solo' });
    expect(await blocksVerb('list', '--limit', '1')).toContain(list[0]!.blockHash.slice(0, 12));
    expect(await blocksVerb('show', list.at(-1)!.blockHash)).toMatch(
      /template age +[0-9.]+ ms[\s\S]*Handed to the nodes/,
    );
    expect(await blocksVerb('red')).toMatch(/of \d+ merged blocks are red/);
    await expect(blocksVerb('show', 'ab'.repeat(32))).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('SLUICE_BLOCK_UNKNOWN'),
    });
    await expect(blocksVerb('show', 'nonsense')).rejects.toMatchObject({ code: 2 });
  });
});
