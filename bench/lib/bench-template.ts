/** Templates for cases that need no node: their work is told apart by a number, and no hash is a block. */
import { createHash } from 'node:crypto';
import type { Template } from '../../src/domain/job.ts';

export function networkNeverMet(number: number): Template {
  return {
    prePowHash: createHash('sha256').update(`bench ${number}`).digest(),
    timestampMs: BigInt(1_800_000_000_000 + number),
    bits: 0x01010000,
    networkTarget: 1n,
    daaScore: BigInt(number),
    blueScore: BigInt(number),
    nodeName: 'bench',
    receivedAtMs: 0,
    opaque: undefined,
  };
}
