/**
 * The test miner: many connections over real TCP, each speaking as one family of real machines, grinding real nonces.
 *
 * In: a stratum server's lines. Out: shares, counts, and (`logFile`) the client-side truth about every answer. It must never
 * share code with the server's side of the protocol: two sides that read the same table agree even when both are wrong.
 */

import { loadKernel } from '../../wasm/load.ts';
import { AddressVersion, encodeAddress, prefixOfNetwork } from '../chains/kaspa/address.ts';
import { EdgeError } from '../kit/edge-error.ts';
import { type ConnectionWiring, MinerConnection } from './client-connection.ts';
import { type DialectChoice, profileOf } from './client-profiles.ts';
import { Grinder, type GrindKernel } from './grinder.ts';
import { JobLineCache } from './server-lines.ts';
import { noSubmissionLog, openSubmissionLog } from './submission-log.ts';
import { type MinerSummary, MinerTally, statusLine } from './tally.ts';

export type { DialectChoice } from './client-profiles.ts';
export { readSubmissionLog, type SubmissionEvent } from './submission-log.ts';
export { type MinerSummary, statusLine } from './tally.ts';

export interface MinerOptions {
  readonly host: string;
  readonly port: number;
  readonly dialect: DialectChoice;
  readonly connections: number;
  /** Dealt out in turn. Empty: demo addresses of `network`, which nobody holds the key of. */
  readonly addresses: readonly string[];
  readonly network: string;
  /** Workers are called prefix + number. */
  readonly workerPrefix: string;
  /** Per connection; 0 = as fast as possible. */
  readonly hashesPerSecond: number;
  /** Stops by itself after so long; 0 = runs until stopped. */
  readonly seconds: number;
  /** Unanswered submissions of one connection; 1 = a closed loop. */
  readonly inFlightMax: number;
  readonly duplicateRate: number;
  readonly staleRate: number;
  readonly badRate: number;
  /** Judges every line of the server; see `strict-watch`. */
  readonly strict: boolean;
  /** '' = no log. */
  readonly logFile: string;
  readonly reconnectMinMs: number;
  readonly reconnectMaxMs: number;
  readonly answerTimeoutMs: number;
  /** How long `stop()` waits for outstanding answers. */
  readonly settleMs: number;
  /** Connections opened per 10 ms at the start: a server accepts about one a loop turn. */
  readonly connectBurst: number;
  /** Called every `statusIntervalMs` with a plain line. */
  readonly onStatus: (line: string, summary: MinerSummary) => void;
  readonly statusIntervalMs: number;
  readonly random: () => number;
  /** Given by tests; otherwise the share kernel of `wasm/`. */
  readonly kernel: GrindKernel | undefined;
}

/** What every option is unless said otherwise. */
export const MINER_DEFAULTS: Omit<MinerOptions, 'port'> = {
  host: '127.0.0.1',
  dialect: 'mixed',
  connections: 4,
  addresses: [],
  network: 'mainnet',
  workerPrefix: 'rig',
  hashesPerSecond: 0,
  seconds: 0,
  // A machine that got no answer to this many shares sits behind a dead link; real ones send on, a test must not flood.
  inFlightMax: 64,
  duplicateRate: 0,
  staleRate: 0,
  badRate: 0,
  strict: false,
  logFile: '',
  reconnectMinMs: 250,
  reconnectMaxMs: 5_000,
  answerTimeoutMs: 30_000,
  settleMs: 5_000,
  connectBurst: 20,
  onStatus: () => {},
  statusIntervalMs: 5_000,
  random: Math.random,
  kernel: undefined,
};

/** One line per option for a person, keyed as in `MinerOptions`. */
export const MINER_OPTION_HELP: Readonly<Record<string, string>> = {
  host: 'stratum host',
  port: 'stratum port',
  dialect:
    'a dialect, by the client that stands for it, or one of eight clients; mixed = the dialects in turn, every = the clients in turn',
  connections: 'how many miners',
  addresses: 'payout addresses, dealt out in turn; demo addresses of the network if none',
  network: 'network of the demo addresses, e.g. mainnet, testnet-10, devnet',
  workerPrefix: 'workers are called this and a number',
  hashesPerSecond: 'hash rate of each miner; 0 = as fast as possible',
  seconds: 'stop after so long; 0 = run until stopped',
  inFlightMax: 'unanswered submissions of one miner; 1 = the next share only after the answer',
  duplicateRate: 'chance per share to send it twice (refused with 22)',
  staleRate: 'chance per share to send it for a dead job, too (21)',
  badRate: 'chance per share to send one that misses the target, too (23)',
  strict:
    'judge every line, refusal and hang-up of the server as the strictest client of the family would; ends with 1 on any fault',
  logFile: 'append every submission and every `true` to this file (NDJSON)',
};

export interface MinerHandle {
  summary(): MinerSummary;
  /** Stops hashing, waits for outstanding answers, closes. The same promise however often it is called. */
  stop(): Promise<MinerSummary>;
  /** Resolves with the final summary, after `seconds` or `stop()`. */
  readonly done: Promise<MinerSummary>;
}

/** Any 32 bytes are a well-formed Schnorr address; nobody holds the keys of these, so nothing real can be mined to them. */
export function demoAddresses(network: string, count: number): string[] {
  const prefix = prefixOfNetwork(network);
  if (!prefix) {
    throw new EdgeError(
      'SLUICE_NETWORK_UNKNOWN',
      `no network is called ${network}`,
      'Try mainnet or testnet-10.',
    );
  }
  return Array.from({ length: count }, (_, index) => {
    const payload = new Uint8Array(32).fill(0x51);
    new DataView(payload.buffer).setUint32(0, index + 1);
    return encodeAddress({ prefix, version: AddressVersion.SchnorrKey, payload });
  });
}

export async function runMiner(
  given: Partial<MinerOptions> & { readonly port: number },
): Promise<MinerHandle> {
  const options: MinerOptions = { ...MINER_DEFAULTS, ...given };
  // One address per four workers, so that both "many workers of one miner" and "many miners" occur.
  const addresses =
    options.addresses.length > 0
      ? options.addresses
      : demoAddresses(options.network, Math.max(1, Math.ceil(options.connections / 4)));
  const kernel = options.kernel ?? loadKernel();
  const log = options.logFile === '' ? noSubmissionLog : openSubmissionLog(options.logFile);
  const tally = new MinerTally();
  const nowMs = (): number => performance.now();
  const wiring: ConnectionWiring = {
    ...options,
    tally,
    log,
    jobLines: new JobLineCache(),
    nowMs,
    wake: () => grinder.wake(),
  };
  const connections = Array.from({ length: options.connections }, (_, index) => {
    const login = `${addresses[index % addresses.length]}.${options.workerPrefix}${index}`;
    return new MinerConnection(index, profileOf(options.dialect, index), login, wiring);
  });
  const grinder = new Grinder(kernel, connections, { ...options, nowMs });
  const startedMs = nowMs();
  const summary = (): MinerSummary => {
    tally.hashes = grinder.hashes;
    const mining = connections.filter((connection) => connection.mining).length;
    return tally.summary(connections.length, mining, (nowMs() - startedMs) / 1000);
  };

  let opened = 0;
  const opener = setInterval(() => {
    const until = Math.min(connections.length, opened + options.connectBurst);
    while (opened < until) connections[opened++]!.start();
    if (opened === connections.length) clearInterval(opener);
  }, 10);
  const sweeper = setInterval(() => {
    for (const connection of connections) connection.sweep(nowMs());
  }, 1_000);
  const status = setInterval(() => {
    const now = summary();
    options.onStatus(statusLine(now), now);
  }, options.statusIntervalMs);
  grinder.start();

  let resolveDone: (final: MinerSummary) => void;
  const done = new Promise<MinerSummary>((resolve) => (resolveDone = resolve));
  let stopping = false;
  const stop = (): Promise<MinerSummary> => {
    if (stopping) return done;
    stopping = true;
    clearInterval(opener);
    clearTimeout(deadline);
    grinder.stop();
    for (const connection of connections) connection.retire();
    void settled(connections, options.settleMs).then(() => {
      clearInterval(sweeper);
      clearInterval(status);
      for (const connection of connections) connection.stop();
      log.close();
      resolveDone(summary());
    });
    return done;
  };
  const deadline = options.seconds > 0 ? setTimeout(() => void stop(), options.seconds * 1000) : undefined;
  return { summary, stop, done };
}

/** Until nothing is outstanding, or the patience ends. */
async function settled(connections: readonly MinerConnection[], patienceMs: number): Promise<void> {
  const endMs = performance.now() + patienceMs;
  while (performance.now() < endMs && connections.some((connection) => connection.outstanding > 0)) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
