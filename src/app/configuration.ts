/**
 * The configuration of a running process: what is in force, where each value comes from, and reading the file again.
 *
 *   start --> in force --SIGHUP, console--> read again --faulty--> nothing changes, the fault is told
 *                                               '--sound--> the diff: applied | the payer's | at the next start, by name
 */
import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import {
  type ConfigChange,
  type ConfigEntry,
  changesBetween,
  entriesOf,
  withApplied,
} from '../../config/entries.ts';
import { loadConfigText } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import type { ConfigurationView, ReloadAnswer } from '../api/operator/status-schema.ts';
import { messageOf } from '../kit/edge-error.ts';
import { checkConfiguration } from './config-check.ts';
import { type EdgePlace, edgeConfig } from './edge-config.ts';

interface Reading {
  readonly config: Config;
  readonly entries: readonly ConfigEntry[];
  readonly sha256: string;
  readonly readAt: string;
}

export class Configuration {
  readonly #file: string;
  readonly #edge: EdgePlace | undefined;
  #inForce: Config;
  #entries: ReadonlyMap<string, ConfigEntry>;
  #sha256: string;
  #readAt: string;

  /** @throws EdgeError of `loadConfig` and of `edgeConfig` */
  constructor(file: string, edge?: EdgePlace) {
    this.#file = file;
    this.#edge = edge;
    const reading = this.#read();
    this.#inForce = reading.config;
    this.#entries = byKey(reading.entries);
    this.#sha256 = reading.sha256;
    this.#readAt = reading.readAt;
  }

  get inForce(): Config {
    return this.#inForce;
  }

  view(): ConfigurationView {
    return {
      file: resolve(this.#file),
      sha256: this.#sha256,
      readAt: this.#readAt,
      entries: [...this.#entries.values()],
    };
  }

  /** @param apply is called with what is then in force, before it is; absent: only look */
  reload(apply?: (config: Config, changes: readonly ConfigChange[]) => void): ReloadAnswer {
    try {
      const reading = this.#read();
      checkConfiguration(reading.config, this.#file, process.env);
      const changes = changesBetween(this.#inForce, reading.config);
      if (!apply) return { fault: '', changes };
      const inForce = withApplied(this.#inForce, reading.config);
      apply(inForce, changes);
      this.#adopt(reading, inForce, changes);
      return { fault: '', changes };
    } catch (thrown) {
      return {
        fault: messageOf(thrown).replace(/ Nothing was started\.$/, ' Nothing was applied.'),
        changes: [],
      };
    }
  }

  /** What waits for a restart keeps the place that it was read from. */
  #adopt(reading: Reading, inForce: Config, changes: readonly ConfigChange[]): void {
    const waiting = new Set(changes.filter(({ effect }) => effect !== 'applied').map(({ key }) => key));
    const fresh = byKey(reading.entries.filter(({ key }) => !waiting.has(key)));
    this.#entries = new Map([...this.#entries].map(([key, entry]) => [key, fresh.get(key) ?? entry]));
    this.#inForce = inForce;
    this.#sha256 = reading.sha256;
    this.#readAt = reading.readAt;
  }

  #read(): Reading {
    const { config: whole, text } = loadConfigText(this.#file);
    const config = this.#edge === undefined ? whole : edgeConfig(whole, this.#edge, availableParallelism());
    return {
      config,
      entries: entriesOf(config, whole, { fileName: this.#file, text }),
      sha256: createHash('sha256').update(text).digest('hex'),
      readAt: new Date().toISOString(),
    };
  }
}

function byKey(entries: readonly ConfigEntry[]): ReadonlyMap<string, ConfigEntry> {
  return new Map(entries.map((entry) => [entry.key, entry]));
}
