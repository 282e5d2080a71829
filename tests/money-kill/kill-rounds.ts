/**
 * The kill rounds. A payer pays; at a named point of its way something dies: the payer, its database, its connections, or its lead. It
 * goes on, and after every few rounds all must be paid: once, and all of it.
 *
 *   money comes > a round is asked for > the payer stands at the point > strike > start again or go on > ... > settle > reckon
 *
 * The seed draws amounts, victims and their points; what the processes do meanwhile it does not, so it repeats the plan, not the run.
 */
import { TreasuryKey } from '../../src/chains/kaspa/signing.ts';
import { CRASH_POINTS, type CrashPoint } from '../../src/payout/crash-points.ts';
import { seededRandom } from '../kill/seeded-random.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { MoneyFeed } from './money-feed.ts';
import { CONFIRM_DAA, CONSOLIDATE_ABOVE, MoneyRig, NETWORK } from './money-rig.ts';
import type { PayerProcess } from './payer-process.ts';
import { openWork, type Reckoning, reckon } from './reckoning.ts';

export interface MoneyKillOptions {
  readonly rounds: number;
  /** Instead of the seed's plan: the payer is killed at each of these once. */
  readonly points?: readonly CrashPoint[];
  readonly seed: number;
  readonly onRound?: (line: string) => void;
}

export interface MoneyKillReport {
  readonly rounds: number;
  readonly kills: Readonly<Record<string, number>>;
  readonly payouts: number;
  readonly payments: number;
  readonly double: number;
  readonly missing: number;
  readonly stuck: number;
  readonly faults: readonly string[];
  readonly seconds: number;
  /** Still there when something was wrong. */
  readonly folder: string;
}

type Victim = 'payer' | 'postgres' | 'backend' | 'node' | 'lead';

/** Others than the payer die at points that every payout passes. */
const OTHERS: readonly Victim[] = ['postgres', 'backend', 'node', 'lead'];
const PLAIN_POINTS = CRASH_POINTS.filter((point) => !/resend|reorganised|conflict|consolidation/.test(point));
/** After so many rounds all is let run to its end. */
const SETTLE_EVERY = 10;
/** 50 KAS each. */
const BLOCKS_A_ROUND = 5;
/** More than it takes to get a payout accepted while the chain is made by hand. */
const REORG_BLOCKS = 12;
/** The payer looks every second. */
const MERGE_LOOK_MS = 1_500;
const OTHER_WALLET_FEE_SOMPI = 2_000_000n;
const STEP_LIMIT_MS = 60_000;
/** Longer than two audits of the rig are apart. */
const QUIET_MS = 3_000;
const SETTLE_LIMIT_MS = 120_000;

export async function runMoneyKillRounds(options: MoneyKillOptions): Promise<MoneyKillReport> {
  const startedMs = performance.now();
  const rig = await MoneyRig.open();
  options.onRound?.(`logs and database: ${rig.folder}`);
  const field = new KillField(rig, options);
  let isSound = false;
  try {
    const { double, missing, stuck, faults } = await field.run();
    const [done] = await rig.sql<{ payouts: number; payments: number }[]>`
      SELECT count(DISTINCT p.id)::int AS payouts, count(y.account_id)::int AS payments
      FROM payouts p LEFT JOIN payments y ON y.payout_id = p.id WHERE p.state = 'CONFIRMED'`;
    isSound = double + missing + stuck + faults.length === 0;
    return {
      ...{ rounds: options.rounds, kills: field.kills, ...done!, double, missing, stuck, faults },
      ...{ seconds: (performance.now() - startedMs) / 1000, folder: rig.folder },
    };
  } finally {
    await field.end();
    await rig.close(!isSound);
  }
}

class KillField {
  readonly kills: Record<string, number> = {};
  readonly #rig: MoneyRig;
  readonly #options: MoneyKillOptions;
  readonly #random: () => number;
  readonly #feed: MoneyFeed;
  #payer: PayerProcess | undefined;

  constructor(rig: MoneyRig, options: MoneyKillOptions) {
    this.#rig = rig;
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#feed = new MoneyFeed(rig, this.#random);
  }

  async run(): Promise<Reckoning> {
    this.#payer = this.#rig.startPayer();
    await this.#payer.leading(STEP_LIMIT_MS);
    await this.#feed.open();
    await this.#feed.takeIn(BLOCKS_A_ROUND);
    await this.#rig.depositFromElsewhere();
    let reckoning: Reckoning = { double: 0, missing: 0, stuck: 0, faults: [] };
    for (let round = 0; round < this.#options.rounds; round++) {
      await this.#round(round);
      if ((round + 1) % SETTLE_EVERY !== 0 && round + 1 < this.#options.rounds) continue;
      reckoning = await this.#settle();
      const { double, missing, stuck, faults } = reckoning;
      this.#options.onRound?.(`  settled: double=${double} missing=${missing} stuck=${stuck}`);
      if (double + missing + stuck + faults.length > 0) return reckoning;
    }
    return reckoning;
  }

  async end(): Promise<void> {
    if (this.#payer && !this.#payer.ended) await this.#payer.kill();
  }

  async #round(round: number): Promise<void> {
    const startedMs = performance.now();
    const { victim, point } = this.#choose(round);
    try {
      await this.#feed.takeIn(BLOCKS_A_ROUND);
      await pollUntil('somebody is due', async () => (await openWork(this.#rig)).due > 0, STEP_LIMIT_MS);
      await this.#standAt(point);
      await this.#strike(victim, point);
      if (point.endsWith('-conflict')) await this.#clearHalts();
    } catch (error) {
      throw new Error(`round ${round}, ${victim} at ${point}: ${(error as Error).message}`, { cause: error });
    }
    this.kills[`${victim} ${point}`] = (this.kills[`${victim} ${point}`] ?? 0) + 1;
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    this.#options.onRound?.(`round ${round + 1}: ${victim} at ${point}, ${seconds} s`);
  }

  /** The payer at each point in turn, every third round something else at some point. */
  #choose(round: number): { victim: Victim; point: CrashPoint } {
    const { points } = this.#options;
    if (points) return { victim: 'payer', point: points[round % points.length]! };
    if (round % 3 !== 2) {
      const place = (round - Math.floor(round / 3)) % CRASH_POINTS.length;
      return { victim: 'payer', point: CRASH_POINTS[place]! };
    }
    const victim = OTHERS[Math.floor(round / 3) % OTHERS.length]!;
    return { victim, point: PLAIN_POINTS[Math.floor(this.#random() * PLAIN_POINTS.length)]! };
  }

  // ------------------------------------------------------------------------------------------------------- to the point

  async #standAt(point: CrashPoint): Promise<void> {
    if (point.endsWith('-resend') || point.endsWith('-conflict')) {
      await this.#stands('after-store-broadcast');
      await this.#payer!.kill();
      // Nothing was sent: so the input is free for another wallet, or the next payer has to send it.
      if (point.endsWith('-conflict')) await this.#spendElsewhere();
      await this.#start(point);
      await this.#payer!.stands(point, STEP_LIMIT_MS);
      return;
    }
    if (point.endsWith('-consolidation')) await this.#feed.hoard(CONSOLIDATE_ABOVE + 2);
    if (!point.endsWith('-reorganised')) return this.#stands(point);
    // The chain stands still meanwhile: a payer that was slow to look would find it deeper than the reorganisation reaches.
    await this.#stands('before-send');
    await this.#rig.control.send('freeze', { value: true });
    this.#payer!.arm('after-accept');
    this.#payer!.goOn();
    await this.#untilAccepted();
    await this.#rig.control.send('reorg', { value: REORG_BLOCKS });
    await this.#rig.control.send('freeze', { value: false });
    this.#payer!.arm(point);
    this.#payer!.goOn();
    await this.#payer!.stands(point, STEP_LIMIT_MS);
  }

  async #untilAccepted(): Promise<void> {
    await pollUntil(
      'the payout is accepted',
      async () => {
        await this.#rig.deepen(1);
        return this.#payer!.stands('after-accept', MERGE_LOOK_MS).then(
          () => true,
          () => false,
        );
      },
      STEP_LIMIT_MS,
    );
  }

  async #stands(point: CrashPoint): Promise<void> {
    this.#payer!.arm(point);
    await this.#ask();
    await this.#payer!.stands(point, STEP_LIMIT_MS);
  }

  /** A round now. */
  async #ask(): Promise<void> {
    await this.#rig.sql`INSERT INTO payout_requests (verb, requested_by) VALUES ('run', 'kill rounds')`;
  }

  async #start(armed?: CrashPoint): Promise<void> {
    this.#payer = this.#rig.startPayer(armed);
    if (!armed) await this.#payer.leading(STEP_LIMIT_MS);
  }

  // ------------------------------------------------------------------------------------------------------------- strikes

  async #strike(victim: Victim, point: CrashPoint): Promise<void> {
    const payer = this.#payer!;
    if (victim === 'payer') {
      await payer.kill();
      // What another wallet did is put right before a payer looks at the chain: it would refuse to start.
      if (point === 'after-conflict') await this.#mendConflict();
      await this.#start();
      return this.#mendConflict();
    }
    if (victim === 'lead') return this.#overtake();
    if (victim === 'node') await this.#rig.control.send('disconnect');
    if (victim === 'postgres') killHard([this.#rig.postmasterPid()]);
    if (victim === 'backend') killHard(await this.#rig.payerBackends());
    payer.goOn();
    await this.#rig.databaseAnswers();
  }

  /** The first payer stands still, its connection is cut, a second one takes the lead; then the first one goes on where it stood. */
  async #overtake(): Promise<void> {
    const first = this.#payer!;
    for (const pid of await this.#rig.payerBackends())
      await this.#rig.sql`SELECT pg_terminate_backend(${pid})`;
    await this.#start();
    first.goOn();
    // It must find out by itself, and wait for the lead as long as the second one has it.
    await new Promise((resolve) => setTimeout(resolve, 500));
    if (first.ended) throw new Error('the payer that was overtaken has ended');
    await first.kill();
  }

  // ------------------------------------------------------------------------------------------------------------ conflict

  #spent: { outpoint: string; amountSompi: bigint; by: string } | undefined;

  async #spendElsewhere(): Promise<void> {
    const { sql, miner, treasury, keyFile } = this.#rig;
    const [input] = await sql<{ txid: string; output_index: number; amount_sompi: bigint }[]>`
      SELECT t.txid, t.output_index, t.amount_sompi FROM payout_inputs i JOIN treasury_outputs t USING (txid, output_index)
      WHERE i.payout_id = (SELECT max(id) FROM payouts WHERE state = 'BROADCAST') LIMIT 1`;
    const { txid, output_index: index, amount_sompi: amountSompi } = input!;
    const other = TreasuryKey.read(keyFile, treasury, NETWORK, undefined).sign({
      inputs: [{ txid, index, amountSompi }],
      outputs: [{ address: treasury, amountSompi: amountSompi - OTHER_WALLET_FEE_SOMPI }],
    });
    await miner.link.submitTransaction(other.bytes);
    this.#spent = { outpoint: `${txid}:${index}`, amountSompi, by: other.txid };
    await pollUntil('the other wallet is on the chain', () => this.#otherOutput(), STEP_LIMIT_MS);
    await this.#rig.deepen(CONFIRM_DAA + 5);
  }

  async #otherOutput(): Promise<object | undefined> {
    const all = await this.#rig.miner.link.utxosOf([this.#rig.treasury]);
    return all.find(({ transactionId }) => transactionId === this.#spent?.by);
  }

  /** What a person does: look for the payout that lost, book what the other wallet took, clear the halts. */
  async #mendConflict(): Promise<void> {
    if (!this.#spent) return;
    const { outpoint, amountSompi, by } = this.#spent;
    await pollUntil('the payout is in conflict', () => this.#hasNoLiveOn(outpoint), STEP_LIMIT_MS);
    // The payer says it after the payout was booked; killed in between, it never does.
    if (!this.#payer!.ended) await pollUntil('payouts are halted', () => this.#isHalted(), STEP_LIMIT_MS);
    await this.#rig.withdraw(outpoint, by, amountSompi);
    this.#spent = undefined;
  }

  /** An audit that began before the books were put right may raise one more. */
  async #clearHalts(): Promise<void> {
    let quietSinceMs = performance.now();
    while (performance.now() - quietSinceMs < QUIET_MS) {
      if (await this.#isHalted()) quietSinceMs = performance.now();
      await this.#rig.sql`
        UPDATE halts SET cleared_by = 'kill rounds', cleared_at = now()
        WHERE cleared_at IS NULL AND code <> 'SETTLEMENT_DIFFERS'`;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  async #isHalted(): Promise<boolean> {
    return (await openWork(this.#rig)).halts !== '';
  }

  async #hasNoLiveOn(outpoint: string): Promise<boolean> {
    const rows = await this.#rig.sql`
      SELECT FROM payout_inputs WHERE live AND txid || ':' || output_index = ${outpoint}`;
    return rows.length === 0;
  }

  // -------------------------------------------------------------------------------------------------------------- settle

  /** Until nothing is open, or for two minutes; then whatever is open is stuck. */
  async #settle(): Promise<Reckoning> {
    const deadline = performance.now() + SETTLE_LIMIT_MS;
    let asked = 0;
    await this.#feed.booked();
    while (performance.now() < deadline) {
      const { live, due, unsettled, halts } = await openWork(this.#rig);
      if (halts !== '') return { double: 0, missing: 0, stuck: live + due, faults: [`halted: ${halts}`] };
      if (live + due + unsettled === 0) break;
      if (live === 0 && performance.now() - asked > 3_000) {
        asked = performance.now();
        await this.#ask();
      }
      await this.#rig.deepen(5);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return reckon(this.#rig);
  }
}

function killHard(pids: readonly (number | undefined)[]): void {
  for (const pid of pids) {
    try {
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
    } catch (error) {
      // It ended between the question and the kill.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}
