import { describe, expect, it } from 'vitest';
import { UnknownClients } from '../../../src/stratum/session/unknown-clients.ts';
import { openRoom, turn } from './session-room.ts';

const LIMITS = {
  handshakesKept: 3,
  shapesRemembered: 4,
  quickDropMs: 2_000,
  quickDropMemoryMs: 600_000,
};

describe('clients that no row knows', () => {
  it('are spoken to in the next shape after two quick drops, and come round to the first again', () => {
    const clients = new UnknownClients(LIMITS);
    const shapes: string[] = [];
    for (let drop = 0; drop < 7; drop++) {
      shapes.push(clients.dialectFor('10.0.0.1', 'Odd/1').name);
      clients.left('10.0.0.1', 'Odd/1', 300, false, drop * 5_000);
    }
    expect(shapes).toEqual([
      ...['default', 'default', 'two-param', 'two-param'],
      ...['asic-hex', 'asic-hex', 'default'],
    ]);
  });

  it('are told apart by address and by agent', () => {
    const clients = new UnknownClients(LIMITS);
    for (let drop = 0; drop < 2; drop++) clients.left('10.0.0.1', 'Odd/1', 300, false, drop);
    expect(clients.dialectFor('10.0.0.1', 'Odd/1').name).toBe('two-param');
    expect(clients.dialectFor('10.0.0.2', 'Odd/1').name).toBe('default');
    expect(clients.dialectFor('10.0.0.1', 'Odd/2').name).toBe('default');
  });

  it('keep a shape that they stayed with, had a share accepted in, or dropped rarely', () => {
    const clients = new UnknownClients(LIMITS);
    const shape = () => clients.dialectFor('10.0.0.1', 'Odd/1').name;
    clients.left('10.0.0.1', 'Odd/1', 300, false, 0);
    clients.left('10.0.0.1', 'Odd/1', 60_000, false, 1_000);
    clients.left('10.0.0.1', 'Odd/1', 300, false, 2_000);
    expect(shape()).toBe('default');
    clients.left('10.0.0.1', 'Odd/1', 300, true, 3_000);
    clients.left('10.0.0.1', 'Odd/1', 300, false, 4_000);
    expect(shape()).toBe('default');
    clients.left('10.0.0.1', 'Odd/1', 300, false, 4_000 + 600_001);
    expect(shape()).toBe('default');
  });

  it('without a name are no client to learn from', () => {
    const clients = new UnknownClients(LIMITS);
    for (let drop = 0; drop < 10; drop++) clients.left('10.0.0.1', '', 1, false, drop);
    expect(clients.dialectFor('10.0.0.1', '').name).toBe('default');
  });

  it('fill no memory, however many names a stranger makes up', () => {
    const clients = new UnknownClients(LIMITS);
    for (let name = 0; name < 1_000; name++) {
      clients.left('10.0.0.1', `Odd/${name}`, 1, false, name);
      clients.left('10.0.0.1', `Odd/${name}`, 1, false, name);
      clients.keep({ userAgent: `Odd/${name}`, remoteAddress: '10.0.0.1', lines: 'x', atMs: 1 });
    }
    expect(clients.handshakes.map((each) => each.userAgent)).toEqual(['Odd/997', 'Odd/998', 'Odd/999']);
    expect(clients.dialectFor('10.0.0.1', 'Odd/0').name).toBe('default');
    expect(clients.dialectFor('10.0.0.1', 'Odd/999').name).toBe('two-param');
  });
});

describe('a server that meets one', () => {
  const subscribe = '{"id":1,"method":"mining.subscribe","params":["iBeLink BM-KS Max"]}';
  const authorize = '{"id":2,"method":"mining.authorize","params":["kaspa:qz.rig","x"]}';
  const wish = '{"id":2,"method":"mining.authorize","params":["kaspa:qz.rig","s=asic-hex"]}';

  it('keeps its first lines, and speaks to it in another shape when it has left twice', async () => {
    const room = await openRoom();
    room.giveJob(7);
    const pushes: string[] = [];
    for (let visit = 0; visit < 3; visit++) {
      const socket = room.connect();
      socket.receive(subscribe, authorize);
      await turn();
      pushes.push(socket.takeLines()[2]!);
      room.nowMs += 500;
      socket.hangUp();
      await turn();
    }
    expect(pushes.map((line) => (JSON.parse(line) as { params: unknown[] }).params.length)).toEqual([
      1, 1, 2,
    ]);
    expect(room.stratum.unknownHandshakes()).toEqual([
      {
        userAgent: 'iBeLink BM-KS Max',
        remoteAddress: '192.0.2.1',
        lines: `${subscribe}\n${authorize}\n`,
        atMs: expect.any(Number),
      },
    ]);
    await room.stratum.close();
  });

  it('learns nothing from known clients, nor from those who chose a row by password', async () => {
    const room = await openRoom();
    room.giveJob(7);
    for (let visit = 0; visit < 3; visit++) {
      for (const [agent, login] of [
        ['lolMiner', authorize],
        ['Odd', wish],
      ] as const) {
        const socket = room.connect();
        socket.receive(subscribe.replace('iBeLink', agent), login);
        await turn();
        const [, , extranonce, , job] = socket.takeLines();
        expect(extranonce).toContain('"mining.set_extranonce"');
        expect(JSON.parse(job!)).toMatchObject({ params: { length: agent === 'Odd' ? 2 : 3 } });
        socket.hangUp();
      }
    }
    expect(room.stratum.unknownHandshakes().map((each) => each.userAgent)).toEqual(['Odd BM-KS Max']);
    await room.stratum.close();
  });
});
