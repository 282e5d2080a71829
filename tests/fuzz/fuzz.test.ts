import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../bench/lib/seeded-random.ts';
import { corpusLines, InProcessFuzz } from './in-process.ts';
import { Mutator } from './mutator.ts';
import { fuzzOverSockets } from './over-sockets.ts';

/** The short form; millions of lines: `npm run test:fuzz`. */
const LINES = 20_000;
const SOCKET_LINES = 1_000;
const SEED = 7;

describe('lines that no client sends', () => {
  let fuzz: InProcessFuzz;
  beforeAll(async () => {
    fuzz = new InProcessFuzz();
    await fuzz.open();
  });
  afterAll(() => fuzz.close());

  it('of the corpus are each answered once at most, in what clients can read', async () => {
    const corpus = corpusLines();
    expect(corpus.length).toBeGreaterThan(30);
    for (let round = 0; round < 20; round++) fuzz.feed(corpus, new Mutator(seededRandom(round)));
    const { faults, answers } = await fuzz.run(0, seededRandom(0), false);
    expect(faults).toEqual([]);
    expect(answers).toBeGreaterThan(corpus.length);
  });

  it('made by mutation harm nobody, and leave nothing behind', async () => {
    const { faults, lines } = await fuzz.run(LINES, seededRandom(SEED), false);
    expect(faults).toEqual([]);
    expect(lines).toBeGreaterThanOrEqual(LINES);
    expect(await fuzz.close()).toEqual([]);
  });

  it('over sockets keep no honest miner from its answers', async () => {
    const { faults, answers } = await fuzzOverSockets(SOCKET_LINES, seededRandom(SEED));
    expect(faults).toEqual([]);
    expect(answers).toBeGreaterThan(0);
  });
});
