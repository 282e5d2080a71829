/** What `baseline/naive-server` does to a chunk of lines, without its sockets: the same steps in the same order. */
import { createRequire } from 'node:module';
import type { Template } from '../../src/domain/job.ts';
import type { CountingSocket } from './share-path-rig.ts';

interface SdkPow {
  checkWork(nonce: bigint): [boolean, bigint];
}
interface NaiveJob {
  readonly pow: SdkPow;
  readonly nonces: Set<string>;
}

const EASIEST_TARGET = 1n << 255n;
const NETWORK_BITS = 0x19168dec;

const { PoW } = createRequire(import.meta.url)('kaspa-wasm') as {
  PoW: { fromRaw(hash: string, timestampMs: bigint, bits: number): SdkPow };
};

export class NaivePath {
  readonly #jobs = new Map<string, NaiveJob>();
  readonly #stats = new Map<string, { accepted: number; difficulty: number; lastShareAt: Date }>();

  /** Returns the job as a line of the wire. */
  giveJob(jobId: number, { prePowHash, timestampMs }: Template): string {
    const hash = Buffer.from(prePowHash).toString('hex');
    this.#jobs.set(String(jobId), { pow: PoW.fromRaw(hash, timestampMs, NETWORK_BITS), nonces: new Set() });
    const timestamp = Buffer.alloc(8);
    timestamp.writeBigUInt64LE(timestampMs);
    const params = [String(jobId), hash + timestamp.toString('hex')];
    return JSON.stringify({ id: null, jsonrpc: '2.0', method: 'mining.notify', params });
  }

  /** Returns how many were accepted. */
  take(chunks: readonly Buffer[], sockets: readonly CountingSocket[]): number {
    let accepted = 0;
    for (const [index, chunk] of chunks.entries()) {
      for (const line of chunk.toString('utf8').split('\n')) {
        if (line.trim() !== '' && this.#submit(line, sockets[index]!)) accepted++;
      }
    }
    return accepted;
  }

  #submit(line: string, socket: CountingSocket): boolean {
    const request = JSON.parse(line) as { id: number; params: string[] };
    const [worker, jobId, nonceText] = request.params;
    const job = this.#jobs.get(jobId!);
    const nonce = nonceText!.replace('0x', '').toLowerCase();
    if (job === undefined || job.nonces.has(nonce)) return false;
    job.nonces.add(nonce);
    const [, value] = job.pow.checkWork(BigInt(`0x${nonce}`));
    if (value > EASIEST_TARGET) return false;
    const record = this.#stats.get(worker!) ?? { accepted: 0, difficulty: 0, lastShareAt: new Date() };
    record.accepted++;
    record.difficulty += 1;
    record.lastShareAt = new Date();
    this.#stats.set(worker!, record);
    socket.write(`${JSON.stringify({ id: request.id, result: true, error: null })}\n`);
    return true;
  }
}
