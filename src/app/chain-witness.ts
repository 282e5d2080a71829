/** The chain as a witness for the auditor, asked of the nodes. In flow questions, out flows what the chain shows; it decides nothing. */
import type { NodeLink } from '../chains/kaspa/node-link.ts';
import { goodFirst } from '../chains/kaspa/node-order.ts';
import { EdgeError } from '../kit/edge-error.ts';
import type { ChainWitness } from '../ledger/audit/audit-view.ts';
import type { KaspaPayoutChain } from '../payout/kaspa-payout-chain.ts';

/** Ten minutes at ten blocks a second: what is mature for longer must be in the books. */
const BOOKING_DAA = 6_000n;

/**
 * @param bookedBefore the score from which on rewards wait to be booked, as the payer knows: until their block is known, or until the
 * payer, which may have been down for a day, has looked at all
 */
export function chainWitness(
  chain: KaspaPayoutChain,
  links: readonly NodeLink[],
  maturityDaa: number,
  bookedBefore: () => bigint | undefined = () => undefined,
): ChainWitness {
  return {
    outputs: async () => {
      // The score first: an output of a moment later can only look younger than it is.
      const virtualDaaScore = await chain.virtualDaaScore();
      const outputs = await chain.treasuryOutputs();
      const overdueDaa = virtualDaaScore - BigInt(maturityDaa) - BOOKING_DAA;
      const waitingDaa = bookedBefore() ?? overdueDaa;
      return { outputs, bookedBelowDaa: waitingDaa < overdueDaa ? waitingDaa : overdueDaa };
    },
    isOnChain: (txid, acceptingBlock) => isOnChain(links, txid, acceptingBlock),
  };
}

/** A node that knows the block answers for all: its parent's next chain block says which ids it accepted. */
async function isOnChain(
  links: readonly NodeLink[],
  txid: string,
  acceptingBlock: string,
): Promise<boolean | undefined> {
  const connected = goodFirst(links);
  if (connected.length === 0) throw new EdgeError('SLUICE_NO_NODE', 'no Kaspa node could be asked');
  for (const link of connected) {
    const verbose = (await link.block(acceptingBlock, false))?.verboseData;
    if (!verbose) continue;
    if (!verbose.isChainBlock) return false;
    const change = await link.chainChange(verbose.selectedParentHash);
    const accepting = change?.added.find(({ hash }) => hash === acceptingBlock);
    if (accepting) return accepting.acceptedIds.includes(txid);
  }
  return undefined;
}
