/** The console's desk: puts together what it shows, and sees to what it orders. What engines told comes in; the rest is asked here. */
import type { OperatorDesk } from '../api/operator/operator-desk.ts';
import type {
  ActionAnswer,
  ConfigurationView,
  OperatorBooks,
  OperatorStatus,
  ReloadAnswer,
} from '../api/operator/status-schema.ts';
import { EdgeError } from '../kit/edge-error.ts';
import { type BooksGlance, type Told, verdictOf } from '../live/verdict.ts';
import { networkKey } from '../stratum/fairness/networks.ts';
import { addBan, removeBan } from './ban-file.ts';
import type { BooksDesk } from './operator-books.ts';

export interface OperatorDeskSources {
  readonly service: OperatorStatus['service'];
  /** Absent where there is no database to ask. */
  readonly books?: BooksDesk;
  readonly banFile: string | undefined;
  engines(): readonly Told[];
  configuration(): ConfigurationView;
  reload(dryRun: boolean): Promise<ReloadAnswer>;
  /** Engines look at the list of bans now. */
  bansChanged(): void;
  log(who: string, what: string, outcome: string): void;
}

const ACTIONS_KEPT = 20;
/** Longer ones say nothing more on one screen. */
const TEXT_SHOWN = 300;
const MS_PER_HOUR = 3_600_000;

export class ConsoleDesk implements OperatorDesk {
  readonly #sources: OperatorDeskSources;
  readonly #actions: OperatorStatus['actions'][number][] = [];

  constructor(sources: OperatorDeskSources) {
    this.#sources = sources;
  }

  async status(): Promise<OperatorStatus> {
    const { service, books: desk, engines, configuration } = this.#sources;
    const books = (await desk?.read()) ?? null;
    const told = engines();
    return {
      at: new Date().toISOString(),
      verdict: verdictText(told, books),
      service,
      engines: told.map(({ report, ageMs }) => ({
        instance: report.instance,
        pid: report.pid,
        ageSeconds: Math.round(ageMs / 100) / 10,
        snapshot: report.snapshot,
        inside: report.inside,
      })),
      books,
      configuration: configuration(),
      actions: this.#actions,
    };
  }

  haltPayouts({ reason }: { reason: string }, who: string): Promise<ActionAnswer> {
    return this.#withBooks((books) => books.halt(reason, who));
  }

  resumePayouts(who: string): Promise<ActionAnswer> {
    return this.#withBooks((books) => books.resume(who));
  }

  runPayout(who: string): Promise<ActionAnswer> {
    return this.#withBooks((books) => books.runRound(who));
  }

  async ban(given: { network: string; reason: string; hours?: number | undefined }): Promise<ActionAnswer> {
    const { network, reason, hours } = given;
    const file = this.#banFile();
    if (networkKey(network) === undefined)
      return { done: false, outcome: 'not done: expected an IP address or a network such as 203.0.113.0/24' };
    const nowUnixMs = Date.now();
    const until = hours === undefined ? {} : { untilUnixMs: nowUnixMs + hours * MS_PER_HOUR };
    addBan(file, { network, reason, ...until }, nowUnixMs);
    this.#sources.bansChanged();
    const how = hours === undefined ? 'for ever' : `for ${hours} h`;
    return { done: true, outcome: `${network} is banned ${how}; its connections end now` };
  }

  async unban({ network }: { network: string }): Promise<ActionAnswer> {
    if (!removeBan(this.#banFile(), network))
      return { done: false, outcome: `not done: ${network} is not banned` };
    this.#sources.bansChanged();
    return { done: true, outcome: `${network} may connect again` };
  }

  async reload({ dryRun }: { dryRun: boolean }): Promise<ActionAnswer> {
    const { fault, changes } = await this.#sources.reload(dryRun);
    if (fault !== '') return { done: false, outcome: `nothing was applied: ${fault}`, changes: [] };
    const applied = changes.filter(({ effect }) => effect === 'applied').length;
    const waiting = changes.length - applied;
    const outcome =
      changes.length === 0
        ? 'the file says what is in force'
        : `${dryRun ? 'would apply' : 'applied'} ${applied}; ${waiting} of the changes ${waiting === 1 ? 'needs' : 'need'} more than a reload`;
    return { done: true, outcome, changes };
  }

  note(who: string, what: string, outcome: string): void {
    const text = (long: string): string =>
      long.length > TEXT_SHOWN ? `${long.slice(0, TEXT_SHOWN)}...` : long;
    this.#actions.push({ at: new Date().toISOString(), who, what: text(what), outcome: text(outcome) });
    if (this.#actions.length > ACTIONS_KEPT) this.#actions.shift();
    this.#sources.log(who, what, outcome);
  }

  #banFile(): string {
    const { banFile } = this.#sources;
    if (banFile !== undefined) return banFile;
    throw new EdgeError(
      'SLUICE_OPTION_INVALID',
      'no list of bans is named',
      'Set stratum.banFile and restart',
    );
  }

  async #withBooks(work: (books: BooksDesk) => Promise<ActionAnswer>): Promise<ActionAnswer> {
    const { books } = this.#sources;
    return books ? work(books) : { done: false, outcome: 'not done: there is no database to ask' };
  }
}

function verdictText(told: readonly Told[], books: OperatorBooks | null): OperatorStatus['verdict'] {
  const { state, reasons } = verdictOf(told, books === null ? undefined : glanceOf(books));
  return { state, reasons: [...reasons] };
}

function glanceOf(books: OperatorBooks): BooksGlance {
  return {
    fault: books.fault,
    halts: books.halts,
    payerKnown: books.payer.leader !== '',
    payerLeads: books.payer.leads,
    payerToldSecondsAgo: books.payer.toldSecondsAgo,
    payerFaults: books.payer.faults,
    violations: books.violations,
  };
}
