import { existsSync } from 'node:fs';
import { describe, it } from 'vitest';
import { startNodeEngine } from '../../src/api/engine-node.ts';
import { startUwsEngine } from '../../src/api/engine-uws.ts';
import { loadNative, NATIVE_FOLDER, nativeTarget, verifiedBinary } from '../../src/api/native-binary.ts';
import { describeHttpEngine } from './http-engine.suite.ts';

describeHttpEngine('node', startNodeEngine);

if (existsSync(`${NATIVE_FOLDER}/uws_${nativeTarget()}.node`)) {
  describeHttpEngine('uws', (options) => startUwsEngine(loadNative(verifiedBinary(nativeTarget())), options));
} else {
  describe('the HTTP engine uws', () => {
    it.skip(`has no binary for ${nativeTarget()}`, () => {});
  });
}
