import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PoW } from 'kaspa-wasm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type MinerHandle,
  type MinerOptions,
  readSubmissionLog,
  runMiner,
} from '../../../src/miner/miner.ts';
import {
  arrayJob,
  difficulty,
  extranonce,
  GENESIS_HASH,
  GENESIS_TIMESTAMP,
  refusal,
  reply,
  type ScriptedPeer,
  ScriptedServer,
  until,
} from './scripted-server.ts';

interface Share {
  readonly peer: number;
  readonly job: string;
  readonly nonce: bigint;
}

let server: ScriptedServer;
let port: number;
let folder: string;
let shares: Share[];
let log2 = -20;
const miners: MinerHandle[] = [];

/** Answers every login at once and every share by `judge`; hands out extranonces 1, 2, 3 … */
async function serve(peer: ScriptedPeer, number: number, judge: (share: Share) => number): Promise<void> {
  const prefix = number.toString(16).padStart(4, '0');
  for (;;) {
    const { id, method, params } = await peer.request();
    if (method === 'mining.submit') {
      const share = { peer: number, job: params[1]!, nonce: BigInt(`0x${prefix}${params[2]}`) };
      shares.push(share);
      const code = judge(share);
      peer.say(code === 0 ? reply(id) : refusal(id, code));
    } else {
      peer.say(reply(id));
      if (method === 'mining.authorize') {
        peer.say(extranonce(prefix), difficulty(2 ** log2), arrayJob('1'));
      }
    }
  }
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-miner-'));
  shares = [];
  log2 = -20;
  server = new ScriptedServer();
  port = await server.listen();
});
afterEach(async () => {
  await Promise.all(miners.splice(0).map((miner) => miner.stop()));
  await server.close();
  rmSync(folder, { recursive: true });
});

async function start(options: Partial<MinerOptions>, judge: (share: Share) => number): Promise<MinerHandle> {
  let peers = 0;
  server.onPeer = (peer) => void serve(peer, ++peers, judge).catch(() => {});
  const miner = await runMiner({ port, dialect: 'default', connections: 1, ...options });
  miners.push(miner);
  return miner;
}

describe('grinding', () => {
  it('finds nonces that the official SDK agrees are shares, each within its extranonce and none twice', async () => {
    await start({ connections: 3 }, () => 0);
    await until(() => shares.length >= 30);
    const oracle = PoW.fromRaw(GENESIS_HASH, GENESIS_TIMESTAMP);
    for (const { peer, nonce } of shares) {
      const [, pow] = oracle.checkWork(nonce);
      expect(pow <= 1n << 244n).toBe(true);
      expect(nonce >> 48n).toBe(BigInt(peer));
    }
    expect(new Set(shares.map((share) => share.nonce)).size).toBe(shares.length);
  });

  it('is fair: every connection gets its part', async () => {
    log2 = -24;
    await start({ connections: 8 }, () => 0);
    await until(() => shares.length >= 800);
    for (let peer = 1; peer <= 8; peer++) {
      expect(shares.filter((share) => share.peer === peer).length).toBeGreaterThan(40);
    }
  });

  it('keeps to a set rate', async () => {
    log2 = 20;
    const miner = await start({ connections: 4, hashesPerSecond: 1_000, seconds: 1.5 }, () => 0);
    const { hashes, seconds } = await miner.done;
    // An upper bound only: a busy machine may hash less, never more than rate x time and the first quarter second's credit.
    expect(hashes).toBeGreaterThan(0);
    expect(hashes).toBeLessThanOrEqual(4 * 1_000 * (seconds + 0.25));
  });

  it('turns to a new job at once', async () => {
    log2 = -24;
    let current = '1';
    let late = 0;
    let told = false;
    let peerOfJob: ScriptedPeer | undefined;
    server.onPeer = (peer) => {
      peerOfJob = peer;
      void serve(peer, 1, (share) => {
        if (told && share.job !== current) late++;
        return 0;
      }).catch(() => {});
    };
    const miner = await runMiner({ port, dialect: 'default', connections: 1, inFlightMax: 1 });
    miners.push(miner);
    await until(() => shares.length >= 5);
    current = '2';
    told = true;
    peerOfJob!.say(arrayJob('2'));
    const seen = shares.length;
    await until(() => shares.length >= seen + 20);
    // With one share in flight only that one can still be for the old job.
    expect(late).toBeLessThanOrEqual(1);
  });

  it('hashes no further while as many shares are unanswered as may be', async () => {
    const held: (() => void)[] = [];
    server.onPeer = (peer) => {
      void (async () => {
        for (;;) {
          const { id, method } = await peer.request();
          if (method === 'mining.submit') held.push(() => peer.say(reply(id)));
          else peer.say(reply(id));
          if (method === 'mining.authorize')
            peer.say(extranonce('0001'), difficulty(2 ** -26), arrayJob('1'));
        }
      })().catch(() => {});
    };
    const miner = await runMiner({ port, dialect: 'default', connections: 1, inFlightMax: 2, settleMs: 50 });
    miners.push(miner);
    await until(() => held.length === 2);
    const before = miner.summary();
    await new Promise((resolve) => setImmediate(resolve));
    expect(miner.summary()).toMatchObject({ sent: 2, outstanding: 2, hashes: before.hashes });
    held[0]!();
    await until(() => held.length === 3);
    const final = await miner.stop();
    expect(final).toMatchObject({ sent: 3, accepted: 1, unanswered: 2, outstanding: 0 });
  });

  it('sends duplicates, stale and bad shares at the rates asked for', async () => {
    log2 = -24;
    const seen = new Set<bigint>();
    const oracle = PoW.fromRaw(GENESIS_HASH, GENESIS_TIMESTAMP);
    const judge = ({ job, nonce }: Share): number => {
      if (job !== '1') return 21;
      if (seen.has(nonce)) return 22;
      seen.add(nonce);
      return oracle.checkWork(nonce)[1] <= 1n << 248n ? 0 : 23;
    };
    const miner = await start({ duplicateRate: 0.5, staleRate: 0.5, badRate: 0.5 }, judge);
    await until(() => miner.summary().accepted >= 60);
    const final = await miner.stop();
    expect(Object.keys(final.rejectedByCode)).toEqual(['21', '22', '23']);
    expect(final.sent).toBe(final.accepted + final.rejected + final.unanswered);
    expect(final.unanswered).toBe(0);
  });
});

describe('the submission log', () => {
  it('holds every share before its bytes leave, and every true before it is counted', async () => {
    const logFile = join(folder, 'client.ndjson');
    const nonce16 = (share: Share): string => share.nonce.toString(16).padStart(16, '0');
    let ahead = true;
    const miner = await start({ logFile }, (share) => {
      const sent = readSubmissionLog(logFile).filter((event) => event.event === 'sent');
      ahead &&= sent.some((event) => event.nonce === nonce16(share));
      return share.nonce % 3n === 0n ? 23 : 0;
    });
    await until(() => shares.length >= 20);
    const counted = miner.summary().accepted;
    const logged = readSubmissionLog(logFile).filter((event) => event.event === 'true').length;
    expect(logged).toBeGreaterThanOrEqual(counted);
    const final = await miner.stop();
    const events = readSubmissionLog(logFile);
    expect(ahead).toBe(true);
    expect(events.filter((event) => event.event === 'sent').length).toBe(final.sent);
    expect(events.filter((event) => event.event === 'true').length).toBe(final.accepted);
    const truth = events.find((event) => event.event === 'true')!;
    expect(truth).toMatchObject({ jobId: '1', prePowHash: GENESIS_HASH, timestampMs: '1633687894966' });
    expect(truth).toMatchObject({ connection: 0, session: 1, difficultyLog2: -20 });
    expect(truth.login).toMatch(/^kaspa:[a-z0-9]{61}\.rig0$/);
  });

  it('goes on after a line that the death of its writer has torn', async () => {
    const logFile = join(folder, 'torn.ndjson');
    writeFileSync(logFile, '{"event":"true","non');
    const miner = await start({ logFile }, () => 0);
    await until(() => miner.summary().accepted >= 1);
    const final = await miner.stop();
    const events = readSubmissionLog(logFile);
    expect(events.length).toBe(final.sent + final.accepted);
  });

  it('that cannot be opened stops the start with a stable code', async () => {
    await expect(runMiner({ port, logFile: join(folder, 'no', 'such', 'file') })).rejects.toMatchObject({
      code: 'SLUICE_MINER_LOG',
    });
  });
});
