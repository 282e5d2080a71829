import { existsSync } from 'node:fs';
import { describe, it } from 'vitest';
import { startNodeEngine } from '../../src/api/engine-node.ts';
import { startUwsEngine } from '../../src/api/engine-uws.ts';
import type { HttpEngine, HttpEngineOptions } from '../../src/api/http-engine.ts';
import { loadNative, NATIVE_FOLDER, nativeTarget, verifiedBinary } from '../../src/api/native-binary.ts';
import { describeHttpBodies } from './http-body.suite.ts';
import { describeHttpConnections } from './http-connection.suite.ts';
import { describeHttpEngine } from './http-engine.suite.ts';
import { describeHttpLive } from './http-live.suite.ts';

describeHttpEngine('node', startNodeEngine);
describeHttpBodies('node', startNodeEngine);
describeHttpConnections('node', startNodeEngine);
describeHttpLive('node', startNodeEngine);

if (existsSync(`${NATIVE_FOLDER}/uws_${nativeTarget()}.node`)) {
  const startUws = (options: HttpEngineOptions): Promise<HttpEngine> =>
    startUwsEngine(loadNative(verifiedBinary(nativeTarget())), options);
  describeHttpEngine('uws', startUws);
  describeHttpBodies('uws', startUws);
  describeHttpConnections('uws', startUws);
  describeHttpLive('uws', startUws);
} else {
  describe('the HTTP engine uws', () => {
    it.skip(`has no binary for ${nativeTarget()}`, () => {});
  });
}
