/**
 * An artefact of this folder into an instance. It must never run one whose checksum differs from the file beside it. Synchronous: a
 * thread has nothing to do before it.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EdgeError, messageOf } from '../src/kit/edge-error.ts';

const REBUILD = 'Restore wasm/ from the release, or build it again with `npm run wasm:build`.';

/**
 * @returns the module's exports
 * @throws EdgeError SLUICE_KERNEL_MISSING, SLUICE_KERNEL_CHECKSUM, SLUICE_KERNEL_UNSUPPORTED
 */
export function instantiate(folder: string, artefact: string): object {
  const bytes = readVerified(folder, artefact);
  try {
    return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
  } catch (thrown) {
    throw new EdgeError(
      'SLUICE_KERNEL_UNSUPPORTED',
      `this processor or Node version cannot run the kernel: ${messageOf(thrown)}`,
      'It needs WebAssembly SIMD: Node 20 or later, and on x86 a processor with SSE4.1.',
      thrown,
    );
  }
}

function readVerified(folder: string, artefact: string): Uint8Array {
  let bytes: Uint8Array;
  let expected: string | undefined;
  try {
    bytes = readFileSync(join(folder, artefact));
    // The format of sha256sum, so that an operator can check it without us.
    expected = readFileSync(join(folder, `${artefact}.sha256`), 'utf8').split(/\s/, 1)[0];
  } catch (thrown) {
    throw new EdgeError(
      'SLUICE_KERNEL_MISSING',
      `cannot read the kernel: ${messageOf(thrown)}`,
      REBUILD,
      thrown,
    );
  }
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== expected) {
    throw new EdgeError(
      'SLUICE_KERNEL_CHECKSUM',
      `${join(folder, artefact)} has sha256 ${found}, its checksum file says ${expected}`,
      REBUILD,
    );
  }
  return bytes;
}
