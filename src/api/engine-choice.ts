/**
 * Which HTTP engine serves: `auto` takes uWebSockets.js where a binary fits and node:http where none does, `uws` and `node`
 * take nothing else. A binary with a wrong checksum is never a reason to fall back silently: it is said.
 */
import { EdgeError } from '../kit/edge-error.ts';
import { encodingAnswers } from './content-coding.ts';
import { startNodeEngine } from './engine-node.ts';
import { startUwsEngine } from './engine-uws.ts';
import type { HttpEngine, HttpEngineName, HttpEngineOptions } from './http-engine.ts';
import { loadNative, nativeTarget, type UwsModule, verifiedBinary } from './native-binary.ts';

export type EngineChoice = 'auto' | HttpEngineName;

export interface ChosenEngine {
  readonly engine: HttpEngine;
  /** Why it is not the one hoped for; '' if it is. */
  readonly remark: string;
}

/** Answers are encoded as each request accepts, whatever `options.handle` is. */
export async function startEngine(choice: EngineChoice, given: HttpEngineOptions): Promise<ChosenEngine> {
  const options = { ...given, handle: encodingAnswers(given.handle) };
  if (choice === 'node') return { engine: await startNodeEngine(options), remark: '' };
  let native: UwsModule;
  try {
    native = loadNative(verifiedBinary(nativeTarget()));
  } catch (thrown) {
    if (choice === 'uws' || !(thrown instanceof EdgeError)) throw thrown;
    return { engine: await startNodeEngine(options), remark: `serving by node:http: ${thrown.message}` };
  }
  return { engine: await startUwsEngine(native, options), remark: '' };
}
