import { describe, expect, it } from 'vitest';
import { LiveBoard, newBoardRow } from '../../../src/live/live-board.ts';
import { OwnEngineFeed } from '../../../src/live/own-engine.ts';
import { SAMPLE_REPORT } from './sample-report.ts';

const ARRIVAL = { slot: 0, generation: 7, address: 'kaspa:a', worker: 'rig', agent: '', dialect: 'default' };

function feedOf(board: LiveBoard): OwnEngineFeed {
  return new OwnEngineFeed({
    instance: 'a',
    board,
    askDiaries: () => {},
    metrics: async () => undefined,
    clock: () => 0,
  });
}

describe('the feed of the own engine', () => {
  it('counts nobody who had left before it heard of him', () => {
    const board = new LiveBoard(4);
    const feed = feedOf(board);
    board.beginPass();
    board.write(0, { ...newBoardRow(), generation: 7 });
    board.endPass();
    board.beginPass();
    board.clear(0);
    board.endPass();
    // A thread that was busy finds the board further than its messages are.
    feed.reported(SAMPLE_REPORT);
    feed.arrived([ARRIVAL]);
    feed.reported(SAMPLE_REPORT);
    expect(feed.counts()).toEqual({ connections: 0, addresses: 0, workers: 0 });
  });

  it('counts who is there', () => {
    const board = new LiveBoard(4);
    const feed = feedOf(board);
    board.write(0, { ...newBoardRow(), generation: 7 });
    feed.arrived([ARRIVAL]);
    feed.reported(SAMPLE_REPORT);
    expect(feed.counts()).toEqual({ connections: 1, addresses: 1, workers: 1 });
    expect(feed.workersOf('kaspa:a')).toMatchObject([{ worker: 'rig' }]);
  });
});
