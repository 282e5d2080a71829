/**
 * The kHeavyHash kernel as the engine sees it. In: prepared templates and records, as bytes. Out: a verdict and the upper half
 * of the proof-of-work value, written into the same records. It must never run an artefact whose checksum differs, never
 * hand an all-zero hash to the matrix generator, and never grow its memory (every view below was made once).
 *
 * One instance belongs to one thread. It keeps 4.2 MB: 256 templates of 16 KiB tables each.
 */
import { projectPath } from '../src/kit/project-root.ts';
import { instantiate } from './artefact.ts';

const ARTEFACT = 'heavyhash.wasm';
const HASH_BYTES = 32;
const MATRIX_BYTES = 64 * 64;
const SEQUENCE_MAX = 0xffff_ffff;

export interface HeavyHashKernel {
  readonly recordCapacity: number;
  readonly templateSlots: number;
  /** recordCapacity records of 64 bytes in the kernel's own memory; the layout is that of the validation room. */
  readonly records: Uint8Array;
  /**
   * Makes `slot` judge by this work from now on. Throws RangeError on an all-zero hash (the matrix generator would draw
   * singular matrices for ever) and on a slot or sequence that does not exist. Some 25 us.
   */
  prepare(
    slot: number,
    sequence: number,
    prePowHash: Uint8Array,
    timestampMs: bigint,
    networkTargetLe: Uint8Array,
  ): void;
  /** Records of this slot are answered "unprepared" until it is prepared again. */
  forget(slot: number): void;
  /** 0 = none. */
  preparedSequence(slot: number): number;
  /**
   * Judges records[0..count): reads nonce, slot, sequence and difficulty, writes the verdict (0 low, 1 share, 2 block,
   * 255 unprepared) and, unless unprepared, powTop. A hash that meets the network target is a block even if it misses the
   * share target.
   */
  judge(count: number): void;
  /** The whole value, as 32 little-endian bytes. For tools and tests. */
  powOf(slot: number, nonce: bigint): Uint8Array;
}

/** Single steps of the algorithm, which the published vectors speak of. Not for the engine. */
export interface HeavyHashSteps {
  readonly kernel: HeavyHashKernel;
  readonly layout: RecordLayout;
  /** First hash (A) of a prepared slot. */
  firstHashOf(slot: number, nonce: bigint): Uint8Array;
  /** Matrix step and second hash of A with this matrix, given as 64 rows of 64 nibbles, a byte each. Spoils slot 0. */
  heavyHash(matrix: Uint8Array, firstHash: Uint8Array): Uint8Array;
  rankOf(matrix: Uint8Array): number;
  /** For values that no known nonce has: the exact bounds. Both numbers as 32 little-endian bytes. */
  verdictOf(pow: Uint8Array, networkTargetLe: Uint8Array, difficultyLog2: number): number;
  /** The matrix of the latest `prepare`. */
  preparedMatrix(): Uint8Array;
  /** What the generator would have drawn after it, had that one been singular. */
  nextMatrix(): Uint8Array;
}

/** Where the module thinks that a record's fields lie. */
export interface RecordLayout {
  readonly recordBytes: number;
  readonly nonce: number;
  readonly slot: number;
  readonly sequence: number;
  readonly difficultyLog2: number;
  readonly verdict: number;
  readonly powTop: number;
}

/** The module's exports, as `heavyhash/index.ts` has them. Addresses and constants are globals. */
interface ModuleExports {
  readonly memory: WebAssembly.Memory;
  readonly records: WebAssembly.Global;
  readonly exchange: WebAssembly.Global;
  readonly matrix: WebAssembly.Global;
  readonly RECORD_CAPACITY: WebAssembly.Global;
  readonly RECORD_BYTES: WebAssembly.Global;
  readonly RECORD_NONCE: WebAssembly.Global;
  readonly RECORD_SLOT: WebAssembly.Global;
  readonly RECORD_SEQUENCE: WebAssembly.Global;
  readonly RECORD_DIFFICULTY_LOG2: WebAssembly.Global;
  readonly RECORD_VERDICT: WebAssembly.Global;
  readonly RECORD_POW_TOP: WebAssembly.Global;
  readonly TEMPLATE_SLOTS: WebAssembly.Global;
  init(): void;
  prepare(slot: number, sequence: number, timestamp: bigint): void;
  forget(slot: number): void;
  preparedSequence(slot: number): number;
  judge(count: number): void;
  powOf(slot: number, nonce: bigint): void;
  firstHashOf(slot: number, nonce: bigint): void;
  heavyHash(): void;
  rankOfMatrix(): number;
  verdictOf(difficultyLog2: number): number;
  drawMatrix(): void;
}

/** `folder` holds the artefact and its checksum; tests name another one. Synchronous: a thread has nothing to do before it. */
export function loadKernel(folder: string = projectPath('wasm')): HeavyHashKernel {
  return new WasmKernel(loaded(folder));
}

export function loadKernelSteps(folder: string = projectPath('wasm')): HeavyHashSteps {
  const module = loaded(folder);
  const exchange = viewOf(module, module.exchange, 2 * HASH_BYTES);
  const matrix = viewOf(module, module.matrix, MATRIX_BYTES);
  const setMatrix = (rows: Uint8Array): void => {
    requireBytes('matrix', rows, MATRIX_BYTES);
    matrix.set(rows);
  };
  return {
    kernel: new WasmKernel(module),
    layout: {
      recordBytes: module.RECORD_BYTES.value,
      nonce: module.RECORD_NONCE.value,
      slot: module.RECORD_SLOT.value,
      sequence: module.RECORD_SEQUENCE.value,
      difficultyLog2: module.RECORD_DIFFICULTY_LOG2.value,
      verdict: module.RECORD_VERDICT.value,
      powTop: module.RECORD_POW_TOP.value,
    },
    firstHashOf: (slot, nonce) => {
      module.firstHashOf(slot, nonce);
      return exchange.slice(0, HASH_BYTES);
    },
    heavyHash: (rows, firstHash) => {
      setMatrix(rows);
      requireBytes('hash', firstHash, HASH_BYTES);
      exchange.set(firstHash);
      module.heavyHash();
      return exchange.slice(0, HASH_BYTES);
    },
    rankOf: (rows) => {
      setMatrix(rows);
      return module.rankOfMatrix();
    },
    verdictOf: (pow, networkTargetLe, difficultyLog2) => {
      requireBytes('pow', pow, HASH_BYTES);
      requireBytes('network target', networkTargetLe, HASH_BYTES);
      exchange.set(pow);
      exchange.set(networkTargetLe, HASH_BYTES);
      return module.verdictOf(difficultyLog2);
    },
    preparedMatrix: () => matrix.slice(),
    nextMatrix: () => {
      module.drawMatrix();
      return matrix.slice();
    },
  };
}

class WasmKernel implements HeavyHashKernel {
  readonly recordCapacity: number;
  readonly templateSlots: number;
  readonly records: Uint8Array;
  readonly #module: ModuleExports;
  readonly #exchange: Uint8Array;

  constructor(module: ModuleExports) {
    this.#module = module;
    this.recordCapacity = module.RECORD_CAPACITY.value;
    this.templateSlots = module.TEMPLATE_SLOTS.value;
    this.records = viewOf(module, module.records, this.recordCapacity * module.RECORD_BYTES.value);
    this.#exchange = viewOf(module, module.exchange, 2 * HASH_BYTES);
  }

  prepare(
    slot: number,
    sequence: number,
    prePowHash: Uint8Array,
    timestampMs: bigint,
    networkTargetLe: Uint8Array,
  ): void {
    this.#requireSlot(slot);
    if (!Number.isInteger(sequence) || sequence < 1 || sequence > SEQUENCE_MAX) {
      throw new RangeError(`template sequence ${sequence} is not in 1..${SEQUENCE_MAX}`);
    }
    requireBytes('pre-PoW hash', prePowHash, HASH_BYTES);
    requireBytes('network target', networkTargetLe, HASH_BYTES);
    if (prePowHash.every((byte) => byte === 0)) {
      throw new RangeError('an all-zero pre-PoW hash has no matrix of full rank');
    }
    this.#exchange.set(prePowHash);
    this.#exchange.set(networkTargetLe, HASH_BYTES);
    this.#module.prepare(slot, sequence, timestampMs);
  }

  forget(slot: number): void {
    this.#requireSlot(slot);
    this.#module.forget(slot);
  }

  preparedSequence(slot: number): number {
    this.#requireSlot(slot);
    // The module speaks of signed 32-bit numbers.
    return this.#module.preparedSequence(slot) >>> 0;
  }

  judge(count: number): void {
    // One comparison covers fractions, negatives and NaN too: this is on the path of a lone share.
    if (count >>> 0 !== count || count > this.recordCapacity) {
      throw new RangeError(`cannot judge ${count} records, the kernel holds ${this.recordCapacity}`);
    }
    this.#module.judge(count);
  }

  powOf(slot: number, nonce: bigint): Uint8Array {
    if (this.preparedSequence(slot) === 0) throw new RangeError(`template slot ${slot} is not prepared`);
    this.#module.powOf(slot, nonce);
    return this.#exchange.slice(0, HASH_BYTES);
  }

  #requireSlot(slot: number): void {
    if (slot >>> 0 !== slot || slot >= this.templateSlots) {
      throw new RangeError(`template slot ${slot} is not in 0..${this.templateSlots - 1}`);
    }
  }
}

function requireBytes(what: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw new RangeError(`${what}: expected ${length} bytes, got ${bytes.length}`);
}

function viewOf(module: ModuleExports, address: WebAssembly.Global, bytes: number): Uint8Array {
  return new Uint8Array(module.memory.buffer, address.value, bytes);
}

function loaded(folder: string): ModuleExports {
  const module = instantiate(folder, ARTEFACT) as ModuleExports;
  module.init();
  return module;
}
