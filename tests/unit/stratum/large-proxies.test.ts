import { afterEach, describe, expect, it } from 'vitest';
import { Verdict } from '../../../src/domain/share.ts';
import { DIFFICULTY_FORGOTTEN } from '../../../src/domain/target.ts';
import type { FakeSocket } from '../../kit/fake-socket.ts';
import { openRoom, type SessionRoom, submitLine, turn } from './session-room.ts';

let room: SessionRoom;
afterEach(() => room.stratum.close());

async function subscribe(agent: string): Promise<{ socket: FakeSocket; lines: string[] }> {
  const socket = room.connect();
  socket.receive(
    `{"id":1,"method":"mining.subscribe","params":["${agent}"]}`,
    '{"id":2,"method":"mining.authorize","params":["kaspa:qz.rig","x"]}',
  );
  await turn();
  return { socket, lines: socket.takeLines() };
}

describe('a port for large proxies', () => {
  it('gives one byte, in whatever form the client wants it', async () => {
    room = await openRoom({}, { extranonceBytes: 1 });
    room.giveJob(1);
    const { lines } = await subscribe('NiceHash/1.0.0');
    expect(lines[2]).toContain('"mining.set_extranonce","params":["e0"]');
    const bitmain = await subscribe('GodMiner/2.0.0');
    expect(bitmain.lines[0]).toBe('{"id":1,"result":[null,"ff",7],"error":null}');
    const rigel = await subscribe('Rigel');
    expect(rigel.lines[2]).toContain('"set_extranonce","params":["fe",7]');
  });

  it('puts short nonces under the byte, takes whole ones under it, and no others', async () => {
    room = await openRoom({}, { extranonceBytes: 1 });
    room.giveJob(1);
    const { socket } = await subscribe('NiceHash/1.0.0');
    for (const [id, nonce] of [
      [11, '12'],
      [12, 'abcdef01234567'],
      [13, 'e0ffffffffffffff'],
      [14, 'e100000000000001'],
    ] as const)
      socket.receive(submitLine(id, 1, nonce));
    await turn();
    await turn();
    expect(room.intake.submissions.map(({ nonce }) => nonce.toString(16))).toEqual([
      'e000000000000012',
      'e0abcdef01234567',
      'e0ffffffffffffff',
    ]);
    expect(room.intake.refusals).toEqual([Verdict.ForeignExtranonce]);
  });
});

describe('whose shares are looked for on earlier jobs', () => {
  const askFor = (socket: FakeSocket): number => {
    const { slot, generation } = room.intake.submissions.at(-1)!;
    expect(socket.destroyed).toBe(false);
    return room.stratum.replySink.rescueDifficulty(slot, generation, 1);
  };

  async function submitted(agent: string, count: number, verdict: number): Promise<FakeSocket> {
    const { socket } = await subscribe(agent);
    room.intake.verdictOf = () => verdict;
    for (let id = 0; id < count; id++)
      socket.receive(submitLine(100 + id, 1, (1_000 * room.intake.submissions.length + id).toString(16)));
    await turn();
    await turn();
    return socket;
  }

  it('is decided by how the client takes its jobs, by how much it was refused, and by the port', async () => {
    room = await openRoom();
    room.giveJob(1);
    expect(askFor(await submitted('IceRiverMiner-v1.1', 1, Verdict.Share))).toBe(0);
    expect(askFor(await submitted('lolMiner 1.72', 1, Verdict.Share))).toBe(DIFFICULTY_FORGOTTEN);
    expect(askFor(await submitted('BzMiner-v11', 9, Verdict.LowDifficulty))).toBe(DIFFICULTY_FORGOTTEN);
    await room.stratum.close();
    room = await openRoom({}, { wrongJobRescue: false });
    room.giveJob(1);
    expect(askFor(await submitted('IceRiverMiner-v1.1', 1, Verdict.Share))).toBe(DIFFICULTY_FORGOTTEN);
  });
});
