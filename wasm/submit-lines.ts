/**
 * The line matcher: a buffer that sockets are read into, and a call that compares a line in it with the shapes of submissions. The
 * source says what a shape is and how strict the comparison. One instance to a thread: all of its connections read into one buffer,
 * and the shapes in it are those of one scanner at a time.
 */
import { projectPath } from '../src/kit/project-root.ts';
import { instantiate } from './artefact.ts';

const ARTEFACT = 'submit-lines.wasm';

/** The module's exports, as `submit-lines/index.ts` has them. */
interface ModuleExports {
  readonly memory: WebAssembly.Memory;
  readonly input: WebAssembly.Global;
  readonly shapes: WebAssembly.Global;
  readonly found: WebAssembly.Global;
  readonly INPUT_BYTES: WebAssembly.Global;
  readonly SHAPES: WebAssembly.Global;
  readonly PARTS: WebAssembly.Global;
  readonly PART_BYTES: WebAssembly.Global;
  readonly SHAPE_PARTS: WebAssembly.Global;
  readonly SHAPE_BYTES: WebAssembly.Global;
  match(start: number, end: number, count: number): number;
  find(byte: number, start: number, end: number): number;
}

/** Views of the input are kept for the lengths that submissions have: a new one costs more than comparing the line. */
const VIEWS_MAX = 2_048;

/** Words of `found`. */
export const FoundWord = {
  JobId: 0,
  NonceHigh: 1,
  NonceLow: 2,
  NonceDigits: 3,
  LoginStart: 4,
  LoginEnd: 5,
  LoginMark: 6,
} as const;

export class SubmitLines {
  /** 64 KiB. What is read from sockets lies here, and nowhere else can lines be compared. */
  readonly input: Buffer;
  /** What was read last: the only chunk of which `find` can be asked. */
  chunk: Buffer | undefined;
  /** What the last match found, by FoundWord; the login by its offsets into `input`. */
  readonly found: Uint32Array;
  /** Whose shapes these are. */
  owner: object | undefined;
  readonly #module: ModuleExports;
  readonly #views: (Buffer | undefined)[] = new Array(VIEWS_MAX);
  #count = 0;

  constructor(folder: string = projectPath('wasm')) {
    const module = (this.#module = instantiate(folder, ARTEFACT) as ModuleExports);
    const { buffer } = module.memory;
    this.input = Buffer.from(buffer, module.input.value, module.INPUT_BYTES.value);
    this.found = new Uint32Array(buffer, module.found.value, Object.keys(FoundWord).length);
  }

  /** So many bytes were read into the input. */
  read(length: number): Buffer {
    this.chunk =
      length < VIEWS_MAX
        ? (this.#views[length] ??= this.input.subarray(0, length))
        : this.input.subarray(0, length);
    return this.chunk;
  }

  /** As `chunk.indexOf(byte, start)`, at a quarter of the price. */
  find(byte: number, start: number): number {
    return this.#module.find(byte, start, this.chunk!.length);
  }

  /** Forgets all shapes: they are this scanner's from now on. */
  begin(owner: object): void {
    this.owner = owner;
    this.#count = 0;
  }

  /**
   * Takes the fixed bytes of a shape: before the id, the login, the job and the nonce, and behind it. False: too long, or there are
   * too many; such lines are compared elsewhere.
   */
  add(parts: readonly Uint8Array[]): boolean {
    const { memory, shapes, SHAPES, PARTS, PART_BYTES, SHAPE_PARTS, SHAPE_BYTES } = this.#module;
    const partBytes = PART_BYTES.value;
    if (this.#count === SHAPES.value || parts.length !== PARTS.value) return false;
    if (parts.some((part) => part.length > partBytes)) return false;
    const at = shapes.value + this.#count * SHAPE_BYTES.value;
    const bytes = new Uint8Array(memory.buffer, at, SHAPE_BYTES.value).fill(0);
    const lengths = new Uint32Array(memory.buffer, at, parts.length);
    for (const [index, part] of parts.entries()) {
      lengths[index] = part.length;
      const place = SHAPE_PARTS.value + index * 2 * partBytes;
      bytes.set(part, place);
      bytes.fill(0xff, place + partBytes, place + partBytes + part.length);
    }
    this.#count++;
    return true;
  }

  /** @returns the request id of the line at input[start..end), or -1 when it has no shape that is known here */
  match(start: number, end: number): number {
    return this.#module.match(start, end, this.#count);
  }
}

let ofThread: SubmitLines | undefined;

/** This thread's. */
export function submitLines(): SubmitLines {
  return (ofThread ??= new SubmitLines());
}
