/** One accepted share as it is kept: 64 bytes in a ring, sealed with its CRC as the writer thread does, or a line of JSON. */
import { SLOT_WORDS } from '../../../src/journal/record-layout.ts';
import { encodeShare, isSealed, sealSlot } from '../../../src/journal/slot-codec.ts';
import { defineCase } from '../../lib/bench-case.ts';
import { MICRO_PARAMETERS, playRounds } from '../../lib/micro-rounds.ts';

const SHARES = 512;
const AT_UNIX_MS = 1_800_000_000_000;

export default defineCase({
  kind: 'micro',
  title: 'an accepted share as a journal record, encoded and sealed, against a line of JSON',
  parameters: MICRO_PARAMETERS,
  run: (context) => {
    const words = new Uint32Array(new SharedArrayBuffer(SHARES * SLOT_WORDS * 4));
    const powTop = new Uint8Array(16).fill(9);
    let sequence = 1;
    const encode = (): void => {
      for (let share = 0; share < SHARES; share++) {
        const at = share * SLOT_WORDS;
        encodeShare(words, at, sequence++, 7, 1, 12, share, 0x10000, AT_UNIX_MS, share, 9, 1, 0, powTop, 0);
      }
    };
    return playRounds(
      context,
      [
        {
          name: 'encode',
          operations: SHARES,
          run: () => {
            encode();
            return words[(SHARES - 1) * SLOT_WORDS + 4]!;
          },
        },
        {
          name: 'engine',
          operations: SHARES,
          run: () => {
            encode();
            let sealed = 0;
            for (let share = 0; share < SHARES; share++) {
              sealSlot(words, share * SLOT_WORDS);
              if (isSealed(words, share * SLOT_WORDS)) sealed++;
            }
            return sealed;
          },
          agrees: 'shares',
        },
        {
          name: 'json',
          operations: SHARES,
          run: () => {
            let lines = 0;
            for (let share = 0; share < SHARES; share++) {
              const line = JSON.stringify({
                ...{ sequence: sequence++, verdict: 1, difficulty: 4096 },
                ...{ nonce: `00010000${share.toString(16).padStart(8, '0')}`, at: AT_UNIX_MS },
                ...{ worker: share, job: 9, extranonce: 1, port: 0, pow: '09'.repeat(16) },
              });
              if (Buffer.from(`${line}\n`).length > 0) lines++;
            }
            return lines;
          },
          agrees: 'shares',
        },
      ],
      [{ name: 'record', above: 'json', below: 'engine' }],
    );
  },
});
