/**
 * `sluice serve --edges K`: K engines behind the same ports, for as many cores. This process binds the ports, starts the engines with
 * copies of them, starts again what dies, and passes a stop on; it reads no share and knows no miner. What the engines have in
 * common lies in PostgreSQL.
 *
 *   starting --ready--> up --exit--> waiting (1 s, 2 s, ... 30 s) --> starting       stop: every edge is asked, then awaited
 */
import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { createLogger, type Logger } from '../kit/log.ts';
import { projectPath } from '../kit/project-root.ts';
import { connectSystemd } from '../kit/systemd.ts';
import { socketName } from '../stratum/socket/inherited-sockets.ts';
import { type BoundPort, bindPort } from './bound-port.ts';
import { edgeConfig } from './edge-config.ts';
import { onStopRequested, type RoleMessage, tellParent } from './role-channel.ts';

const RESTART_AFTER_MS = 1_000;
const RESTART_AFTER_MAX_MS = 30_000;
/** Who lived so long did not die of its start. */
const SOUND_AFTER_MS = 60_000;
/** An engine drains for 10 s and stores for 15. */
const STOP_DEADLINE_MS = 60_000;

type Info = Readonly<Record<string, unknown>>;

interface EdgeOptions {
  readonly number: number;
  readonly of: number;
  readonly configFile: string;
  readonly ports: readonly BoundPort[];
  readonly copies: number;
  readonly log: Logger;
}

class Edge {
  readonly #options: EdgeOptions;
  #child: ChildProcess | undefined;
  #stopping = false;
  /** Its present life has said that it is ready. */
  #isUp = false;
  /** Ends a pause before a start. */
  readonly #hurry = new AbortController();
  readonly #ready: Promise<Info>;
  #onReady: (info: Info) => void = () => {};
  /** The first start's failure, or undefined when it was asked to stop. */
  readonly done: Promise<number | undefined>;

  constructor(options: EdgeOptions) {
    this.#options = options;
    this.#ready = new Promise((resolve) => {
      this.#onReady = resolve;
    });
    this.done = this.#live();
  }

  /** What it said when it first was up, or the code that it ended with before. */
  async first(): Promise<Info | number> {
    return Promise.race([this.#ready, this.done.then((code) => code ?? 0)]);
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** It reads again what may change while it runs. */
  reload(): void {
    this.#child?.kill('SIGHUP');
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#hurry.abort();
    this.#child?.kill('SIGTERM');
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), STOP_DEADLINE_MS);
    await this.done;
    clearTimeout(timer);
  }

  async #live(): Promise<number | undefined> {
    const { log, number } = this.#options;
    let pauseMs = RESTART_AFTER_MS;
    let wasUp = false;
    for (;;) {
      const startedMs = performance.now();
      const code = await this.#run(() => {
        wasUp = true;
      });
      if (this.#stopping) return undefined;
      if (!wasUp) return code;
      if (performance.now() - startedMs > SOUND_AFTER_MS) pauseMs = RESTART_AFTER_MS;
      log.error({ edge: number, code, againInMs: pauseMs }, 'an edge ended and is started again');
      await delay(pauseMs, undefined, { signal: this.#hurry.signal }).catch(() => {});
      if (this.#stopping) return undefined;
      pauseMs = Math.min(2 * pauseMs, RESTART_AFTER_MAX_MS);
    }
  }

  /** One life. Resolves with its exit code, 128 + n for a signal. */
  #run(onUp: () => void): Promise<number> {
    const { number, of, configFile, ports, copies } = this.#options;
    const sockets = ports.flatMap(({ descriptor }, index) =>
      Array.from({ length: copies }, () => ({ descriptor, name: socketName(index) })),
    );
    const args = ['serve', '--config', configFile, '--edge', `${number}/${of}`];
    const child = fork(projectPath('dist', 'src', 'cli.js'), args, {
      stdio: ['ignore', 'inherit', 'inherit', ...sockets.map(({ descriptor }) => descriptor), 'ipc'],
      env: {
        ...process.env,
        LISTEN_PID: undefined,
        LISTEN_FDS: String(sockets.length),
        LISTEN_FDNAMES: sockets.map(({ name }) => name).join(':'),
      },
      // In a group of its own: Ctrl-C on the terminal reaches this process, which stops all of them in order.
      detached: true,
    });
    this.#child = child;
    child.on('message', (message: RoleMessage) => {
      if (message.kind !== 'ready') return;
      this.#isUp = true;
      onUp();
      this.#onReady(message.info);
    });
    return new Promise((resolve) => {
      child.once('error', () => resolve(1));
      child.once('exit', (code, signal) => {
        this.#isUp = false;
        resolve(signal ? 128 : (code ?? 1));
      });
    });
  }
}

export async function runEdges(configFile: string, count: number): Promise<number> {
  const config = loadConfig(configFile);
  for (let number = 1; number <= count; number++)
    edgeConfig(config, { number, of: count }, availableParallelism());
  const log = createLogger(config.log.level, config.instance);
  const systemd = connectSystemd(process.env, process.pid);
  const stopped = new Promise<string>((resolve) => onStopRequested(resolve));
  const ports = bindAll(config);
  const edges = Array.from({ length: count }, (_, index) => {
    const { acceptDescriptors: copies } = config.stratum;
    return new Edge({ number: index + 1, of: count, configFile, ports, copies, log });
  });
  const status = (): string => `${edges.filter(({ isUp }) => isUp).length} of ${count} edges up`;
  // Each edge reads by itself and says in the log what it took; that it was asked is all that is known here.
  let allWereUp = false;
  const reload = (): void => {
    if (allWereUp) systemd.reloading();
    for (const edge of edges) edge.reload();
    if (allWereUp) systemd.ready(status);
  };
  process.on('SIGHUP', reload);
  try {
    const firsts = await Promise.race([
      Promise.all(edges.map((edge) => edge.first())),
      stopped.then(() => undefined),
    ]);
    const failed = firsts?.find((first) => typeof first === 'number');
    if (failed !== undefined) return failed as number;
    const stratumPorts = ports.map(({ port }) => port);
    if (firsts !== undefined) {
      const httpUrls = firsts.map((first) => (first as Info).httpUrl);
      log.info({ edges: count, stratumPorts, pages: httpUrls }, 'all edges are up');
      tellParent({
        kind: 'ready',
        info: { stratumPorts, httpUrls, httpUrl: httpUrls[0], edgePids: edges.map(({ pid }) => pid) },
      });
      allWereUp = true;
      systemd.ready(status);
    }
    log.info({ reason: await stopped }, 'asked to stop');
    systemd.stopping();
    return 0;
  } finally {
    process.off('SIGHUP', reload);
    await Promise.all(edges.map((edge) => edge.stop()));
    for (const port of ports) port.close();
    systemd.close();
    if (process.connected) process.disconnect();
  }
}

/** All or none. */
function bindAll({ stratum }: Config): readonly BoundPort[] {
  const bound: BoundPort[] = [];
  try {
    for (const { port } of stratum.ports) bound.push(bindPort(stratum.host, port));
  } catch (error) {
    for (const port of bound) port.close();
    throw error;
  }
  return bound;
}
