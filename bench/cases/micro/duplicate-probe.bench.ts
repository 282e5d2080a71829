/** New nonces into the set of a job that holds so many already, half of them asked for a second time. */
import { DuplicateProbe, DuplicateSet } from '../../../src/validation/duplicates.ts';
import { defineCase } from '../../lib/bench-case.ts';
import { MICRO_PARAMETERS, playRounds, type Subject } from '../../lib/micro-rounds.ts';

const NONCES = 1_024;
const SIZES = [0, 10_000, 200_000];
const HIGH = 0x0001_0000;
/** Odd, so that all 2^32 lows come before one comes again. */
const STEP = 0x9e37_79b1;

function subjectsOf(size: number): Subject[] {
  const low = (index: number): number => Math.imul(index + 1, STEP) >>> 0;
  // Each run goes on behind the last one's nonces, else they would be duplicates; sets are made anew when they have doubled.
  const bytes = () => {
    let set = new DuplicateSet(1 << 30);
    for (let i = 0; i < size; i++) set.add(low(i), HIGH);
    let next = size;
    return (): number => {
      if (next > 2 * size + 64 * NONCES) {
        set = new DuplicateSet(1 << 30);
        for (next = 0; next < size; next++) set.add(low(next), HIGH);
      }
      let seen = 0;
      for (let i = 0; i < NONCES; i++)
        if (set.add(low(i % 2 === 0 ? next++ : next - 1), HIGH) === DuplicateProbe.Seen) seen++;
      return seen;
    };
  };
  const strings = () => {
    const text = (index: number): string => `0001${low(index).toString(16).padStart(12, '0')}`;
    const fresh = (): Set<string> => new Set(Array.from({ length: size }, (_, i) => text(i)));
    let set = fresh();
    let next = size;
    return (): number => {
      if (next > 2 * size + 64 * NONCES) {
        set = fresh();
        next = size;
      }
      let seen = 0;
      for (let i = 0; i < NONCES; i++) {
        const nonce = text(i % 2 === 0 ? next++ : next - 1);
        if (set.has(nonce)) seen++;
        else set.add(nonce);
      }
      return seen;
    };
  };
  const group = { operations: NONCES, agrees: String(size) };
  return [
    { ...group, name: `engine_${size}`, run: bytes() },
    { ...group, name: `string_set_${size}`, run: strings() },
  ];
}

export default defineCase({
  kind: 'micro',
  title: 'is this nonce new? against a Set of strings, by nonces that the job has already',
  parameters: MICRO_PARAMETERS,
  run: (context) =>
    playRounds(
      context,
      SIZES.flatMap(subjectsOf),
      SIZES.map((size) => ({
        name: `nonces_${size}`,
        above: `string_set_${size}`,
        below: `engine_${size}`,
      })),
    ),
});
