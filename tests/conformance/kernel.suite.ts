/**
 * What every judge of Kaspa nonces must do, whoever it is: our kernel, the glue around it, and the official SDK, which
 * shows that the suite itself is right.
 */
import { describe, expect, it } from 'vitest';
import { Verdict } from '../../src/domain/share.ts';
import { leBytesToInteger, targetOfBits } from '../../src/domain/target.ts';
import { POW_VECTORS, SHARE_VECTORS, TESTNET_JOB } from '../vectors/kheavyhash.ts';

export interface Work {
  readonly prePowHash: Uint8Array;
  readonly timestampMs: bigint;
  readonly networkTarget: bigint;
}

export interface Question {
  readonly work: Work;
  readonly nonce: bigint;
  readonly difficultyLog2: number;
}

export interface Answer {
  readonly verdict: number;
  /** Upper 128 bits of pow. */
  readonly powTop: bigint;
}

/** Judges all questions in one batch, in this order. */
export type Judge = (questions: readonly Question[]) => readonly Answer[];

export const workOf = (job: { prePowHash: string; timestampMs: bigint; bits: number }): Work => ({
  prePowHash: Buffer.from(job.prePowHash, 'hex'),
  timestampMs: job.timestampMs,
  networkTarget: targetOfBits(job.bits),
});

const TESTNET = workOf(TESTNET_JOB);
/** Nothing meets it, so that shares are not blocks. */
const HARDEST: Work = { ...TESTNET, networkTarget: 0n };

const powOfVector = (out: string): bigint => leBytesToInteger(Buffer.from(out, 'hex'));

/** A spread of shares, blocks and misses over several works, always the same. */
function mixture(count: number): Question[] {
  const works = [
    HARDEST,
    TESTNET,
    { ...HARDEST, timestampMs: 1n },
    { ...TESTNET, prePowHash: Buffer.alloc(32, 7), networkTarget: 1n << 254n },
    { ...TESTNET, prePowHash: Buffer.alloc(32, 0xee) },
  ];
  return Array.from({ length: count }, (_, i) => ({
    work: works[(i * 7 + (i >> 3)) % works.length]!,
    nonce: BigInt.asUintN(64, BigInt(i) * 0x9e3779b97f4a7c15n),
    difficultyLog2: [-31, -30, -28, 0, 40][i % 5]!,
  }));
}

export function kernelSuite(name: string, open: () => Judge): void {
  describe(`${name} judges Kaspa nonces`, () => {
    const judge = open();

    it.each(POW_VECTORS)('knows the value of the $name', (vector) => {
      const [answer] = judge([{ work: workOf(vector), nonce: vector.nonce, difficultyLog2: 62 }]);
      expect(answer!.powTop).toBe(powOfVector(vector.out) >> 128n);
      expect(answer!.verdict).toBe(vector.isBlock ? Verdict.Block : Verdict.LowDifficulty);
    });

    it.each(SHARE_VECTORS)(
      'accepts $powStart... up to difficulty 2^$hardestLog2 and no further',
      (vector) => {
        for (let difficultyLog2 = -31; difficultyLog2 <= 62; difficultyLog2++) {
          const [answer] = judge([{ work: HARDEST, nonce: vector.nonce, difficultyLog2 }]);
          const meets = difficultyLog2 <= vector.hardestLog2;
          expect(answer!.verdict).toBe(meets ? Verdict.Share : Verdict.LowDifficulty);
          expect(answer!.powTop.toString(16).padStart(32, '0').slice(0, 20)).toBe(vector.powStart);
        }
      },
    );

    it('calls a hash that meets the network target a block, whatever the share difficulty', () => {
      for (const difficultyLog2 of [-31, -8, 0, 62]) {
        const [answer] = judge([{ work: TESTNET, nonce: 0x14582n, difficultyLog2 }]);
        expect(answer!.verdict).toBe(Verdict.Block);
      }
    });

    it('accepts a hash that equals the network target and refuses it one below', () => {
      for (const vector of POW_VECTORS) {
        const pow = powOfVector(vector.out);
        const ask = (networkTarget: bigint): number =>
          judge([{ work: { ...workOf(vector), networkTarget }, nonce: vector.nonce, difficultyLog2: 62 }])[0]!
            .verdict;
        expect(ask(pow)).toBe(Verdict.Block);
        expect(ask(pow - 1n)).toBe(Verdict.LowDifficulty);
      }
    });

    it.each([1, 2, 3, 5, 63, 64, 65, 1023])('judges a batch of %i as it judges each alone', (count) => {
      const questions = mixture(count);
      const together = judge(questions);
      const alone = questions.map((question) => judge([question])[0]!);
      expect(together).toEqual(alone);
    });

    it('keeps the works of one batch apart', () => {
      const nonce = 0x14582n;
      const other: Work = { ...TESTNET, timestampMs: TESTNET.timestampMs + 1n };
      const works = [TESTNET, other, TESTNET, TESTNET, other];
      const verdicts = judge(works.map((work) => ({ work, nonce, difficultyLog2: 62 }))).map(
        (a) => a.verdict,
      );
      expect(verdicts).toEqual(
        works.map((work) => (work === TESTNET ? Verdict.Block : Verdict.LowDifficulty)),
      );
    });
  });
}
