/**
 * SEAM: whoever has the key. In flows a plan, out flows a signed transaction. The key is behind this: a separate process on a
 * socket can take the place of the one with a file, and checks the plan by itself.
 *
 * Signing the same plan twice gives the same txid (it covers no signatures), and bytes that may differ: whatever was stored first
 * is what is sent.
 */
import type { Plan } from './plan.ts';

export interface SignedPayout {
  readonly txid: string;
  /** What the node takes, and what is stored: these very bytes are sent, however often. */
  readonly bytes: Uint8Array;
}

export interface Signer {
  /** The treasury's address; plans of any other are refused. */
  readonly address: string;
  sign(plan: Plan): Promise<SignedPayout>;
}
