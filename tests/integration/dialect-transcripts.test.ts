/**
 * Each recorded session is played twice: to the server with the client's bytes, to the strict client with the server's. Both sides must
 * say what the record says, to the byte. The share in it is a real one, at difficulty 2^-8 on the testnet's first block.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { checkAddress } from '../../src/chains/kaspa/address.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { createRegistry } from '../../src/kit/metrics.ts';
import { MINER_CLIENTS, type MinerClient } from '../../src/miner/client-profiles.ts';
import { type MinerHandle, runMiner } from '../../src/miner/miner.ts';
import { DIALECT_NAMES, DIALECTS, dialectOfUserAgent } from '../../src/stratum/protocol/dialects.ts';
import { createStratum, type Stratum } from '../../src/stratum/stratum-server.ts';
import { ScriptedIntake } from '../kit/scripted-intake.ts';
import { StratumClient } from '../kit/stratum-client.ts';
import { readTranscripts, type Transcript, turnsOf } from '../kit/transcript.ts';
import { ScriptedServer } from '../unit/miner/scripted-server.ts';

const TRANSCRIPTS = readTranscripts();
const NONCE_LOW = 0x2c125a;
const LOGIN = /"params":\["(kaspadev:[a-z0-9]+)\.rig0/;
const PREPOW = Buffer.from('f8a14d381ea0ba5b0c169e8a41c222bce2fa42f4631d9fe4d226456006d7ea3d', 'hex');

let stratum: Stratum | undefined;
let peerServer: ScriptedServer | undefined;
let miner: MinerHandle | undefined;
afterEach(async () => {
  await peerServer?.close();
  await miner?.stop();
  await stratum?.close();
  stratum = peerServer = miner = undefined;
});

async function openServer(): Promise<number> {
  const intake = new ScriptedIntake();
  stratum = createStratum({
    ports: [
      {
        ...{ host: '127.0.0.1', port: 0, label: 'test' },
        ...{ difficultyLog2: -8, difficultyMinLog2: -8, difficultyMaxLog2: -8 },
      },
    ],
    checkAddress: (text) => checkAddress(text, 'devnet'),
    workers: { acquireWorker: () => 0, releaseWorker: () => {} },
    registry: createRegistry(),
    log: silentLogger,
    clock: () => performance.now(),
    // The first extranonce is 0001.
    random: () => 0,
  });
  intake.sink = stratum.replySink;
  intake.jobs.add(7);
  const [opened] = await stratum.open(intake);
  stratum.announce(0, { jobId: 7, prePowHash: PREPOW, timestampMs: 1_633_687_894_966n });
  return opened!.port;
}

describe('recorded sessions', () => {
  it('are there for every strict client and every dialect row', () => {
    expect(TRANSCRIPTS.map((each) => each.client).sort()).toEqual([...MINER_CLIENTS].sort());
    expect([...new Set(TRANSCRIPTS.map((each) => each.dialect))].sort()).toEqual([...DIALECT_NAMES].sort());
  });

  it.each(TRANSCRIPTS)('of $client show what the row $dialect says of its clients', (transcript) => {
    const { login, nonces, userAgents } = DIALECTS[transcript.dialect as keyof typeof DIALECTS];
    const said = transcript.lines.filter(({ from }) => from === 'C').map(({ text }) => text);
    const agent = /"params":\["([^"]*)"/.exec(said[0]!)![1]!;
    expect(dialectOfUserAgent(agent)?.name).toBe(transcript.dialect);
    expect(userAgents.some((word) => agent.toLowerCase().includes(word))).toBe(true);
    const nonce = /"7","([^"]*)"/.exec(said.at(-1)!)![1]!;
    const form = nonce.startsWith('0x') ? '0x-full' : nonce.length === 16 ? 'full' : 'short';
    expect(nonces).toContain(form);
    const turns = turnsOf(transcript);
    if (login === 'lock-step') for (const { said: asked } of turns) expect(asked).toHaveLength(1);
    if (transcript.client === 'lolminer') expect([login, turns[0]!.said.length]).toEqual(['pipelined', 2]);
  });

  it.each(TRANSCRIPTS)('of $client are what the server says, to the byte', async (transcript) => {
    const client = await StratumClient.connect('127.0.0.1', await openServer());
    for (const { said, heard } of turnsOf(transcript)) {
      client.write(said.map((text) => `${text}\n`).join(''));
      for (const text of heard) expect(await client.nextText()).toBe(text);
    }
    client.destroy();
  });

  it.each(TRANSCRIPTS)('of $client are what the strict client says, to the byte', async (transcript) => {
    expect(await played(transcript)).toEqual(turnsOf(transcript).flatMap(({ said }) => said));
    expect(miner!.summary()).toMatchObject({ faults: 0, violations: {}, accepted: 1 });
  });
});

/** What the real client code sends to a server that says the recorded lines. */
async function played(transcript: Transcript): Promise<string[]> {
  peerServer = new ScriptedServer();
  const port = await peerServer.listen();
  miner = await runMiner({
    port,
    dialect: transcript.client as MinerClient,
    strict: true,
    connections: 1,
    addresses: [LOGIN.exec(transcript.lines.find(({ text }) => LOGIN.test(text))!.text)![1]!],
    inFlightMax: 1,
    // The grinder begins one below the share.
    random: () => (NONCE_LOW - 1) / 2 ** 40,
  });
  const peer = await peerServer.peer();
  const lines: string[] = [];
  for (const { said, heard } of turnsOf(transcript)) {
    for (const _ of said) lines.push(await peer.line());
    if (heard.length > 0) peer.say(...heard);
  }
  while (miner.summary().accepted === 0 && miner.summary().faults === 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return lines;
}
