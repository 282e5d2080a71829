/**
 * A turn's submissions into a batch: records in an arena that all threads see, or an object per share that is cloned to a thread. No
 * hash in either: the engine's judge says yes to all.
 */
import { Verdict } from '../../../src/domain/share.ts';
import { StageLatencies } from '../../../src/live/stage-latencies.ts';
import { BatchArena } from '../../../src/validation/batch-arena.ts';
import { OFFSET_VERDICT, RECORD_BYTES } from '../../../src/validation/batch-layout.ts';
import { Batcher } from '../../../src/validation/batcher.ts';
import { defineCase } from '../../lib/bench-case.ts';
import { MICRO_PARAMETERS, playRounds } from '../../lib/micro-rounds.ts';

const SHARES = 64;
const SLOTS = 8;
const RECORDS = 1_024;

function engineRun(): () => number {
  let endTurn: () => void = () => {};
  let settled = 0;
  const batcher = new Batcher({
    arena: new BatchArena(SLOTS, RECORDS),
    inline: {
      judge: (records, count) => {
        for (let i = 0; i < count; i++) records[i * RECORD_BYTES + OFFSET_VERDICT] = Verdict.Share;
      },
    },
    threads: { idle: true, judge: () => Promise.resolve() },
    inlineRecordsMax: RECORDS,
    settle: (_records, count) => {
      settled += count;
    },
    onRelease: () => {},
    atEndOfTurn: (callback) => {
      endTurn = callback;
    },
    clock: () => performance.now(),
    stages: new StageLatencies(),
  });
  const session = { slot: 7, generation: 3, workerRef: 9 } as Parameters<Batcher['append']>[0];
  let nonce = 0;
  return () => {
    settled = 0;
    for (let i = 0; i < SHARES; i++) batcher.append(session, 1, 100_000, nonce++, 1, 12, 0, 0, i, 5);
    endTurn();
    return settled;
  };
}

function clonedRun(): () => number {
  let nonce = 0n;
  return () => {
    const batch = Array.from({ length: SHARES }, (_, i) => ({
      ...{ session: 7, worker: 'kaspa:qz.rig', job: '100000', requestId: i, receivedAtMs: 5 },
      ...{ nonce: nonce++, difficulty: 4096 },
    }));
    return structuredClone(batch).length;
  };
}

export default defineCase({
  kind: 'micro',
  title: 'a share into the batch of its turn and out of it, against an object that is cloned to a thread',
  parameters: MICRO_PARAMETERS,
  run: (context) =>
    playRounds(
      context,
      [
        { name: 'engine', operations: SHARES, agrees: 'shares', run: engineRun() },
        { name: 'clone', operations: SHARES, agrees: 'shares', run: clonedRun() },
      ],
      [{ name: 'share', above: 'clone', below: 'engine' }],
    ),
});
