// kHeavyHash in batches. In: records and prepared templates in this module's own memory. Out: a verdict byte and the upper half
// of the proof-of-work value in each record. It imports nothing, allocates nothing and holds no state but its memory; it
// never judges a record against another template than the one that the record names.
//
//   record --> nonce --> [ first cSHAKE ] --> A --> [ matrix ] --> p xor A --> [ second cSHAKE ] --> pow --> verdict
//
// Two nonces go through each permutation side by side. They may belong to different templates, so nobody has to sort.
import { permute } from './keccak';
import {
  exchange, firstDigest, firstState, matrix, products, RECORD_BYTES, RECORD_CAPACITY, RECORD_DIFFICULTY_LOG2, RECORD_NONCE,
  RECORD_POW_TOP, RECORD_SEQUENCE, RECORD_SLOT, RECORD_VERDICT, records, secondDigest, secondState, TEMPLATE_LANES,
  TEMPLATE_SEQUENCE, TEMPLATE_SLOTS, TEMPLATE_TARGET, templateAt,
} from './layout';
import { buildTables, draw, multiply, rank, seed } from './matrix';

export {
  exchange, matrix, RECORD_BYTES, RECORD_CAPACITY, RECORD_DIFFICULTY_LOG2, RECORD_NONCE, RECORD_POW_TOP, RECORD_SEQUENCE,
  RECORD_SLOT, RECORD_VERDICT, records, TEMPLATE_SLOTS,
} from './layout';

const VERDICT_LOW: u8 = 0;
const VERDICT_SHARE: u8 = 1;
const VERDICT_BLOCK: u8 = 2;
const VERDICT_UNPREPARED: u8 = 255;

// The state after absorbing the prefix block of cSHAKE256("", "ProofOfWorkHash"), with the padding of an 80 byte message.
const FIRST_START: usize = memory.data<u64>([
  1242148031264380989, 3008272977830772284, 2188519011337848018, 1992179434288343456, 8876506674959887717,
  5399642050693751366, 1745875063082670864, 8605242046444978844, 17936695144567157056, 3343109343542796272,
  1123092876221303306, 4963925045340115282, 17037383077651887893, 16629644495023626889, 12833675776649114147,
  3784524041015224902, 1082795874807940378, 13952716920571277634, 13411128033953605860, 15060696040649351053,
  9928834659948351306, 5237849264682708699, 12825353012139217522, 6706187291358897596, 196324915476054915,
]);
/** Lane of the nonce; lanes 0..3 take the pre-PoW hash, lane 4 the timestamp, 5..8 are zero bytes. */
const NONCE_LANE: i32 = 9;

// The same of cSHAKE256("", "HeavyHash") for a 32 byte message.
const SECOND_START: usize = memory.data<u64>([
  4239941492252378377, 8746723911537738262, 8796936657246353646, 1272090201925444760, 16654558671554924250,
  8270816933120786537, 13907396207649043898, 6782861118970774626, 9239690602118867528, 11582319943599406348,
  17596056728278508070, 15212962468105129023, 7812475424661425213, 3370482334374859748, 5690099369266491460,
  8596393687355028144, 570094237299545110, 9119540418498120711, 16901969272480492857, 13372017233735502424,
  14372891883993151831, 5171152063242093102, 10573107899694386186, 6096431547456407061, 1592359455985097269,
]);

/** Once per instance, before anything else: the lanes that no nonce changes stay in the states from then on. */
export function init(): void {
  for (let lane = 0; lane < 25; lane++) {
    v128.store(firstState + (lane << 4), v128.load_splat<u64>(FIRST_START + (lane << 3)));
    v128.store(secondState + (lane << 4), v128.load_splat<u64>(SECOND_START + (lane << 3)));
  }
}

/** Takes the hash (not all zero) and the target from `exchange`. A singular matrix is drawn again from the same generator. */
export function prepare(slot: i32, sequence: u32, timestamp: u64): void {
  const template = templateAt(slot);
  seed(exchange);
  do draw();
  while (rank() != 64);
  buildTables(template);
  for (let lane = 0; lane < 4; lane++) {
    const at: usize = <usize>(lane << 3);
    store<u64>(template + TEMPLATE_LANES + at, load<u64>(FIRST_START + at) ^ load<u64>(exchange + at));
    store<u64>(template + TEMPLATE_TARGET + at, load<u64>(exchange + 32 + at));
  }
  store<u64>(template + TEMPLATE_LANES + 32, load<u64>(FIRST_START + 32) ^ timestamp);
  store<u32>(template, sequence, TEMPLATE_SEQUENCE);
}

/** From now on records of this slot are answered "unprepared". */
export function forget(slot: i32): void {
  store<u32>(templateAt(slot), 0, TEMPLATE_SEQUENCE);
}

export function preparedSequence(slot: i32): u32 {
  return load<u32>(templateAt(slot), TEMPLATE_SEQUENCE);
}

// @ts-ignore: decorator
@inline function absorbLane(left: usize, right: usize, lane: usize): void {
  const low = v128.load_zero<u64>(left + lane * 8, TEMPLATE_LANES);
  v128.store(firstState + lane * 16, v128.load_lane<u64>(right + lane * 8, low, 1, TEMPLATE_LANES));
}

// @ts-ignore: decorator
@inline function absorbProducts(lane: usize, product: v128): void {
  const start = v128.load_splat<u64>(SECOND_START + lane * 8);
  v128.store(secondState + lane * 16, v128.xor(v128.xor(product, start), v128.load(firstDigest + lane * 16)));
}

/** A of both nonces, to `firstDigest`. */
function hashFirst(left: usize, right: usize, leftNonce: u64, rightNonce: u64): void {
  absorbLane(left, right, 0);
  absorbLane(left, right, 1);
  absorbLane(left, right, 2);
  absorbLane(left, right, 3);
  absorbLane(left, right, 4);
  const nonces = i64x2.replace_lane(i64x2.splat(leftNonce), 1, rightNonce);
  v128.store(firstState + NONCE_LANE * 16, v128.xor(nonces, v128.load_splat<u64>(FIRST_START + NONCE_LANE * 8)));
  permute(firstState, firstDigest);
}

/** pow of both, to `secondDigest`, from `firstDigest` and the products at `l` and `r`. */
function hashSecond(l: usize, r: usize): void {
  const left01 = v128.load(l);
  const left23 = v128.load(l, 16);
  const right01 = v128.load(r);
  const right23 = v128.load(r, 16);
  absorbProducts(0, v128.shuffle<u64>(left01, right01, 0, 2));
  absorbProducts(1, v128.shuffle<u64>(left01, right01, 1, 3));
  absorbProducts(2, v128.shuffle<u64>(left23, right23, 0, 2));
  absorbProducts(3, v128.shuffle<u64>(left23, right23, 1, 3));
  permute(secondState, secondDigest);
}

/** pow <= 2^exponent; words most significant first. */
function meetsPowerOfTwo(w3: u64, w2: u64, w1: u64, w0: u64, exponent: i32): bool {
  if (exponent >= 256) return true;
  const bound: u64 = (<u64>1) << (exponent & 63);
  const word = exponent >> 6;
  if (word == 3) return w3 < bound || (w3 == bound && (w2 | w1 | w0) == 0);
  if (w3 != 0) return false;
  if (word == 2) return w2 < bound || (w2 == bound && (w1 | w0) == 0);
  if (w2 != 0) return false;
  return w1 < bound || (w1 == bound && w0 == 0);
}

/** pow <= the 256-bit number at `target`. */
function meetsTarget(w3: u64, w2: u64, w1: u64, w0: u64, target: usize): bool {
  const t3 = load<u64>(target, 24);
  if (w3 != t3) return w3 < t3;
  const t2 = load<u64>(target, 16);
  if (w2 != t2) return w2 < t2;
  const t1 = load<u64>(target, 8);
  if (w1 != t1) return w1 < t1;
  return w0 <= load<u64>(target, 0);
}

/** The network's target goes first: a block stays a block even where it misses a very hard share target. */
function verdictFor(w3: u64, w2: u64, w1: u64, w0: u64, difficultyLog2: i32, target: usize): u8 {
  if (meetsTarget(w3, w2, w1, w0, target)) return VERDICT_BLOCK;
  return meetsPowerOfTwo(w3, w2, w1, w0, 224 - difficultyLog2) ? VERDICT_SHARE : VERDICT_LOW;
}

/** The words of pow lie 16 bytes apart at `digest`, least significant first. */
function writeVerdict(record: usize, template: usize, digest: usize): void {
  const w0 = load<u64>(digest, 0);
  const w1 = load<u64>(digest, 16);
  const w2 = load<u64>(digest, 32);
  const w3 = load<u64>(digest, 48);
  store<u64>(record, w3, RECORD_POW_TOP);
  store<u64>(record, w2, RECORD_POW_TOP + 8);
  const difficultyLog2 = <i32>load<i8>(record, RECORD_DIFFICULTY_LOG2);
  store<u8>(record, verdictFor(w3, w2, w1, w0, difficultyLog2, template + TEMPLATE_TARGET), RECORD_VERDICT);
}

/** The template that the record names, or 0. */
function templateOf(record: usize): usize {
  const slot = load<u32>(record, RECORD_SLOT);
  const sequence = load<u32>(record, RECORD_SEQUENCE);
  if (slot >= <u32>TEMPLATE_SLOTS || sequence == 0) return 0;
  const template = templateAt(<i32>slot);
  return load<u32>(template, TEMPLATE_SEQUENCE) == sequence ? template : 0;
}

function judgePair(left: usize, right: usize, leftTemplate: usize, rightTemplate: usize): void {
  hashFirst(leftTemplate, rightTemplate, load<u64>(left, RECORD_NONCE), load<u64>(right, RECORD_NONCE));
  multiply(leftTemplate, firstDigest, products);
  multiply(rightTemplate, firstDigest + 8, products + 32);
  hashSecond(products, products + 32);
  writeVerdict(left, leftTemplate, secondDigest);
  writeVerdict(right, rightTemplate, secondDigest + 8);
}

/** One nonce on both sides: the left result is the answer, and the matrix is spared once. */
function hashOne(template: usize, nonce: u64): void {
  hashFirst(template, template, nonce, nonce);
  multiply(template, firstDigest, products);
  hashSecond(products, products);
}

/** Judges records[0..count). The caller keeps count within RECORD_CAPACITY. */
export function judge(count: i32): void {
  const end = records + <usize>(count * RECORD_BYTES);
  let left: usize = 0;
  let leftTemplate: usize = 0;
  for (let record = records; record < end; record += RECORD_BYTES) {
    const template = templateOf(record);
    if (template == 0) {
      store<u8>(record, VERDICT_UNPREPARED, RECORD_VERDICT);
    } else if (left == 0) {
      left = record;
      leftTemplate = template;
    } else {
      judgePair(left, record, leftTemplate, template);
      left = 0;
    }
  }
  if (left == 0) return;
  hashOne(leftTemplate, load<u64>(left, RECORD_NONCE));
  writeVerdict(left, leftTemplate, secondDigest);
}

function digestToExchange(digest: usize): void {
  for (let word = 0; word < 4; word++) store<u64>(exchange + (word << 3), load<u64>(digest + (word << 4)));
}

/** The whole of pow, to `exchange`. */
export function powOf(slot: i32, nonce: u64): void {
  hashOne(templateAt(slot), nonce);
  digestToExchange(secondDigest);
}

// What follows serves tests alone: the published vectors are of single steps.

/** A, to `exchange`. */
export function firstHashOf(slot: i32, nonce: u64): void {
  hashFirst(templateAt(slot), templateAt(slot), nonce, nonce);
  digestToExchange(firstDigest);
}

/** Matrix step and second hash of the A in `exchange`, with whatever matrix lies in `matrix`; spoils slot 0. */
export function heavyHash(): void {
  forget(0);
  buildTables(templateAt(0));
  for (let word = 0; word < 4; word++) {
    v128.store(firstDigest + (word << 4), v128.load_splat<u64>(exchange + (word << 3)));
  }
  multiply(templateAt(0), firstDigest, products);
  hashSecond(products, products);
  digestToExchange(secondDigest);
}

export function rankOfMatrix(): i32 {
  return rank();
}

/** The generator's next matrix: after `prepare`, the one that a singular matrix would have been replaced with. */
export function drawMatrix(): void {
  draw();
}

/** Verdict on the pow at `exchange` with the target behind it: no nonce reaches the exact bounds. */
export function verdictOf(difficultyLog2: i32): i32 {
  const w3 = load<u64>(exchange, 24);
  const w2 = load<u64>(exchange, 16);
  const w1 = load<u64>(exchange, 8);
  return <i32>verdictFor(w3, w2, w1, load<u64>(exchange), difficultyLog2, exchange + 32);
}
