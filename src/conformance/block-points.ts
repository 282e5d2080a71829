/** Points 51 to 56: hashes, headers and blocks. Half of them no wire shows: they are asked of the code, or of a simulated node. */
import { loadKernel } from '../../wasm/load.ts';
import { blockHash, blueWorkBytes, type KaspaHeader, prePowHash } from '../chains/kaspa/header-hash.ts';
import type { SimnodeStatus } from '../simnode/commands.ts';
import { demand } from './finding.ts';
import { AGENTS, type Lab } from './lab.ts';
import type { MiningSession } from './mining-session.ts';
import { type Point, point } from './point.ts';
import { type Band, targetOf } from './share-finder.ts';
import { pause } from './wire.ts';

/** Longer than shares on a job are worth anything, though some servers remember it. */
const EXPIRED_AFTER_S = 20;
/** From a submission to the node's count. */
const NODE_PATIENCE_MS = 3_000;
const NO_HASH = '0'.repeat(64);

/** The testnet's first block: real work on a published header. */
const GENESIS: KaspaHeader = {
  version: 0,
  parentsByLevel: [],
  hashMerkleRoot: '17341408a5724556504df4d6cf515cbfbb220430dc451c743c22d5e911720c2a',
  acceptedIdMerkleRoot: NO_HASH,
  utxoCommitment: '544eb3142c000f0ad2c76ac41f4222abbababed830eeafee4b6dc56b52d5cac0',
  timestampMs: 1_633_687_894_966n,
  bits: 0x1e7fffff,
  nonce: 0x14582n,
  daaScore: 0n,
  blueScore: 0n,
  blueWork: '',
  pruningPoint: NO_HASH,
};
const GENESIS_HASH = 'f896a3034873be1739fc4359236899fd3d65d2bc94f9780df0d0da3eb1cc4370';
const GENESIS_PRE_POW = 'f8a14d381ea0ba5b0c169e8a41c222bce2fa42f4631d9fe4d226456006d7ea3d';

/** Nonces on that header, and the 32 bytes that leave the second hash. */
const POW_OUTPUTS: readonly (readonly [bigint, string])[] = [
  [0x14582n, '91aae1306b206df7867c271f025cd5f58eef8784ec2712f553164567501a0000'],
  [0x00010000009e3677n, '29449f52c8679b68e7c56439c413f678fd35b2bdc5572aefea42cfe129ffff00'],
  [0x00010000002c125an, 'bc8efd1419f41da755181253a588a6268c962094d8acc58cb02066cbea000000'],
];

const BLUE_WORKS: readonly (readonly [string, number])[] = [
  ['', 0],
  ['0', 0],
  ['abc', 2],
  ['0abc', 2],
  ['0000000000000000000000000000000000000000000000000796ae', 3],
];

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** From the sources of the official node. */
async function vectors(lab: Lab): Promise<string> {
  lab.needsThisBuild();
  const hashes = [hexOf(blockHash(GENESIS)), hexOf(prePowHash(GENESIS))];
  demand(
    hashes[0] === GENESIS_HASH && hashes[1] === GENESIS_PRE_POW,
    "the testnet genesis's hashes",
    hashes.join(),
  );
  const kernel = loadKernel();
  kernel.prepare(0, 1, Buffer.from(GENESIS_PRE_POW, 'hex'), GENESIS.timestampMs, new Uint8Array(32));
  for (const [nonce, out] of POW_OUTPUTS) {
    const found = hexOf(kernel.powOf(0, nonce));
    demand(found === out, `${out} for nonce ${nonce.toString(16)}`, found);
  }
  return 'asked of the code of this build';
}

/** The two interfaces of the node write it differently, and padding alone is wrong for one of them. */
async function blueWork(lab: Lab): Promise<string> {
  lab.needsThisBuild();
  for (const [text, bytes] of BLUE_WORKS) {
    const found = blueWorkBytes(text).length;
    demand(found === bytes, `${bytes} bytes for the blue work "${text}"`, `${found}`);
  }
  return 'asked of the code of this build';
}

/** It changes with a hard fork; a constant makes every block invalid that day. */
async function versions(lab: Lab): Promise<string> {
  lab.needsThisBuild();
  const [one, two] = [1, 2].map((version) => hexOf(prePowHash({ ...GENESIS, version })));
  demand(one !== two, 'different hashes for versions 1 and 2', `${one} for both`);
  return 'asked of the code of this build; a block of the version of its template is point 54';
}

const networkBand = (lab: Lab): Band => ({
  above: 0n,
  atMost: targetOf(2 ** lab.options.networkDifficultyLog2),
});

/** The node's counters, once one of them has moved; or as they are when the patience ends. */
async function statusAfter(lab: Lab, moved: (status: SimnodeStatus) => boolean): Promise<SimnodeStatus> {
  const control = await lab.control();
  const endMs = performance.now() + NODE_PATIENCE_MS;
  for (;;) {
    const status = await control.status();
    if (moved(status) || performance.now() > endMs) return status;
    await pause(20);
  }
}

/** Sends it and waits until the node has heard of one more block. */
async function sentToNode(lab: Lab, session: MiningSession, jobId: string, nonce: string): Promise<number> {
  const before = await (await lab.control()).status();
  const { code } = await session.submit(jobId, nonce);
  const after = await statusAfter(lab, (status) => status.blocksSubmitted > before.blocksSubmitted);
  demand(
    after.blocksSubmitted === before.blocksSubmitted + 1,
    'one block at the node',
    `${after.blocksSubmitted - before.blocksSubmitted}`,
  );
  return code;
}

/** Runs when nobody else mines, since any share may be a block on a chain so easy. */
async function blocksLeave(lab: Lab): Promise<string> {
  await lab.control();
  const session = await lab.worker(AGENTS.hex);
  const old = session.job;
  const oldNonce = await session.find(old, networkBand(lab));
  const fresh = session.job;
  const code = await sentToNode(lab, session, fresh.id, await session.find(fresh, networkBand(lab)));
  demand(code === 0, 'true for a share that is a block', `code ${code}`);
  const accepted = (await (await lab.control()).status()).blocksAccepted;
  demand(accepted > 0, 'a block that the node accepts', 'none');
  if (lab.options.quick) return 'without the expired job, which takes 20 s';
  await pause(EXPIRED_AFTER_S * 1_000);
  const late = await sentToNode(lab, session, old.id, oldNonce);
  demand(
    late === 0 || late === 21,
    'true, as it is a block, or error 21, as its job has expired',
    `code ${late}`,
  );
  return `also ${EXPIRED_AFTER_S} s after its job`;
}

/** A node answers success to a block that it has, so whoever counts answers pays twice. */
async function onceOnly(lab: Lab): Promise<string> {
  const session = await lab.worker(AGENTS.hex);
  const { job } = session;
  const nonce = await session.find(job, networkBand(lab));
  await sentToNode(lab, session, job.id, nonce);
  const before = await (await lab.control()).status();
  const again = await session.submit(job.id, nonce);
  demand(again.code === 22, 'error 22 for the same block again', again.exchange);
  await pause(300);
  const after = await (await lab.control()).status();
  const more = after.blocksSubmitted - before.blocksSubmitted;
  demand(more === 0, 'no second submission to the node', `${more} more`);
  return '';
}

/** The miner has done the work, whatever state the node is in. */
async function refusedBlock(lab: Lab): Promise<string> {
  const control = await lab.control();
  await control.send('refuse', { value: 'BLOCK_INVALID' });
  try {
    const session = await lab.worker(AGENTS.hex);
    const { job } = session;
    const code = await sentToNode(lab, session, job.id, await session.find(job, networkBand(lab)));
    demand(code === 0, 'true for a share whose block the node refuses', `code ${code}`);
  } finally {
    await control.send('refuse', { value: 'none' });
  }
  return '';
}

export const BLOCK_POINTS: readonly Point[] = [
  point(51, 'published vectors of header and proof of work', vectors),
  point(52, 'blue work in every spelling', blueWork),
  point(53, 'the version of a block is that of its template', versions),
  point(54, 'a block goes to the node, also when its job has expired', blocksLeave, 'alone'),
  point(55, 'the same block is sent once', onceOnly, 'alone'),
  point(56, 'a refusal of the node makes no share invalid', refusedBlock, 'alone'),
];
