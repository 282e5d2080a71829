/**
 * Which transaction on the selected chain spent an output. In flow a node and outpoints, out flows the spender, or nothing.
 *
 * A node has no index for it, so the blocks that each chain block merged are read, with all their transactions: a megabyte a second
 * of chain. That is only done for a payout whose input is gone and that is not on the chain itself, which should never be.
 */
import type { NodeLink } from '../chains/kaspa/node-link.ts';
import { decodeWireHeader, decodeWireTransaction } from '../chains/kaspa/wire.ts';
import { type Outpoint, outpointKey } from './plan.ts';

export interface Spender {
  readonly txid: string;
  /** Of the chain block that accepted it. */
  readonly daaScore: bigint;
}

interface Search {
  readonly node: string;
  at: string;
  found: (Spender & { readonly block: string }) | undefined;
}

/** Chain blocks read in one go: some seconds. The next tick goes on from there. */
const BLOCKS_PER_GO = 300;
/** Searches at once; more than a few means that the whole treasury is being spent by somebody else. */
const SEARCHES_MAX = 100;

export class SpenderSearch {
  readonly #searches = new Map<string, Search>();

  /** @param txid of the payout that lacks the inputs */
  async find(
    link: NodeLink,
    txid: string,
    chainFrom: string,
    inputs: readonly Outpoint[],
  ): Promise<Spender | undefined> {
    let search = this.#searches.get(txid);
    if (search?.node !== link.name) search = { node: link.name, at: chainFrom, found: undefined };
    if (this.#searches.size >= SEARCHES_MAX) this.#searches.delete(this.#searches.keys().next().value!);
    this.#searches.set(txid, search);
    const change = await link.chainChange(search.at);
    if (!change) {
      this.#searches.delete(txid);
      return undefined;
    }
    if (search.found && change.removed.includes(search.found.block)) search.found = undefined;
    const wanted = new Set(inputs.map(outpointKey));
    for (const { hash, acceptedIds } of change.added.slice(0, BLOCKS_PER_GO)) {
      search.at = hash;
      const found = search.found
        ? undefined
        : await spenderIn(link, hash, othersThan(txid, acceptedIds), wanted);
      if (found) search.found = { ...found, block: hash };
    }
    return search.found;
  }
}

/** A payout that was accepted between two questions is no conflict with itself. */
function othersThan(txid: string, acceptedIds: readonly string[]): ReadonlySet<string> {
  return new Set(acceptedIds.filter((id) => id !== txid));
}

/** A transaction may stand in several merged blocks; it counts where the chain block lists it as accepted. */
async function spenderIn(
  link: NodeLink,
  chainBlock: string,
  accepted: ReadonlySet<string>,
  wanted: ReadonlySet<string>,
): Promise<Spender | undefined> {
  const block = await link.block(chainBlock, false);
  const verbose = block?.verboseData;
  if (!block || !verbose) return undefined;
  for (const hash of [...verbose.mergeSetBluesHashes, ...verbose.mergeSetRedsHashes]) {
    const merged = await link.block(hash, true);
    for (const [place, bytes] of (merged?.transactions ?? []).entries()) {
      const txid = merged?.verboseData?.transactionIds[place] ?? '';
      if (accepted.has(txid) && spends(bytes, wanted))
        return { txid, daaScore: BigInt(decodeWireHeader(block.header).daaScore) };
    }
  }
  return undefined;
}

function spends(bytes: Buffer, wanted: ReadonlySet<string>): boolean {
  return decodeWireTransaction(bytes).inputs.some(
    ({ previousOutpoint }) =>
      previousOutpoint &&
      wanted.has(outpointKey({ txid: previousOutpoint.transactionId, index: previousOutpoint.index })),
  );
}
