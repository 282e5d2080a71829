/**
 * The node suite against a real kaspad. Skipped, loudly, when there is no binary: KASPAD_BIN, or `kaspad` on the PATH.
 */
import { describe, it } from 'vitest';
import { nodeSuite } from '../conformance/node.suite.ts';
import { KASPAD_MISSING, KASPAD_VERSION, startKaspad } from '../kit/kaspad-process.ts';

if (KASPAD_VERSION !== '') nodeSuite(KASPAD_VERSION, startKaspad);
else {
  describe(`a Kaspa node (kaspad)${KASPAD_MISSING}`, () => {
    it.skip('behaves like one', () => {});
  });
}
