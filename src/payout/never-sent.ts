/**
 * Was a payout really never sent? In flow a chain and a txid, out flows the block from which its acceptance can be found, or nothing.
 *
 * SIGNED says that no byte left, since BROADCAST is stored before the send. A server that fails over to a copy a second behind, or
 * that commits without waiting for its disk, can forget BROADCAST and bring SIGNED back for bytes that are on the chain. Whoever
 * believes it then cancels a payment that was made, and it is made again. So before anything is built on SIGNED, the chain is asked.
 */
import { EdgeError } from '../kit/edge-error.ts';
import type { PayoutChain } from './payout-chain.ts';
import type { PayoutStore } from './payout-store.ts';

/** A chain block of before any send that can still be found; undefined when neither mempool nor chain has the transaction. */
export async function sentAfterAll(chain: PayoutChain, txid: string): Promise<string | undefined> {
  const from = await chain.oldestBlock();
  // Without inputs: nobody looks for other spenders, which would read block after block.
  const fate = await chain.fateOf(txid, from, []);
  return fate.kind === 'unknown' ? undefined : from;
}

/** By a person. @throws EdgeError SLUICE_PAYOUT_SENT, also where only the chain knows that it was; and what a node throws */
export async function cancelPayout(
  { store, chain }: { readonly store: PayoutStore; readonly chain: PayoutChain },
  id: bigint,
  reason: string,
): Promise<void> {
  const payout = (await store.live()).find((one) => one.id === id);
  if (payout?.state === 'SIGNED' && (await sentAfterAll(chain, payout.signed!.txid)) !== undefined) {
    throw new EdgeError(
      'SLUICE_PAYOUT_SENT',
      `payout ${id} was sent: the chain knows transaction ${payout.signed!.txid}, although the database has forgotten it`,
      'Nothing is to be done: the payer finds it there and goes on. Look why the database lost a commit.',
    );
  }
  await store.cancel(id, reason);
}
