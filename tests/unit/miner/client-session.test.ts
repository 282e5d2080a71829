import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type MinerHandle, type MinerOptions, runMiner } from '../../../src/miner/miner.ts';
import { statusLine } from '../../../src/miner/tally.ts';
import {
  arrayJob,
  difficulty,
  extranonce,
  hexJob,
  refusal,
  reply,
  type ScriptedPeer,
  ScriptedServer,
  sizedExtranonce,
  until,
} from './scripted-server.ts';

const ADDRESS = 'kaspa:qz4jdyu04hv4hpyy00pl6trzw4gllnhnwy62xattejv2vaj5r0p5quvns058f';

let server: ScriptedServer;
let port: number;
const miners: MinerHandle[] = [];

beforeEach(async () => {
  server = new ScriptedServer();
  port = await server.listen();
});
afterEach(async () => {
  await server.close();
  await Promise.all(miners.splice(0).map((miner) => miner.stop()));
});

async function start(options: Partial<MinerOptions>): Promise<MinerHandle> {
  const miner = await runMiner({
    port,
    connections: 1,
    addresses: [ADDRESS],
    reconnectMinMs: 5,
    reconnectMaxMs: 20,
    ...options,
  });
  miners.push(miner);
  return miner;
}

/** Work so hard that no share can come in the way of a login test. */
const HARD = difficulty(2 ** 40);
/** Every 16th hash. */
const EASY = difficulty(2 ** -28);

describe('the families log in as on the real wire', () => {
  it('IceRiver subscribes, authorizes, takes the hex job and sends 16 digits with its extranonce', async () => {
    await start({ dialect: 'asic-hex' });
    const peer = await server.peer();
    expect(await peer.line()).toBe(
      '{"id":1,"method":"mining.subscribe","params":["IceRiverMiner-v1.1","EthereumStratum/1.0.0"]}',
    );
    expect(peer.unread).toBe(0);
    peer.say('{"id":1,"result":[true,"EthereumStratum/1.0.0"],"error":null}');
    expect(await peer.line()).toBe(`{"id":2,"method":"mining.authorize","params":["${ADDRESS}.rig0","x"]}`);
    peer.say(reply(2), extranonce('00ff'), EASY, hexJob('9'));
    const submit = await peer.request();
    expect(submit.id).toBe(3);
    expect(submit.params.slice(0, 2)).toEqual([`${ADDRESS}.rig0`, '9']);
    expect(submit.params[2]).toMatch(/^00ff[0-9a-f]{12}$/);
  });

  it('GodMiner asks three times in lock-step and takes its extranonce from the first reply', async () => {
    const miner = await start({ dialect: 'bitmain' });
    const peer = await server.peer();
    expect(await peer.line()).toBe('{"id":1,"method":"mining.subscribe","params":["GodMiner/2.0.0", null]}');
    peer.say('{"id":1,"result":[null,"0abc",6],"error":null}');
    expect(await peer.line()).toBe('{"id":3,"method":"mining.extranonce.subscribe","params":[]}');
    peer.say(reply(3));
    expect((await peer.request()).method).toBe('mining.authorize');
    peer.say(reply(2), EASY, arrayJob('9'));
    const submit = await peer.request();
    expect(submit.id).toBe(4);
    expect(submit.params[2]).toMatch(/^0x0abc[0-9a-f]{12}$/);
    expect(miner.summary().violations).toEqual({});
  });

  it('GodMiner takes any push during its login for a reply and gives up', async () => {
    const miner = await start({ dialect: 'bitmain' });
    const peer = await server.peer();
    await peer.line();
    peer.say(extranonce('0001'));
    await peer.untilClosed();
    expect(miner.summary().violations).toEqual({ 'push during a lock-step login': 1 });
  });

  it('kaspa-miner sends its empty error along and needs the extranonce before the job', async () => {
    const miner = await start({ dialect: 'two-param' });
    const login = async (peer: ScriptedPeer): Promise<void> => {
      expect(await peer.line()).toBe(
        '{"id":0,"method":"mining.subscribe","params":["kaspa-miner/0.2.1"],"error":null}',
      );
      peer.say('{"id":0,"result":[true,"EthereumStratum/1.0.0"],"error":null}');
      await peer.line();
      peer.say(reply(1));
    };
    const first = await server.peer();
    await login(first);
    first.say(EASY, arrayJob('9'));
    await first.untilClosed();
    expect(miner.summary().violations).toEqual({ 'job before the extranonce': 1 });
    const second = await server.peer();
    await login(second);
    second.say(sizedExtranonce('0002'), EASY, arrayJob('9'));
    expect((await second.request()).params[2]).toMatch(/^0002[0-9a-f]{12}$/);
  });

  it('kaspa-miner leaves on 20 and stays on 23', async () => {
    await start({ dialect: 'two-param', inFlightMax: 1 });
    const peer = await server.peer();
    await peer.line();
    peer.say('{"id":0,"result":true,"error":null}');
    await peer.line();
    peer.say(reply(1), sizedExtranonce('0002'), EASY, arrayJob('9'));
    peer.say(refusal((await peer.request()).id, 23));
    peer.say(refusal((await peer.request()).id, 20));
    await peer.untilClosed();
  });

  it('lolMiner sends both login requests at once and leaves the extranonce out of its nonces', async () => {
    await start({ dialect: 'default' });
    const peer = await server.peer();
    expect((await peer.request()).method).toBe('mining.subscribe');
    expect(await peer.request()).toMatchObject({ id: 500, method: 'mining.authorize' });
    peer.say('{"id":1,"result":[true,"EthereumStratum/1.0.0"],"error":null}', reply(500));
    peer.say(extranonce('0003'), EASY, arrayJob('9'));
    const submit = await peer.request();
    expect(submit.id).toBe(501);
    expect(submit.params[2]).toMatch(/^[0-9a-f]{12}$/);
  });

  it('mixed deals the four families out in turn', async () => {
    await start({ dialect: 'mixed', connections: 4 });
    const agents = new Set<string>();
    for (let index = 0; index < 4; index++) {
      const peer = await server.peer();
      agents.add((await peer.request()).params[0]!);
    }
    expect([...agents].sort()).toEqual([
      'GodMiner/2.0.0',
      'IceRiverMiner-v1.1',
      'kaspa-miner/0.2.1',
      'lolMiner 1.72',
    ]);
  });
});

describe('a connection that ends', () => {
  const loginLol = async (peer: ScriptedPeer, ...after: string[]): Promise<void> => {
    await peer.line();
    await peer.line();
    peer.say(reply(1), reply(500), extranonce('0003'), ...after);
  };

  it('is made again, and its unanswered shares are counted once', async () => {
    const miner = await start({ dialect: 'default', inFlightMax: 3 });
    const first = await server.peer();
    await loginLol(first, EASY, arrayJob('9'));
    for (let count = 0; count < 3; count++) await first.line();
    first.socket.destroy();
    const second = await server.peer();
    await loginLol(second, HARD, arrayJob('10'));
    await until(() => miner.summary().mining === 1);
    expect(miner.summary()).toMatchObject({
      sent: 3,
      unanswered: 3,
      outstanding: 0,
      connects: 2,
      reconnects: 1,
    });
  });

  it('is given up and made again when the pool refuses the login', async () => {
    const miner = await start({ dialect: 'default' });
    const first = await server.peer();
    await first.line();
    await first.line();
    first.say(reply(1), refusal(500, 24));
    await first.untilClosed();
    await loginLol(await server.peer(), HARD, arrayJob('1'));
    await until(() => miner.summary().mining === 1);
    expect(miner.summary().loginsRefused).toBe(1);
  });

  it('says why nobody is at work: in the words of the server that refused, or of the system', async () => {
    const miner = await start({ dialect: 'default' });
    const first = await server.peer();
    await first.line();
    await first.line();
    first.say(reply(1), '{"id":500,"result":null,"error":[24,"address is for mainnet",null]}');
    await first.untilClosed();
    expect(statusLine(miner.summary())).toContain('login refused: address is for mainnet');
    await loginLol(await server.peer(), HARD, arrayJob('1'));
    await until(() => miner.summary().mining === 1);
    expect(statusLine(miner.summary())).not.toContain('refused');
  });

  it('is given up by lolMiner when a share stays without an answer', async () => {
    await start({ dialect: 'default', inFlightMax: 1, answerTimeoutMs: 10 });
    const peer = await server.peer();
    await loginLol(peer, EASY, arrayJob('9'));
    await peer.line();
    await peer.untilClosed();
    await server.peer();
  });

  it('waits out a server that is not there yet', async () => {
    const late = new ScriptedServer();
    const latePort = await late.listen();
    await late.close();
    const miner = await start({ dialect: 'default', port: latePort });
    expect(miner.summary().mining).toBe(0);
    const final = await miner.stop();
    expect(final.connects).toBe(0);
  });
});

describe('stopping', () => {
  it('waits for outstanding answers, so that every share sent is accounted for', async () => {
    const miner = await start({ dialect: 'default', inFlightMax: 5 });
    const peer = await server.peer();
    await peer.line();
    await peer.line();
    peer.say(reply(1), reply(500), extranonce('0003'), EASY, arrayJob('9'));
    const ids: number[] = [];
    for (let count = 0; count < 5; count++) ids.push((await peer.request()).id);
    const stopped = miner.stop();
    for (const id of ids.slice(0, 3)) peer.say(reply(id));
    for (const id of ids.slice(3)) peer.say(refusal(id, 22));
    const final = await stopped;
    expect(final).toMatchObject({
      sent: 5,
      accepted: 3,
      rejected: 2,
      rejectedByCode: { 22: 2 },
      unanswered: 0,
      outstanding: 0,
    });
    expect(final.latency.count).toBe(5);
  });

  it('comes by itself after the seconds asked for', async () => {
    const miner = await start({ dialect: 'default', seconds: 0.05 });
    expect((await miner.done).sent).toBe(0);
  });
});
