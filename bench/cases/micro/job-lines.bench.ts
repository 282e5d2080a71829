/** The lines of a job for a thousand miners of both forms: built once and pointed at, or stringified for each. */
import { buildJobLines } from '../../../src/stratum/protocol/job-lines.ts';
import { defineCase } from '../../lib/bench-case.ts';
import { networkNeverMet } from '../../lib/bench-template.ts';
import { MICRO_PARAMETERS, playRounds } from '../../lib/micro-rounds.ts';

const MINERS = 1_000;

export default defineCase({
  kind: 'micro',
  title: "a job's line per miner, against JSON.stringify for each, and the building of it alone",
  parameters: MICRO_PARAMETERS,
  run: (context) => {
    const { prePowHash, timestampMs } = networkNeverMet(1);
    let jobId = 1;
    const build = () => buildJobLines({ jobId: 100_000 + (jobId++ % 1_000), prePowHash, timestampMs });
    const hash = Buffer.from(prePowHash);
    return playRounds(
      context,
      [
        { name: 'build_once', operations: 1, run: () => build().big.bytes.length },
        {
          name: 'engine',
          operations: MINERS,
          agrees: 'bytes',
          run: () => {
            const { array, big } = build();
            let bytes = 0;
            for (let miner = 0; miner < MINERS; miner++)
              bytes += (miner % 2 === 0 ? array : big).bytes.length;
            return bytes;
          },
        },
        {
          name: 'stringify',
          operations: MINERS,
          agrees: 'bytes',
          run: () => {
            const id = String(100_000 + (jobId++ % 1_000));
            const timestamp = Buffer.alloc(8);
            timestamp.writeBigUInt64LE(timestampMs);
            let bytes = 0;
            for (let miner = 0; miner < MINERS; miner++) {
              const words = [0, 8, 16, 24].map((at) => hash.readBigUInt64LE(at));
              const params =
                miner % 2 === 0
                  ? [id, '@', Number(timestampMs)]
                  : [id, hash.toString('hex') + timestamp.toString('hex')];
              const text = JSON.stringify({ id: null, jsonrpc: '2.0', method: 'mining.notify', params });
              bytes += Buffer.byteLength(`${text.replace('"@"', `[${words.join(',')}]`)}\n`);
            }
            return bytes;
          },
        },
      ],
      [{ name: 'per_miner', above: 'stringify', below: 'engine' }],
    );
  },
});
