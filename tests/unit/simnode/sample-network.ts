/** A simulated network without clock or real proof of work, and the shortest way to put a block into it. */
import { shareTarget } from '../../../src/domain/target.ts';
import { type BlockVerdict, type NetworkSettings, SimNetwork } from '../../../src/simnode/network.ts';
import { SIMNODE_DEFAULTS } from '../../../src/simnode/simnode.ts';
import { type DraftBlock, headerBytes } from '../../../src/simnode/template-maker.ts';

export const NOW_MS = 1_800_000_000_000;
export const MINER_SCRIPT = `20${'77'.repeat(32)}ac`;

/** Odd nonces pass. */
export function sampleNetwork(overrides: Partial<NetworkSettings> = {}): SimNetwork {
  const settings = { ...SIMNODE_DEFAULTS, target: shareTarget(-12), redRate: 0, forkRate: 0, ...overrides };
  const network = new SimNetwork(
    settings,
    (_prePow, _timestampMs, _bits, nonce) => nonce % 2n === 1n,
    NOW_MS,
  );
  network.mine(3, NOW_MS);
  return network;
}

export function submitDraft(
  network: SimNetwork,
  draft: DraftBlock,
  nonce: bigint,
  nowMs = NOW_MS,
): BlockVerdict {
  return network.submitBlock(headerBytes({ ...draft.header, nonce }), draft.bodies, nowMs);
}

/** Submits a block that pays to `script`; returns its hash. */
export function mineOwn(network: SimNetwork, script = MINER_SCRIPT, nonce = 1n): string {
  const verdict = submitDraft(network, network.template(script, 'tag', NOW_MS)!, nonce);
  if (!verdict.ok) throw new Error(verdict.reason);
  return verdict.hash;
}
