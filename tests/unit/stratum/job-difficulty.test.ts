import { afterEach, describe, expect, it } from 'vitest';
import { DIFFICULTY_FORGOTTEN } from '../../../src/domain/target.ts';
import { DIFFICULTIES_KEPT } from '../../../src/stratum/session/difficulty-history.ts';
import type { FakeSocket } from '../../kit/fake-socket.ts';
import { jobOf, openRoom, type SessionRoom, submitLine, turn } from './session-room.ts';

const RANGE = { difficultyLog2: 4, difficultyMinLog2: 0, difficultyMaxLog2: 9 };
const authorize = (password: string) =>
  JSON.stringify({ id: 9, method: 'mining.authorize', params: ['kaspa:qz.rig', password] });

function paramsOf(socket: FakeSocket, method: string): unknown[] {
  return socket
    .takeLines()
    .map((line) => JSON.parse(line))
    .filter((line) => line.method === method)
    .map((line) => line.params[0]);
}

/**
 * Who can choose the difficulty of a job after hashing on it is paid for luck instead of work: a share of difficulty 2^k by
 * chance, on a job of difficulty 1, is then worth 2^k.
 */
describe('the difficulty of a job', () => {
  let room: SessionRoom;
  afterEach(() => room.stratum.close());

  it('cannot be moved by changing the difficulty more often than changes are remembered', async () => {
    room = await openRoom({}, RANGE);
    room.giveJob(1);
    const socket = await room.login('kaspa:qz.rig', 'd=1');
    for (let index = 1; index <= DIFFICULTIES_KEPT; index++) {
      socket.receive(authorize(`d=${index % 2 === 0 ? 1 : 512}`));
      room.giveJob(1 + index);
      await turn();
    }
    socket.receive(submitLine(1, 1, '01'), submitLine(2, 2, '01'), submitLine(3, 3, '01'));
    expect(room.intake.submissions.map((each) => each.difficultyLog2)).toEqual([DIFFICULTY_FORGOTTEN, 9, 0]);
  });

  it('is not changed when the same job is sent once more', async () => {
    room = await openRoom({}, RANGE);
    room.giveJob(1);
    const socket = await room.login('kaspa:qz.rig', 'd=1');
    socket.receive(authorize('d=512'));
    await turn();
    socket.takeLines();
    const again = jobOf(1);
    room.stratum.announce(0, again);
    await turn();
    expect(paramsOf(socket, 'mining.set_difficulty')).toEqual([]);
    socket.receive(submitLine(1, 1, '01'));
    expect(room.intake.submissions[0]!.difficultyLog2).toBe(0);
    // The wish waits for work that nobody has hashed on.
    room.giveJob(2);
    await turn();
    expect(paramsOf(socket, 'mining.set_difficulty')).toEqual([512]);
  });

  it('is not known of a job that the session has not got yet: 21, as for any unknown one', async () => {
    room = await openRoom({ socketBacklogSkipBytes: 100 }, RANGE);
    room.giveJob(1);
    const slow = await room.login();
    const quick = await room.login();
    slow.stuck = true;
    slow.backlogBytes = 1_000;
    room.giveJob(2);
    await turn();
    slow.receive(submitLine(1, 2, '01'));
    quick.receive(submitLine(2, 2, '02'));
    expect(room.intake.submissions.map((each) => each.requestId)).toEqual([2]);
    slow.drain();
    slow.receive(submitLine(3, 2, '01'));
    expect(room.intake.submissions.map((each) => each.requestId)).toEqual([2, 3]);
    await turn();
    const [refused] = slow.takeLines().filter((line) => line.includes('"id":1,'));
    expect(JSON.parse(refused!).error[0]).toBe(21);
  });

  it('is the start difficulty of the port on work that was out before a client with known extranonce logged in', async () => {
    room = await openRoom({}, RANGE);
    room.giveJob(1);
    const socket = room.connect();
    socket.receive('{"id":1,"method":"mining.subscribe","params":["GodMiner/2.0.0"]}');
    await turn();
    // From here on it could hash on job 1, and ask for what it then found.
    socket.receive(authorize('d=512'), submitLine(5, 1, '01'));
    await turn();
    expect(paramsOf(socket, 'mining.set_difficulty')).toEqual([16]);
    room.giveJob(2);
    await turn();
    expect(paramsOf(socket, 'mining.set_difficulty')).toEqual([512]);
    socket.receive(submitLine(6, 2, '02'));
    expect(room.intake.submissions.map((each) => each.difficultyLog2)).toEqual([4, 9]);
  });

  it('follows a wish that is taken back before the next job', async () => {
    room = await openRoom({}, RANGE);
    room.giveJob(1);
    const socket = await room.login();
    socket.receive(authorize('d=512'), authorize('d=16'));
    await turn();
    socket.takeLines();
    room.giveJob(2);
    await turn();
    expect(paramsOf(socket, 'mining.set_difficulty')).toEqual([]);
  });
});
