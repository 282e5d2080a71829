/** What a new template costs each thread before its first nonce: the 64 x 64 matrix of rank 64, and the first absorb. */
import { createRequire } from 'node:module';
import { targetOfBits, targetToLeBytes } from '../../../src/domain/target.ts';
import { loadKernel } from '../../../wasm/load.ts';
import { defineCase } from '../../lib/bench-case.ts';
import { networkNeverMet } from '../../lib/bench-template.ts';
import { MICRO_PARAMETERS, playRounds } from '../../lib/micro-rounds.ts';

const TEMPLATES = 16;
const BITS = 0x1e7fffff;

export default defineCase({
  kind: 'micro',
  title: "a template made ready for hashing, against the SDK's constructor",
  parameters: MICRO_PARAMETERS,
  run: (context) => {
    const kernel = loadKernel();
    const target = targetToLeBytes(targetOfBits(BITS));
    const { PoW } = createRequire(import.meta.url)('kaspa-wasm') as {
      PoW: { fromRaw(hash: string, timestampMs: bigint, bits: number): { free(): void } };
    };
    const templates = Array.from({ length: TEMPLATES }, (_, i) => networkNeverMet(i));
    const hashes = templates.map(({ prePowHash }) => Buffer.from(prePowHash).toString('hex'));
    let sequence = 1;
    return playRounds(
      context,
      [
        {
          name: 'engine',
          operations: TEMPLATES,
          run: () => {
            for (const [slot, { prePowHash, timestampMs }] of templates.entries())
              kernel.prepare(slot, sequence, prePowHash, timestampMs, target);
            const done = templates.filter((_, slot) => kernel.preparedSequence(slot) === sequence);
            sequence++;
            return done.length;
          },
          agrees: 'templates',
        },
        {
          name: 'sdk',
          operations: TEMPLATES,
          run: () => {
            for (const [index, { timestampMs }] of templates.entries())
              PoW.fromRaw(hashes[index]!, timestampMs, BITS).free();
            return templates.length;
          },
          agrees: 'templates',
        },
      ],
      [{ name: 'template', above: 'sdk', below: 'engine' }],
    );
  },
});
