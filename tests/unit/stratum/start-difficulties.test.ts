import { afterEach, describe, expect, it } from 'vitest';
import { modelDifficulty, StartDifficulties } from '../../../src/stratum/session/start-difficulties.ts';
import type { PortOptions } from '../../../src/stratum/stratum-server.ts';
import { openRoom, type SessionRoom, submitLine, turn } from './session-room.ts';

const HOUR_MS = 3_600_000;

describe('start difficulties', () => {
  it('are those of the model where the agent names one', () => {
    const of = (agent: string) => modelDifficulty(agent);
    expect(
      ['IceRiver KS0 Pro/1.2', 'iceriverminer-ks0', 'KS3M', 'ks3', 'KS5L', 'GodMiner/2.0.0'].map(of),
    ).toEqual([...[7, 6, 11, 12, 13, 13]]);
    expect(['', 'IceRiverMiner-v1.1', 'lolMiner 1.72'].map(of)).toEqual([undefined, undefined, undefined]);
  });

  it('are what the worker had last, for a day', () => {
    const starts = new StartDifficulties(100);
    starts.remember('kaspa:qz.rig', 17, 0);
    expect(starts.of('kaspa:qz.rig', 'KS0', 23 * HOUR_MS)).toBe(17);
    expect(starts.of('kaspa:qz.rig', 'KS0', 25 * HOUR_MS)).toBe(6);
    expect(starts.of('kaspa:qz.other', '', 0)).toBeUndefined();
  });

  it('are kept for a bounded number of workers', () => {
    const starts = new StartDifficulties(10);
    for (let index = 0; index < 1_000; index++) starts.remember(`kaspa:qz.rig${index}`, 9, index);
    const known = Array.from({ length: 1_000 }, (_, index) => starts.of(`kaspa:qz.rig${index}`, '', 1_000));
    expect(known.filter((log2) => log2 !== undefined)).toHaveLength(10);
  });
});

describe('a port with variable difficulty', () => {
  let room: SessionRoom;
  afterEach(() => room.stratum.close());

  const RANGE: Partial<PortOptions> = {
    difficultyLog2: 8,
    difficultyMinLog2: 4,
    difficultyMaxLog2: 20,
    sharesPerMinute: 20,
  };

  function told(lines: readonly string[]): number[] {
    return lines
      .map((line) => JSON.parse(line))
      .filter(({ method }) => method === 'mining.set_difficulty')
      .map(({ params }) => Math.log2(params[0]));
  }

  async function begin(
    agent: string,
    password = 'x',
  ): Promise<{
    told: number[];
    hangUp(): void;
    suggest(d: unknown): Promise<number[]>;
    share(): Promise<void>;
  }> {
    const socket = room.connect();
    socket.receive(
      `{"id":1,"method":"mining.subscribe","params":["${agent}"]}`,
      `{"id":2,"method":"mining.authorize","params":["kaspa:qz.rig","${password}"]}`,
    );
    await turn();
    const first = told(socket.takeLines());
    return {
      told: first,
      hangUp: () => socket.hangUp(),
      share: async () => {
        socket.receive(submitLine(3, 1, '01'));
        await turn();
        await turn();
        socket.takeLines();
      },
      suggest: async (difficulty) => {
        socket.receive(JSON.stringify({ id: 4, method: 'mining.suggest_difficulty', params: [difficulty] }));
        await turn();
        expect(socket.takeLines()).toEqual(['{"id":4,"result":true,"error":null}']);
        room.giveJob(++lastJob);
        await turn();
        return told(socket.takeLines());
      },
    };
  }
  let lastJob = 1;

  it('begins where the model is at home, and where the worker was when it comes again', async () => {
    room = await openRoom({}, RANGE);
    room.giveJob((lastJob = 1));
    const miner = await begin('IceRiver KS3M');
    expect(miner.told).toEqual([11]);
    await miner.share();
    expect(await miner.suggest(2 ** 15)).toEqual([15]);
    miner.hangUp();
    expect((await begin('IceRiver KS3M')).told).toEqual([15]);
    // A password stands above all of it.
    expect((await begin('IceRiver KS3M', 'd=32')).told).toEqual([5]);
  });

  it('does not remember who has shown nothing', async () => {
    room = await openRoom({}, RANGE);
    room.giveJob((lastJob = 1));
    const miner = await begin('x');
    await miner.suggest(2 ** 15);
    miner.hangUp();
    expect((await begin('x')).told).toEqual([8]);
  });

  it('takes a suggestion within its bounds, with the next job, and not without end', async () => {
    room = await openRoom({}, RANGE);
    room.giveJob((lastJob = 1));
    const miner = await begin('x');
    expect(await miner.suggest(2 ** 30)).toEqual([20]);
    expect(await miner.suggest('nonsense')).toEqual([]);
    expect(await miner.suggest(-1)).toEqual([]);
    expect(await miner.suggest(0.001)).toEqual([4]);
    expect(await miner.suggest(300)).toEqual([8]);
    expect(await miner.suggest(2 ** 15)).toEqual([]);
  });

  it('lets a fixed port stay fixed, whatever is suggested or said', async () => {
    room = await openRoom({}, { difficultyLog2: 8, difficultyMinLog2: 8, difficultyMaxLog2: 8 });
    room.giveJob((lastJob = 1));
    const miner = await begin('IceRiver KS5M');
    expect(miner.told).toEqual([8]);
    expect(await miner.suggest(2 ** 15)).toEqual([]);
  });
});
