/**
 * What every stratum port of Sluice must do, over real sockets, by nothing but what goes over the wire: it can be pointed at any
 * host and port. Numbers in brackets are those of the checklist in the protocol notes.
 */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { StratumClient, type StratumLine } from '../kit/stratum-client.ts';
import { STRICT_MINERS } from './stratum-miners.ts';

export interface StratumTarget {
  readonly host: string;
  readonly port: number;
  /** With prefix; the target accepts it. */
  readonly address: string;
  /** Of another network. */
  readonly foreignAddress: string;
}

const AUTHORIZED_ID = 900;

export function stratumConformance(name: string, open: () => Promise<StratumTarget>): void {
  describe(`stratum at ${name}`, () => {
    let target: StratumTarget;
    const clients: StratumClient[] = [];
    beforeAll(async () => {
      target = await open();
    });
    afterEach(() => {
      for (const client of clients.splice(0)) client.destroy();
    });

    const connect = async (): Promise<StratumClient> => {
      const client = await StratumClient.connect(target.host, target.port);
      clients.push(client);
      return client;
    };
    const authorize = (login = `${target.address}.rig1`, password: unknown = 'x') => ({
      id: AUTHORIZED_ID,
      method: 'mining.authorize',
      params: password === undefined ? [login] : [login, password],
    });
    const submit = (id: unknown, jobId: unknown, nonce: unknown) => ({
      id,
      method: 'mining.submit',
      params: [`${target.address}.rig1`, jobId, nonce],
    });
    /** Logged in as an unknown client, with its first job read. */
    const login = async (): Promise<StratumClient & { first: { jobId: string; extranonce: string } }> => {
      const client = await connect();
      client.send(authorize());
      const extranonce = (await client.push('mining.set_extranonce')).params![0] as string;
      const jobId = (await client.push('mining.notify')).params![0] as string;
      return Object.assign(client, { first: { jobId, extranonce } });
    };
    const codeOf = (line: StratumLine): number => line.error?.[0] ?? 0;
    /** Nothing was sent since: the next line is the answer to a question asked now. Jobs may always come. */
    const expectQuiet = async (client: StratumClient): Promise<void> => {
      client.send({ id: 'quiet?', method: 'mining.ping', params: [] });
      let line = await client.next();
      while (line.method === 'mining.notify') line = await client.next();
      expect(line).toEqual({ id: 'quiet?', result: 'pong', error: null });
    };
    const subscribe = (id: unknown, ...params: unknown[]) => ({ id, method: 'mining.subscribe', params });

    describe('framing', () => {
      it('answers two requests of one segment in order (1)', async () => {
        const client = await connect();
        client.send(subscribe(1, 'x'), subscribe(2, 'x'));
        expect((await client.take(2)).map((line) => line.id)).toEqual([1, 2]);
      });

      it('answers a request that comes byte by byte once it is whole (2)', async () => {
        const client = await connect();
        for (const letter of `${JSON.stringify(subscribe(1, 'x'))}\n`) {
          client.write(letter);
          await new Promise((resolve) => setImmediate(resolve));
        }
        expect((await client.next()).id).toBe(1);
      });

      it('takes CRLF, blank lines, NULs and raw TABs (3, 4)', async () => {
        const client = await connect();
        client.write('\r\n\n  \n\0\n{"id":1,"meth\0od":"mining.subscribe","params":["a\tb"]}\r\n');
        expect(await client.next()).toMatchObject({ id: 1, error: null });
        await expectQuiet(client);
      });

      it('closes on a line over 8 KiB, before its end comes (5)', async () => {
        const client = await connect();
        client.write(Buffer.alloc(8_193, 0x78));
        expect(await client.ended()).toEqual([]);
      });

      it.each([
        'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
        'POST /rpc HTTP/1.1\r\n\r\n{"id":1}\n',
        'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
        'OPTIONS * HTTP/1.0\r\n\r\n',
        'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n',
      ])('closes on %j without a word (6)', async (bytes) => {
        const client = await connect();
        client.write(bytes);
        await client.ended();
        expect(client.raw).toBe('');
      });

      it('closes on a TLS hello without a word', async () => {
        const client = await connect();
        client.write(Buffer.from('16030100f8010000f40303', 'hex'));
        await client.ended();
        expect(client.raw).toBe('');
      });

      it('answers junk once with code 20 and id null, then closes; others do not notice (7)', async () => {
        const bystander = await login();
        const client = await connect();
        client.send(...Array.from({ length: 50 }, () => '{{{'));
        const lines = await client.ended();
        expect(lines).toEqual([{ id: null, result: null, error: [20, expect.any(String), null] }]);
        await expectQuiet(bystander);
      });

      it.each(['0', '7', '"7"', '"abc"', 'null', '-3', '1.5', '18446744073709551615', '"é\\u0001"'])(
        'echoes the id %s with its type and value (8)',
        async (id) => {
          const client = await connect();
          client.send(`{"id":${id},"method":"mining.subscribe","params":[]}`);
          const reply = (await client.nextText())!;
          expect((JSON.parse(reply) as StratumLine).id).toEqual(JSON.parse(id));
          if (/^\d/.test(id)) expect(reply).toContain(`{"id":${id},`);
        },
      );

      it('takes requests with missing params and extra keys, and never falls over (9)', async () => {
        const client = await connect();
        client.send(
          '{"id":1,"method":"mining.subscribe"}',
          '{"id":2,"method":"mining.subscribe","params":null,"jsonrpc":"2.0","error":null,"worker":"x"}',
          '{"id":3,"method":"mining.authorize"}',
          '{"id":4,"method":"mining.submit","params":[]}',
        );
        const lines = await client.take(4);
        expect(lines.map((line) => line.id)).toEqual([1, 2, 3, 4]);
        expect(lines.map(codeOf)).toEqual([0, 0, 20, 20]);
      });

      it('answers every request that has an id, in three keys of which one is null (10, 11, 12)', async () => {
        const client = await login();
        client.send(
          { id: 1, method: 'mining.configure', params: [] },
          { id: 2, method: 'eth_submitHashrate', params: [] },
          { id: 3, method: 'mining.suggest_difficulty', params: [4] },
          { id: 4, method: 'mining.submit_hashrate', params: [1] },
          submit(5, '999999999', '01'),
          submit(6, client.first.jobId, 'nonsense'),
          { method: 'mining.whatever' },
        );
        const replies = [];
        for (let id = 1; id <= 6; id++) replies.push(await client.reply(id));
        for (const reply of replies) {
          expect(Object.keys(reply)).toEqual(['id', 'result', 'error']);
          expect((reply.result === null) !== (reply.error === null)).toBe(true);
          if (reply.error) expect(reply.error).toEqual([expect.any(Number), expect.any(String), null]);
        }
        expect(replies.map(codeOf)).toEqual([20, 20, 0, 0, 21, 20]);
        await expectQuiet(client);
      });
    });

    describe('login', () => {
      it.each([[['x']], [['x', null]], [['x', 'EthereumStratum/1.0.0']], [['x', 'session']], [[]]])(
        'answers subscribe with %j (13, 14)',
        async (params) => {
          const client = await connect();
          client.send(subscribe(1, ...params));
          expect(await client.nextText()).toBe(
            '{"id":1,"result":[true,"EthereumStratum/1.0.0"],"error":null}',
          );
        },
      );

      it.each(['GodMiner/2.0.0', 'bitmain ks5', 'AntMiner'])(
        'gives %s its extranonce at once (15)',
        async (agent) => {
          const client = await connect();
          client.send(subscribe(1, agent, null));
          expect(await client.nextText()).toMatch(
            /^\{"id":1,"result":\[null,"[0-9a-f]{4}",6\],"error":null\}$/,
          );
        },
      );

      it.each(['GodMiner', 'kaspa-miner', 'IceRiverMiner', 'lolMiner'])(
        'answers extranonce.subscribe of %s with true and nothing else, before and after authorize (16)',
        async (agent) => {
          const client = await connect();
          client.send(subscribe(1, agent), { id: 2, method: 'mining.extranonce.subscribe', params: [] });
          expect((await client.take(2))[1]).toEqual({ id: 2, result: true, error: null });
          await expectQuiet(client);
          client.send(authorize());
          await client.push('mining.notify');
          client.send({ id: 3, method: 'mining.extranonce.subscribe', params: [] });
          expect(await client.reply(3)).toEqual({ id: 3, result: true, error: null });
          await expectQuiet(client);
        },
      );

      it('sends nothing but replies until authorize is answered, then all at once and in order (17, 18, 19, 33)', async () => {
        const client = await connect();
        client.send(subscribe(1, 'x'));
        await client.next();
        await expectQuiet(client);
        client.send(authorize());
        const lines = await client.take(4);
        expect(lines.map((line) => line.method ?? line.id)).toEqual([
          AUTHORIZED_ID,
          'mining.set_extranonce',
          'mining.set_difficulty',
          'mining.notify',
        ]);
      });

      it.each([
        ['without prefix', (address: string) => address.split(':')[1]!],
        ['with junk behind a comma', (address: string) => `${address},Rig_1234`],
        ['with a worker', (address: string) => `${address}.rig1`],
        ['with a third part', (address: string) => `${address}.rig1.0xabc`],
        ['with an empty worker', (address: string) => `${address}.`],
        ['with a worker nobody should name', (address: string) => `${address}.<script>alert(1)</script>`],
      ])('accepts an address %s (20, 21)', async (_name, loginOf) => {
        const client = await connect();
        client.send(authorize(loginOf(target.address)));
        expect(await client.next()).toEqual({ id: AUTHORIZED_ID, result: true, error: null });
      });

      it('refuses an address of another network, or none at all, with 24 and the reason, and closes (20)', async () => {
        for (const text of [target.foreignAddress, 'nobody', '', `${target.address.slice(0, -1)}.rig`]) {
          const client = await connect();
          client.send(authorize(text));
          const [reply, ...more] = await client.ended();
          expect(reply).toEqual({ id: AUTHORIZED_ID, result: null, error: [24, expect.any(String), null] });
          expect(reply!.error![1].length).toBeGreaterThan(10);
          expect(more).toEqual([]);
        }
      });

      it.each([undefined, '', 'x', 'd=4096', 'diff=4096', 'c=KAS,d=4096', 'd=4096;x', null, 7])(
        'accepts the password %j, and gives a power of two (22, 29)',
        async (password) => {
          const client = await connect();
          client.send(authorize(undefined, password));
          const [difficulty] = (await client.push('mining.set_difficulty')).params as [number];
          expect(Number.isInteger(Math.log2(difficulty))).toBe(true);
        },
      );

      it('answers a submission before authorize with 24 and stays open (23)', async () => {
        const client = await connect();
        client.send(submit(1, '1', '0001000000000001'));
        expect(codeOf(await client.next())).toBe(24);
        await expectQuiet(client);
      });

      it('lets a client authorize without subscribe, and again (24)', async () => {
        const client = await login();
        client.send({ ...authorize(`${target.address}.rig2`), id: 77 });
        expect(await client.reply(77)).toEqual({ id: 77, result: true, error: null });
      });
    });

    describe('submissions', () => {
      it('gives every live connection an extranonce of its own (25, 28)', async () => {
        const all = await Promise.all(Array.from({ length: 40 }, () => login()));
        const extranonces = all.map((client) => client.first.extranonce);
        expect(new Set(extranonces).size).toBe(40);
        for (const extranonce of extranonces) expect(extranonce).toMatch(/^[0-9a-f]{4}$/);
      });

      it('takes all spellings of one nonce for one nonce (43, 48)', async () => {
        const client = await login();
        const { jobId, extranonce } = client.first;
        const spellings = ['2c125a', '0000002c125a', '2C125A', '0x2c125a', `${extranonce}0000002c125a`];
        spellings.push(`0x${extranonce}0000002c125a`, `0X${extranonce}0000002C125A`);
        client.send(...spellings.map((nonce, index) => submit(index, jobId, nonce)));
        client.send({ id: 100, method: 'mining.submit', params: ['w', jobId, 'e2', 'ntime', '2c125a'] });
        const codes = [];
        for (let id = 0; id < spellings.length; id++) codes.push(codeOf(await client.reply(id)));
        codes.push(codeOf(await client.reply(100)));
        // Whatever the first is worth, the others are its duplicates.
        expect([0, 22, 23]).toContain(codes.sort((a, b) => a - b)[0]);
        expect(codes.filter((code) => code === 22)).toHaveLength(spellings.length);
      });

      it.each([
        ['17 digits', '00000000000000001'],
        ['nothing', ''],
        ['no hex', 'xyz'],
        ['a number', 12],
        ['null', null],
      ])('answers a nonce of %s with 20 (44)', async (_name, nonce) => {
        const client = await login();
        client.send(submit('odd', client.first.jobId, nonce));
        expect(codeOf(await client.reply('odd'))).toBe(20);
        await expectQuiet(client);
      });

      it.each(['999999999', 'abc', '0', '007', '-1', '12345678901234'])(
        'answers the unknown job %s with 21 (46)',
        async (jobId) => {
          const client = await login();
          client.send(submit(8, jobId, '01'));
          expect(codeOf(await client.reply(8))).toBe(21);
        },
      );

      it('takes a job id that comes as a number (47)', async () => {
        const client = await login();
        client.send(submit(8, Number(client.first.jobId), '05'));
        expect([0, 23]).toContain(codeOf(await client.reply(8)));
      });
    });

    describe.each(STRICT_MINERS)('to $name', (miner) => {
      it('gives a login and a first job it can read, and answers its shares', async () => {
        const client = await connect();
        const session = await miner.login(client, `${target.address}.strict`);
        const submissions = [
          [session.jobId, miner.nonceText(session.extranonce, '00000000a1b2')],
          [session.jobId, miner.nonceText(session.extranonce, '00000000a1b2')],
          ['999999999', miner.nonceText(session.extranonce, '00000000a1b3')],
        ] as const;
        for (const [index, [jobId, nonce]] of submissions.entries()) {
          const id = 10 + index;
          client.send(miner.submitText(id, `${target.address}.strict`, jobId, nonce));
          const reply = await client.reply(id);
          const verdict = miner.readReply(reply);
          if (index > 0) expect(verdict).toBe('rejected');
          expect(codeOf(reply)).not.toBe(20);
        }
      });
    });
  });
}
