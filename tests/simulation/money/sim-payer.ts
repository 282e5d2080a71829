/**
 * A payer of the simulation: the real machine, planner and check at the start, around them what `sluice payer` does: take the lead, tick,
 * and begin anew when anything fails. It is an actor: killed at a named point it is gone with all it remembered.
 */
import { silentLogger } from '../../../src/kit/log.ts';
import { checkAgainstChain } from '../../../src/payout/ledger-head.ts';
import type { PayoutChain } from '../../../src/payout/payout-chain.ts';
import { PayoutMachine } from '../../../src/payout/payout-machine.ts';
import type { PayoutStore } from '../../../src/payout/payout-store.ts';
import type { PayoutTerms } from '../../../src/payout/payout-terms.ts';
import type { Signer } from '../../../src/payout/signer.ts';
import type { Actor, Turns } from './turns.ts';

export interface SimPayerParts {
  readonly actor: Actor;
  readonly turns: Turns;
  readonly terms: PayoutTerms;
  readonly chain: PayoutChain;
  readonly signer: Signer;
  /** undefined while another one has it. */
  readonly takeLead: () => { readonly epoch: bigint; readonly store: PayoutStore } | undefined;
  readonly loseLead: () => void;
  /** True: killed here. */
  readonly killedAt: (point: string) => boolean;
  readonly onFault: (what: string) => void;
  readonly tickMs: number;
}

/** Runs until it is killed; nobody awaits it. */
export async function runSimPayer(parts: SimPayerParts): Promise<void> {
  const { actor, turns } = parts;
  while (actor.alive) {
    await turns.wait(actor, parts.tickMs);
    const lead = parts.takeLead();
    if (!lead) continue;
    try {
      await leadOnce(parts, lead.store);
    } catch (error) {
      // Whatever it was: the lead is given up, and with it all that was remembered.
      parts.onFault(`${actor.name} lost its lead: ${(error as Error).message}`);
      parts.loseLead();
    }
  }
}

async function leadOnce(parts: SimPayerParts, store: PayoutStore): Promise<void> {
  const { actor, turns, terms, chain, signer } = parts;
  while ((await checkAgainstChain(store, chain)) === 'behind') await turns.wait(actor, parts.tickMs);
  const machine = new PayoutMachine({
    ...{ store, chain, signer, terms, log: silentLogger },
    clock: () => turns.nowMs,
    atPoint: async (point) => {
      if (parts.killedAt(point)) await new Promise(() => {});
    },
  });
  for (;;) {
    await machine.tick();
    await turns.wait(actor, parts.tickMs);
  }
}
