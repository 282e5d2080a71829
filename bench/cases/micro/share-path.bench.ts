import { createHash } from 'node:crypto';
import { LIMITS } from '../../../config/limits.ts';
import { defineCase } from '../../lib/bench-case.ts';
import { networkNeverMet } from '../../lib/bench-template.ts';
import { NaivePath } from '../../lib/naive-path.ts';
import { NONCES_PER_TRY, ShareGrinder } from '../../lib/share-grinder.ts';
import { openSharePath, type SharePathRig, turns } from '../../lib/share-path-rig.ts';

/**
 * A turn of the loop reads some dozens of sockets when shares are many: what epoll gives at a time.
 */
const SOCKETS_PER_TURN = 64;
const LOW_STEP = 0x10_0000;

/** By the clock: the kernel counts a thread's CPU in ticks of 4 ms. Medians over rounds leave out those that others interrupted. */
const nowNs = (): number => performance.now() * 1e6;

interface Round {
  /** One chunk per connection: `depth` lines. */
  readonly chunks: readonly Buffer[];
  readonly shares: number;
}

/** Real shares of a job, as lines. */
function linesOf(
  rig: SharePathRig,
  grinder: ShareGrinder,
  jobId: number,
  jobLine: string,
  depth: number,
  salt: number,
): Round {
  const job = grinder.learn(jobId, jobLine, 0);
  const found = new Uint32Array(NONCES_PER_TRY);
  const chunks = rig.sockets.map((socket, index) => {
    const high = (socket.extranonce << 16) >>> 0;
    const nonces: number[] = [];
    for (let low = salt * LOW_STEP; nonces.length < depth; low += NONCES_PER_TRY) {
      const count = grinder.grind(job, high, low, found);
      for (let i = 0; i < count; i++) nonces.push(found[i]!);
    }
    const lines = nonces.slice(0, depth).map((low, place) => {
      const nonce = high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
      return `{"id":${1_000 + salt * 100 + place},"method":"mining.submit","params":["${rig.logins[index]}","${jobId}","${nonce}"]}\n`;
    });
    return Buffer.from(lines.join(''), 'latin1');
  });
  return { chunks, shares: chunks.length * depth };
}

async function playEngine(rig: SharePathRig, round: Round): Promise<number> {
  const before = rig.path.metrics.verdicts.counts[1]!;
  const startedNs = nowNs();
  for (const [index, chunk] of round.chunks.entries()) {
    rig.sockets[index]!.events!.onData(chunk);
    if (index % SOCKETS_PER_TURN === SOCKETS_PER_TURN - 1) await turns(1);
  }
  while (!rig.path.idle()) await turns(1);
  const spentNs = nowNs() - startedNs;
  const accepted = rig.path.metrics.verdicts.counts[1]! - before;
  if (accepted !== round.shares) throw new Error(`${accepted} of ${round.shares} shares were accepted`);
  return spentNs / round.shares;
}

export default defineCase({
  kind: 'micro',
  title:
    'CPU of the main thread per share without kernel and disk, bytes in to bytes out, against the naive way',
  parameters: {
    connections: { unit: '', text: 'miners', real: 1000, smoke: 20, min: 1, max: 10_000 },
    depth: { unit: '', text: 'shares in one chunk', real: 1, smoke: 2, min: 1, max: 64 },
    rounds: { unit: '', text: 'jobs, each with one chunk from every miner', real: 60, smoke: 3, min: 1 },
    inlineRecordsMax: {
      unit: 'records',
      text: 'turns with no more are judged on the main thread',
      real: LIMITS.inlineRecordsMax,
      smoke: LIMITS.inlineRecordsMax,
      min: 0,
      max: LIMITS.batchRecordsMax,
    },
  },
  async run({ values, progress }) {
    const rig = await openSharePath(values.connections, values.inlineRecordsMax);
    const naive = new NaivePath();
    const grinder = new ShareGrinder();
    const engineNs: number[] = [];
    const naiveNs: number[] = [];
    const work = createHash('sha256');
    try {
      for (let number = 0; number < values.rounds; number++) {
        const template = networkNeverMet(number);
        const jobId = await rig.giveJob(template);
        const jobLine = naive.giveJob(jobId, template);
        for (const socket of rig.sockets) socket.reading = false;
        const round = linesOf(rig, grinder, jobId, jobLine, values.depth, number);
        for (const chunk of round.chunks) work.update(chunk);
        const sides = [
          async () => engineNs.push(await playEngine(rig, round)),
          async () => {
            const startedNs = nowNs();
            const accepted = naive.take(round.chunks, rig.sockets);
            naiveNs.push((nowNs() - startedNs) / round.shares);
            if (accepted !== round.shares) throw new Error(`naive accepted ${accepted} of ${round.shares}`);
          },
        ];
        for (const side of number % 2 === 0 ? sides : sides.toReversed()) await side();
        progress(
          number + 1,
          values.rounds,
          `${engineNs.at(-1)!.toFixed(0)} ns a share, naive ${naiveNs.at(-1)!.toFixed(0)}`,
        );
      }
    } finally {
      await rig.close();
    }
    return {
      measures: [
        { name: 'engine.ns_per_share', unit: 'ns', better: 'lower', values: engineNs },
        { name: 'naive.ns_per_share', unit: 'ns', better: 'lower', values: naiveNs },
        {
          name: 'ratio.ns_per_share',
          unit: '',
          better: 'higher',
          values: naiveNs.map((ns, round) => ns / engineNs[round]!),
        },
      ],
      distributions: [],
      checksum: work.digest('hex').slice(0, 16),
      invalid: [],
      notes: ['No system call is in these figures: see durable-submit for the whole.'],
    };
  },
});
