/**
 * What is timed of ours is what a validator does: write the record's bytes, call, read the verdict byte. `thread` is the
 * same through workers/kernels, which copies records in and out of an arena and looks after the templates.
 */
import { createRequire } from 'node:module';
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
import { defineCase, type Measure } from '../../lib/bench-case.ts';
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
  return { name: 'sdk', batch: 1, run, nsPerNonce: [] };
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
    name: 'thread',
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

function play(columns: readonly Column[], rounds: number, onRound: (round: number) => void): void {
  const warmUpRounds = 3;
  let first = 0n;
  for (let round = -warmUpRounds; round < rounds; round++) {
    for (const column of columns) {
      const elapsedNs = timedAtDepth((round + warmUpRounds) % DEPTHS, column, first);
      if (round >= 0) column.nsPerNonce.push(elapsedNs / NONCES_PER_ROUND);
    }
    first += BigInt(NONCES_PER_ROUND);
    onRound(round + warmUpRounds + 1);
  }
}

/** Of every column that the filter leaves; the SDK is always measured, since it is what the others are compared with. */
function measuresOf(columns: readonly Column[], sdk: Column): Measure[] {
  const ours = columns.filter((column) => column !== sdk);
  const timesSdk = (column: Column): number[] =>
    column.nsPerNonce.map((ns, round) => sdk.nsPerNonce[round]! / ns);
  const kernelOf = (batch: number): Column | undefined =>
    ours.find((column) => column.name === 'kernel' && column.batch === batch);
  const ratios = [
    { name: 'ratio.batch_64', column: kernelOf(64) },
    { name: 'ratio.lone', column: kernelOf(1) },
  ];
  return [
    { name: 'sdk.ns_per_nonce', unit: 'ns', better: 'lower', values: sdk.nsPerNonce },
    ...ours.map(({ name, batch, nsPerNonce }) => ({
      name: `${name}.ns_per_nonce_batch_${batch}`,
      unit: 'ns',
      better: 'lower' as const,
      values: nsPerNonce,
    })),
    ...ratios.flatMap(({ name, column }) =>
      column === undefined ? [] : [{ name, unit: '', better: 'higher' as const, values: timesSdk(column) }],
    ),
  ];
}

export default defineCase({
  kind: 'micro',
  title: 'ns per nonce by batch size, against `checkWork` of the official SDK, and whether the two agree',
  parameters: {
    rounds: { unit: '', text: 'of 4096 nonces each', real: 31, smoke: 2, min: 1 },
    agreement: { unit: '', text: 'random nonces compared, 0 = none', real: 1_000_000, smoke: 2_000, min: 0 },
  },
  async run({ values, filter, seed, progress }) {
    const sdk = sdkColumn();
    const ours = [...kernelColumns(), ...threadColumns()].filter(
      ({ name, batch }) => filter?.test(`${name} ${batch}`) ?? true,
    );
    // The SDK counts blocks only, ours shares too; all of ours must accept the same number.
    const accepted = new Set(ours.map((column) => column.run(0n)));
    if (accepted.size > 1) throw new Error('batch sizes disagree on the same nonces');
    const columns = [sdk, ...ours];
    const total = values.rounds + 4;
    play(columns, values.rounds, (done) => progress(done, total, 'in turns'));
    const measures = measuresOf(columns, sdk);
    const invalid: string[] = [];
    if (values.agreement > 0) {
      progress(total - 1, total, `comparing ${values.agreement} nonces`);
      const { pairs, headers, mismatches, examples } = countMismatches(
        values.agreement,
        2_000,
        `bench ${seed}`,
      );
      measures.push({ name: 'agreement.mismatches', unit: '', better: 'lower', values: [mismatches] });
      measures.push({ name: 'agreement.nonces', unit: '', better: 'neither', values: [pairs] });
      measures.push({ name: 'agreement.headers', unit: '', better: 'neither', values: [headers] });
      if (mismatches > 0) invalid.push(`kernel and SDK disagree, as on ${examples.join(', ')}`);
    }
    return {
      measures,
      distributions: [],
      checksum: `accepted ${[...accepted].join()} of ${NONCES_PER_ROUND}`,
      invalid,
      notes: [],
    };
  },
});
