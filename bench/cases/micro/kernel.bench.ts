/**
 * Nonces per second of one core: our kernel against `checkWork` of the official SDK, in one process, in turns.
 *
 *   node dist/bench/cases/micro/kernel.bench.js [--rounds 21] [--json] [--agreement 1000000]
 *
 * What is timed of ours is what a validator does: write the record's bytes, call, read the verdict byte. `threads` is the
 * same through workers/kernels, which copies records in and out of an arena and looks after the templates.
 */
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { targetOfBits, targetToLeBytes } from '../../../src/domain/target.ts';
import {
  OFFSET_DIFFICULTY_LOG2,
  OFFSET_NONCE,
  OFFSET_TEMPLATE_SEQUENCE,
  OFFSET_TEMPLATE_SLOT,
  OFFSET_VERDICT,
  RECORD_BYTES,
  TEMPLATE_BYTES,
  TEMPLATE_OFFSET_PRE_POW,
  TEMPLATE_OFFSET_SEQUENCE,
  TEMPLATE_OFFSET_TARGET,
  TEMPLATE_OFFSET_TIMESTAMP,
} from '../../../src/validation/batch-layout.ts';
import { loadKernel } from '../../../wasm/load.ts';
import { createKaspaNonceKernel } from '../../../workers/kernels/kaspa-nonce.ts';
import { countMismatches } from '../../lib/kernel-agreement.ts';

const BATCHES = [1, 16, 64, 256, 1024] as const;
/** Per round and column: some 2 ms of ours and 20 ms of the SDK's, short enough that both see the same machine. */
const NONCES_PER_ROUND = 4096;
/** Frames of some 150 bytes: together about one page, after which places repeat. */
const DEPTHS = 27;
const PRE_POW_HASH = Buffer.from('f8a14d381ea0ba5b0c169e8a41c222bce2fa42f4631d9fe4d226456006d7ea3d', 'hex');
const TIMESTAMP_MS = 1633687894966n;
const BITS = 0x1e7fffff;
const SEQUENCE = 1;
const DIFFICULTY_LOG2 = -20;

interface Column {
  readonly name: string;
  readonly batch: number;
  /** Judges NONCES_PER_ROUND nonces from `first`; returns how many were accepted, so that nothing can be left out. */
  readonly run: (first: bigint) => number;
  readonly nsPerNonce: number[];
}

interface Row {
  readonly name: string;
  readonly batch: number;
  readonly nsPerNonce: number;
  readonly nsMin: number;
  /** Median over the rounds of (SDK in this round / this in this round). */
  readonly timesSdk: number;
}

function sdkColumn(): Column {
  const sdk = createRequire(import.meta.url)('kaspa-wasm') as {
    PoW: {
      fromRaw(
        hash: string,
        timestampMs: bigint,
        bits: number,
      ): { checkWork(nonce: bigint): [boolean, bigint] };
    };
  };
  const pow = sdk.PoW.fromRaw(PRE_POW_HASH.toString('hex'), TIMESTAMP_MS, BITS);
  const run = (first: bigint): number => {
    let accepted = 0;
    for (let i = 0; i < NONCES_PER_ROUND; i++) if (pow.checkWork(first + BigInt(i))[0]) accepted++;
    return accepted;
  };
  return { name: 'SDK checkWork', batch: 1, run, nsPerNonce: [] };
}

/** Fills, judges and reads NONCES_PER_ROUND records in batches. */
function batched(records: Uint8Array, batch: number, judge: (count: number) => void): Column['run'] {
  const view = new DataView(records.buffer, records.byteOffset, records.length);
  return (first) => {
    let accepted = 0;
    for (let done = 0; done < NONCES_PER_ROUND; done += batch) {
      for (let i = 0, at = 0; i < batch; i++, at += RECORD_BYTES) {
        view.setBigUint64(at + OFFSET_NONCE, first + BigInt(done + i), true);
        view.setUint32(at + OFFSET_TEMPLATE_SLOT, 0, true);
        view.setUint32(at + OFFSET_TEMPLATE_SEQUENCE, SEQUENCE, true);
        view.setInt8(at + OFFSET_DIFFICULTY_LOG2, DIFFICULTY_LOG2);
      }
      judge(batch);
      for (let i = 0, at = OFFSET_VERDICT; i < batch; i++, at += RECORD_BYTES) {
        if (view.getUint8(at) !== 0) accepted++;
      }
    }
    return accepted;
  };
}

function kernelColumns(): Column[] {
  const kernel = loadKernel();
  kernel.prepare(0, SEQUENCE, PRE_POW_HASH, TIMESTAMP_MS, targetToLeBytes(targetOfBits(BITS)));
  return BATCHES.map((batch) => ({
    name: 'kernel',
    batch,
    run: batched(kernel.records, batch, (count) => kernel.judge(count)),
    nsPerNonce: [],
  }));
}

function threadColumns(): Column[] {
  const templates = new Uint8Array(new SharedArrayBuffer(256 * TEMPLATE_BYTES));
  const view = new DataView(templates.buffer);
  templates.set(PRE_POW_HASH, TEMPLATE_OFFSET_PRE_POW);
  templates.set(targetToLeBytes(targetOfBits(BITS)), TEMPLATE_OFFSET_TARGET);
  view.setBigUint64(TEMPLATE_OFFSET_TIMESTAMP, TIMESTAMP_MS, true);
  view.setUint32(TEMPLATE_OFFSET_SEQUENCE, SEQUENCE, true);
  const records = new Uint8Array(new SharedArrayBuffer(1024 * RECORD_BYTES));
  const kernel = createKaspaNonceKernel(templates);
  return BATCHES.map((batch) => ({
    name: 'threads',
    batch,
    run: batched(records, batch, (count) => kernel.judge(records, count)),
    nsPerNonce: [],
  }));
}

/**
 * Keccak has more lanes than there are registers, so some live on the stack; where the stack happens to lie modulo 4 KiB decides
 * whether their stores are mistaken for those of other data. On an AMD EPYC one place in twelve or so costs 10 to 50 %.
 * A process stays in its place, so a bench at one depth would report luck: each round runs at another one.
 */
function timedAtDepth(depth: number, column: Column, first: bigint): number {
  if (depth > 0) return timedAtDepth(depth - 1, column, first) + 0;
  const startedNs = process.hrtime.bigint();
  column.run(first);
  return Number(process.hrtime.bigint() - startedNs);
}

function measure(columns: readonly Column[], rounds: number): void {
  const warmUpRounds = 3;
  let first = 0n;
  for (let round = -warmUpRounds; round < rounds; round++) {
    for (const column of columns) {
      const elapsedNs = timedAtDepth((round + warmUpRounds) % DEPTHS, column, first);
      if (round >= 0) column.nsPerNonce.push(elapsedNs / NONCES_PER_ROUND);
    }
    first += BigInt(NONCES_PER_ROUND);
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

function rowOf(column: Column, sdk: Column): Row {
  return {
    name: column.name,
    batch: column.batch,
    nsPerNonce: median(column.nsPerNonce),
    nsMin: Math.min(...column.nsPerNonce),
    timesSdk: median(column.nsPerNonce.map((ns, round) => sdk.nsPerNonce[round]! / ns)),
  };
}

function print(rows: readonly Row[], rounds: number): void {
  console.log(
    `ns per nonce, ${rounds} rounds of ${NONCES_PER_ROUND} in turns, Node ${process.versions.node}`,
  );
  console.log(
    `${'what'.padEnd(16)}${'batch'.padStart(6)}${'median'.padStart(9)}${'min'.padStart(9)}   x SDK`,
  );
  for (const row of rows) {
    const numbers = `${row.nsPerNonce.toFixed(0).padStart(9)}${row.nsMin.toFixed(0).padStart(9)}`;
    const ratio = row.timesSdk.toFixed(2).padStart(8);
    console.log(`${row.name.padEnd(16)}${String(row.batch).padStart(6)}${numbers}${ratio}`);
  }
}

function wholeNumber(name: string, text: string, min: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < min) {
    console.error(`--${name} takes a whole number from ${min}, not "${text}"`);
    process.exit(2);
  }
  return value;
}

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '21' },
    json: { type: 'boolean', default: false },
    agreement: { type: 'string', default: '0' },
    seed: { type: 'string', default: 'bench' },
  },
});
const rounds = wholeNumber('rounds', options.rounds, 1);
const pairs = wholeNumber('agreement', options.agreement, 0);

const sdk = sdkColumn();
const columns = [sdk, ...kernelColumns(), ...threadColumns()];
const counts = new Set(columns.map((column) => column.name !== sdk.name && column.run(0n)));
// The SDK counts blocks only, ours shares too; all of ours must accept the same number.
counts.delete(false);
if (counts.size !== 1) throw new Error('the columns disagree on the same nonces');
measure(columns, rounds);
const rows = columns.map((column) => rowOf(column, sdk));
const agreement = pairs > 0 ? countMismatches(pairs, 2_000, options.seed) : undefined;

if (options.json) {
  console.log(JSON.stringify({ rounds, noncesPerRound: NONCES_PER_ROUND, rows, agreement }));
} else {
  print(rows, rounds);
  if (agreement) {
    const { pairs: compared, headers, mismatches, examples } = agreement;
    console.log(`agreement: ${compared} pairs over ${headers} headers, ${mismatches} mismatches`);
    for (const example of examples) console.log(`  ${example}`);
  }
}
if (agreement && agreement.mismatches > 0) process.exitCode = 1;
