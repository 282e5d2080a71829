import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspectJournal } from '../../src/journal/inspect.ts';
import { verifyJournal } from '../../src/journal/verify.ts';
import { projectPath } from '../../src/kit/project-root.ts';
import { storedShares, temporaryFolder } from '../kit/open-journal.ts';

const ROUNDS = 8;
const CHILD = projectPath('dist', 'tests', 'kit', 'journal-child.js');

let folder: ReturnType<typeof temporaryFolder>;
beforeAll(() => {
  folder = temporaryFolder();
});
afterAll(() => folder.remove());

/** Runs the child until it has made `promises` lines, kills it with -9, and returns the highest nonce of a whole line. */
async function killedRound(round: number, promises: number): Promise<number> {
  const child = spawn(process.execPath, [CHILD, folder.directory, String(round)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let errors = '';
  child.stderr.on('data', (data) => {
    errors += data;
  });
  child.stdout.on('data', (data) => {
    out += data;
    if (out.split('\n').length > promises) child.kill('SIGKILL');
  });
  const [code, signal] = await once(child, 'close');
  expect({ code, signal, errors }).toEqual({ code: null, signal: 'SIGKILL', errors: '' });
  const whole = out.slice(0, out.lastIndexOf('\n')).split('\n');
  return Number(whole.at(-1));
}

describe('a journal whose process is killed with -9', () => {
  it(`has every share that was acknowledged in ${ROUNDS} rounds, once, and every next start takes over at once`, async () => {
    const acknowledged: number[] = [];
    for (let round = 0; round < ROUNDS; round++)
      acknowledged.push(await killedRound(round, 20 + 61 * (round % 3)));
    const stored = await storedShares(folder.directory);
    for (const [round, highest] of acknowledged.entries()) {
      const nonces = stored.filter(({ nonceHi }) => nonceHi === round).map(({ nonceLo }) => nonceLo);
      expect(nonces.length, `round ${round}`).toBeGreaterThan(highest);
      // In order and without a gap: none lost, none twice, whatever came after the last promise.
      expect(
        nonces.findIndex((nonce, n) => nonce !== n),
        `round ${round}`,
      ).toBe(-1);
    }
    expect(stored.every((share) => share.workerName === `round-${share.nonceHi}`)).toBe(true);
    expect((await inspectJournal(folder.directory)).boots).toHaveLength(ROUNDS);
    expect(await verifyJournal(folder.directory)).toMatchObject({ ok: true, faults: [] });
  });
});
