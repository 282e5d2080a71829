/**
 * `sluice doctor`: looks at a machine before it goes live and says what to change. It changes nothing itself: the one file it writes,
 * to measure the journal's disk, is gone again when it has answered.
 */
import type { Config } from '../../../config/schema.ts';
import { loadKernel } from '../../../wasm/load.ts';
import { selfTestReference } from '../../chains/kaspa/reference-pow.ts';
import { messageOf } from '../../kit/edge-error.ts';
import { lookAtDatabase } from './database-check.ts';
import { lookAtFiles } from './files-check.ts';
import { AREAS, type Finding, fail, ok } from './finding.ts';
import { lookAtJournal } from './journal-check.ts';
import { lookAtKernel } from './kernel-settings.ts';
import { lookAtMachine } from './machine-check.ts';
import { lookAtNodes } from './nodes-check.ts';
import { lookAtPorts } from './ports-check.ts';

export interface DoctorOptions {
  readonly configFile: string;
  readonly env: NodeJS.ProcessEnv;
  /** How long the journal's disk is measured. */
  readonly diskTrialMs: number;
}

/** In the order of areas. Never throws for what it finds. */
export async function examine(config: Config, options: DoctorOptions): Promise<readonly Finding[]> {
  const findings = [
    ...lookAtMachine(config),
    ...lookAtKernel(),
    lookAtKernels(),
    // By itself: the others would be measured with it.
    ...(await lookAtJournal(config, options.diskTrialMs)),
    ...(
      await Promise.all([
        lookAtDatabase(config, options.env),
        lookAtNodes(config),
        lookAtPorts(config),
        lookAtFiles(config, options.configFile, options.env),
      ])
    ).flat(),
  ];
  return AREAS.flatMap((area) => findings.filter((one) => one.area === area));
}

/** The proof of work, ours and the official one: both test themselves when they are loaded. */
function lookAtKernels(): Finding {
  try {
    loadKernel();
    selfTestReference();
    return ok('engine', 'proof of work', 'WebAssembly SIMD, and the SDK beside it, pass their self-tests');
  } catch (error) {
    return fail('engine', 'proof of work', {
      found: messageOf(error),
      expected: 'a processor and a Node with WebAssembly SIMD, and the files as they were shipped',
      change: 'npm ci; then look at the processor: SSE4.1 on x64',
    });
  }
}
