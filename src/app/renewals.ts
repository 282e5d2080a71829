/**
 * What may change while the engine runs: the operator's bans and the certificates. Looked at every few seconds, since a renewal tells
 * nobody, and at SIGHUP. A file that cannot be read changes nothing: what was in force stays, and the log says so every minute.
 */
import { statSync } from 'node:fs';
import { type Logger, ThrottledLog } from '../kit/log.ts';
import type { Ban } from '../stratum/fairness/ban.ts';
import type { PortOptions } from '../stratum/stratum-server.ts';
import { readBans } from './ban-file.ts';

const LOOK_EVERY_MS = 5_000;
const SAY_EVERY_MS = 60_000;

export interface RenewalsOptions {
  readonly ports: readonly PortOptions[];
  readonly banFile: string | undefined;
  readonly log: Logger;
}

export class Renewals {
  readonly #options: RenewalsOptions;
  readonly #faults = new ThrottledLog(SAY_EVERY_MS);
  #bans: readonly Ban[];
  #banStamp: string;
  #onBans: (bans: readonly Ban[]) => void = () => {};
  #timer: NodeJS.Timeout | undefined;

  /** @throws EdgeError SLUICE_BAN_FILE: at the start a list that is not one stops it */
  constructor(options: RenewalsOptions) {
    this.#options = options;
    const { banFile } = options;
    this.#banStamp = stampOf(banFile);
    this.#bans = banFile === undefined ? [] : readBans(banFile);
  }

  /** In force. */
  get bans(): readonly Ban[] {
    return this.#bans;
  }

  start(onBans: (bans: readonly Ban[]) => void): void {
    this.#onBans = onBans;
    this.#timer = setInterval(() => this.refresh(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  refresh(): void {
    const { ports, log } = this.#options;
    this.#try('bans', () => this.#refreshBans());
    for (const { tls, label } of ports) {
      this.#try(`tls of port ${label}`, () => {
        if (tls?.refresh()) log.info({ port: label }, 'a new certificate is in force');
      });
    }
  }

  #refreshBans(): void {
    const { banFile, log } = this.#options;
    const stamp = stampOf(banFile);
    if (banFile === undefined || stamp === this.#banStamp) return;
    const bans = readBans(banFile);
    this.#banStamp = stamp;
    this.#bans = bans;
    this.#onBans(bans);
    log.info({ bans: bans.length }, 'the list of bans was read again');
  }

  #try(what: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#faults.once(what, performance.now(), () =>
        this.#options.log.error({ err: error, what }, 'what was in force stays in force'),
      );
    }
  }
}

/** Empty: there is no such file. */
function stampOf(file: string | undefined): string {
  const stats = file === undefined ? undefined : statSync(file, { throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.ino}:${stats.size}:${stats.mtimeMs}`;
}
