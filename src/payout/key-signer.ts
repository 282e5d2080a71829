/**
 * The signer with the key in this process. In flows a plan, out flows a signed transaction. It trusts no plan: sums, addresses and
 * fee are looked at again, as a signer on the other end of a socket would.
 */
import { decodeAddress, prefixOfNetwork } from '../chains/kaspa/address.ts';
import type { TreasuryKey } from '../chains/kaspa/signing.ts';
import { EdgeError } from '../kit/edge-error.ts';
import type { PayoutTerms } from './payout-terms.ts';
import { faultOfPlan, type Plan, paidSompi } from './plan.ts';
import type { SignedPayout, Signer } from './signer.ts';

export class KeySigner implements Signer {
  readonly address: string;
  readonly #key: TreasuryKey;
  readonly #terms: PayoutTerms;

  constructor(key: TreasuryKey, terms: PayoutTerms) {
    this.address = key.address;
    this.#key = key;
    this.#terms = terms;
  }

  async sign(plan: Plan): Promise<SignedPayout> {
    const fault = this.#faultOf(plan);
    if (fault !== '') throw new EdgeError('SLUICE_PLAN_REFUSED', `the signer refuses this plan: ${fault}`);
    const payees = plan.payees.map(({ address, outputSompi }) => ({ address, amountSompi: outputSompi }));
    const change = { address: this.address, amountSompi: plan.changeSompi };
    return this.#key.sign({
      inputs: plan.inputs,
      outputs: plan.changeSompi > 0n ? [...payees, change] : payees,
    });
  }

  #faultOf(plan: Plan): string {
    const { networkId, feeMaxSompi, transactionMaxSompi } = this.#terms;
    const own = prefixOfNetwork(networkId);
    const foreign = plan.payees.find(({ address }) => decodeAddress(address)?.prefix !== own);
    if (plan.treasuryAddress !== this.address) return 'it is for another treasury';
    if (foreign) return `${foreign.address} is no address of ${networkId}`;
    if (plan.feeSompi > feeMaxSompi) return 'its fee is above payouts.feeKasMax';
    if (paidSompi(plan) > transactionMaxSompi) return 'it pays more than payouts.transactionKasMax';
    return faultOfPlan(plan);
  }
}
