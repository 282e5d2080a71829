import { type Logger, silentLogger } from '../../../src/kit/log.ts';
import { createRegistry, type Registry } from '../../../src/kit/metrics.ts';
import type { JobAnnouncement } from '../../../src/stratum/protocol/job-lines.ts';
import type { StratumLimits } from '../../../src/stratum/stratum-limits.ts';
import { createStratum, type PortOptions, type Stratum } from '../../../src/stratum/stratum-server.ts';
import { FakeSocket } from '../../kit/fake-socket.ts';
import { ScriptedIntake } from '../../kit/scripted-intake.ts';

export const PREPOW = Buffer.from('f8a14d381ea0ba5b0c169e8a41c222bce2fa42f4631d9fe4d226456006d7ea3d', 'hex');

export function jobOf(jobId: number): JobAnnouncement {
  return { jobId, prePowHash: PREPOW, timestampMs: 1_633_687_894_966n + BigInt(jobId) };
}

/** Enough of the journal's register to see every reference come and go. */
export class WorkerBook {
  readonly live = new Map<number, string>();
  #next = 0;

  acquireWorker(address: string, worker: string): number {
    this.live.set(this.#next, `${address}.${worker}`);
    return this.#next++;
  }

  releaseWorker(workerRef: number): void {
    if (!this.live.delete(workerRef)) throw new Error(`reference ${workerRef} was released twice`);
  }
}

export interface SessionRoom {
  readonly stratum: Stratum;
  readonly intake: ScriptedIntake;
  readonly workers: WorkerBook;
  readonly metrics: Registry;
  nowMs: number;
  /** A job that the intake knows and that sessions get. */
  giveJob(jobId: number): void;
  connect(): FakeSocket;
  /** A connection that has logged in and taken its first lines. */
  login(login?: string, password?: string): Promise<FakeSocket>;
  metric(name: string, label?: string): Promise<number>;
}

/** The whole room, with sockets that are the test's own and a clock that stands still. No port is opened but one on loopback. */
export async function openRoom(
  limits: Partial<StratumLimits> = {},
  port: Partial<PortOptions> = {},
  log: Logger = silentLogger,
): Promise<SessionRoom> {
  const workers = new WorkerBook();
  const metrics = createRegistry();
  const intake = new ScriptedIntake();
  const room = { nowMs: 1_000 };
  const stratum = createStratum({
    ports: [
      {
        host: '127.0.0.1',
        port: 0,
        difficultyLog2: 0,
        difficultyMinLog2: 0,
        difficultyMaxLog2: 0,
        label: 'test',
        ...port,
      },
    ],
    checkAddress: (address) =>
      address.startsWith('kaspa:') ? { ok: true, address } : { ok: false, reason: 'this pool mines testing' },
    workers,
    registry: metrics,
    log,
    clock: () => room.nowMs,
    random: () => 0,
    limits,
  });
  intake.sink = stratum.replySink;
  await stratum.open(intake);
  const connect = (): FakeSocket => {
    const socket = new FakeSocket();
    socket.events = stratum.connect(socket, 0);
    return socket;
  };
  return Object.assign(room, {
    stratum,
    intake,
    workers,
    metrics,
    connect,
    giveJob: (jobId: number) => {
      intake.jobs.add(jobId);
      stratum.announce(0, jobOf(jobId));
    },
    login: async (login = 'kaspa:qz.rig', password = 'x') => {
      const socket = connect();
      socket.receive(`{"id":1,"method":"mining.authorize","params":["${login}","${password}"]}`);
      await turn();
      socket.takeLines();
      return socket;
    },
    metric: async (name: string, label?: string) => {
      const values = (await metrics.getSingleMetric(`sluice_stratum_${name}`)!.get()).values;
      const value = values.find((each) => label === undefined || Object.values(each.labels).includes(label));
      return value!.value;
    },
  });
}

/** Lets a turn of the event loop pass, with all that was set for its end. */
export async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

export function submitLine(id: number | string, jobId: number | string, nonce: string): string {
  return JSON.stringify({ id, method: 'mining.submit', params: ['kaspa:qz.rig', String(jobId), nonce] });
}
