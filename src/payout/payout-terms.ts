/** The limits of payouts, in integers. Pure: in flows the configuration, out flow terms. */
import type { Config } from '../../config/schema.ts';
import { sompiOf } from '../domain/money.ts';
import type { FeePayer } from './plan.ts';

export interface PayoutTerms {
  readonly networkId: string;
  readonly treasuryAddress: string;
  /** Least balance that is paid, where the account asks for nothing else. */
  readonly minimumSompi: bigint;
  /** Nothing below is paid, whatever an account asked for. */
  readonly leastSompi: bigint;
  readonly intervalMs: number;
  readonly feeFrom: FeePayer;
  /** Sompi per gram. */
  readonly feerateMax: number;
  readonly feeMaxSompi: bigint;
  readonly transactionMaxSompi: bigint;
  readonly dayMaxSompi: bigint;
  readonly accountDayMaxSompi: bigint;
  readonly massMaxGrams: bigint;
  /** Before a coinbase output can be spent. */
  readonly maturityDaa: bigint;
  readonly confirmDaa: bigint;
  /** More spendable outputs than this are joined; 0 = never. */
  readonly consolidateAbove: number;
  readonly resendMs: number;
}

/** A transaction that no node holds is gone with the node that had it: half a minute, twice, is soon enough. */
const RESEND_MS = 30_000;

/** The configuration's amounts were checked when it was read. */
export function payoutTermsOf({ kaspa, payouts, rewards }: Config): PayoutTerms {
  const sompi = (kas: string): bigint => sompiOf(kas)!;
  return {
    networkId: kaspa.network,
    treasuryAddress: kaspa.payAddress,
    minimumSompi: sompi(payouts.minimumKas),
    // With nothing as the least, an account at its cap would be paid nothing, which no transaction can.
    leastSompi: sompi(payouts.minimumKasLeast) || 1n,
    intervalMs: payouts.intervalMinutes * 60_000,
    feeFrom: payouts.networkFeeFrom,
    feerateMax: payouts.feerateMax,
    feeMaxSompi: sompi(payouts.feeKasMax),
    transactionMaxSompi: sompi(payouts.transactionKasMax),
    dayMaxSompi: sompi(payouts.dayKasMax),
    accountDayMaxSompi: sompi(payouts.addressDayKasMax),
    massMaxGrams: BigInt(payouts.massGramsMax),
    maturityDaa: BigInt(rewards.maturityDaa),
    confirmDaa: BigInt(payouts.confirmDaa),
    consolidateAbove: payouts.consolidateAbove,
    resendMs: RESEND_MS,
  };
}
