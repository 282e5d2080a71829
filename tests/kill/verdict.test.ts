/** The judge of the kill test must see what it is there to see: each kind of corruption is planted once. */
import { describe, expect, it } from 'vitest';
import type { JournalledShare } from './journal-truth.ts';
import { compareTruths } from './verdict.ts';

function soundTruths() {
  const share = (slot: number): JournalledShare => ({
    login: 'kaspa:a.rig',
    place: `1/${slot}`,
    difficultyLog2: -28,
  });
  const shares = (): Map<string, JournalledShare> =>
    new Map([
      ['0:a', share(2)],
      ['0:b', share(3)],
      ['1:a', share(4)],
    ]);
  return {
    client: {
      sent: new Map(['0:a', '0:b', '0:c', '1:a', '1:b'].map((key) => [key, 'kaspa:a.rig'])),
      // `1:a` was in flight at a kill: journalled, never answered.
      acknowledged: new Set(['0:a', '0:b']),
      acknowledgedTwice: [] as string[],
    },
    journal: {
      shares: shares(),
      doubled: [] as string[],
      blocks: new Map([['beef', '0:b']]),
      blocksDoubled: [] as string[],
      damaged: 0,
    },
    database: {
      shares: shares(),
      doubled: [] as string[],
      blocks: new Map([
        ['beef', '0:b'],
        ['cafe', '1:b'],
      ]),
      wrongSums: 0,
    },
  };
}

type Truths = ReturnType<typeof soundTruths>;
const judge = ({ client, journal, database }: Truths) => compareTruths(client, journal, database);

const CORRUPTIONS: readonly (readonly [string, (truths: Truths) => void, number, number])[] = [
  ['a share missing from the journal', ({ journal }) => journal.shares.delete('0:a'), 1, 0],
  ['a share missing from the database', ({ database }) => database.shares.delete('0:b'), 1, 0],
  [
    'an unacknowledged share missing from the database',
    ({ database }) => database.shares.delete('1:a'),
    0,
    0,
  ],
  ['a share acknowledged twice', ({ client }) => client.acknowledgedTwice.push('0:a'), 0, 1],
  ['a share twice in the journal', ({ journal }) => journal.doubled.push('0:a'), 0, 1],
  ['a share twice in the database', ({ database }) => database.doubled.push('0:a'), 0, 1],
  ['a share that nobody sent', ({ client }) => client.sent.delete('1:a'), 0, 0],
  ['a share under another worker', ({ client }) => client.sent.set('1:a', 'kaspa:b.rig'), 0, 0],
  [
    'a row of another difficulty',
    ({ database }) => database.shares.set('0:a', { ...database.shares.get('0:a')!, difficultyLog2: -27 }),
    0,
    0,
  ],
  ['a block missing from the database', ({ database }) => database.blocks.delete('beef'), 0, 0],
  ['a block twice in the journal', ({ journal }) => journal.blocksDoubled.push('beef'), 0, 0],
  ['a block that nobody sent', ({ database }) => database.blocks.set('dead', '9:a'), 0, 0],
  ['a damaged slot', ({ journal }) => journal.damaged++, 0, 0],
  ['a wrong sum', ({ database }) => database.wrongSums++, 0, 0],
];

describe('the comparison of client, journal and database', () => {
  it('finds nothing wrong where nothing is', () => {
    expect(judge(soundTruths())).toEqual({
      acknowledged: 2,
      journalled: 3,
      blocks: 2,
      lost: 0,
      doubled: 0,
      faults: [],
    });
  });

  it.each(CORRUPTIONS)('sees %s', (_name, corrupt, lost, doubled) => {
    const truths = soundTruths();
    corrupt(truths);
    const verdict = judge(truths);
    expect(verdict.faults.length).toBeGreaterThan(0);
    expect([verdict.lost, verdict.doubled]).toEqual([lost, doubled]);
  });
});
