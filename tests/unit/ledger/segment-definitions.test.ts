import { describe, expect, it } from 'vitest';
import { SLOT_WORDS, SlotKind } from '../../../src/journal/record-layout.ts';
import { definitionParts, encodeDefinition, workerText } from '../../../src/journal/slot-codec.ts';
import { SegmentDefinitions } from '../../../src/ledger/segment-definitions.ts';

const BOOT = 7;
const ADDRESS = `kaspa:${'q'.repeat(61)}`;

describe('the definitions of a segment', () => {
  const words = new Uint32Array(SLOT_WORDS);
  /** Gives the parts of one definition, but those that are lost, and returns the sequence after it. */
  const define = (
    definitions: SegmentDefinitions,
    sequence: number,
    kind: number,
    text: Uint8Array,
    lost: readonly number[] = [],
  ): number => {
    const parts = definitionParts(text);
    for (let part = 0; part < parts; part++) {
      encodeDefinition(words, 0, sequence + part, BOOT, kind, 1, text, part);
      if (!lost.includes(part)) definitions.takeDefinition(words, 0);
    }
    return sequence + parts;
  };

  it('name a worker and a job by their parts', () => {
    const definitions = new SegmentDefinitions();
    definitions.beginSegment(1);
    const next = define(definitions, 3, SlotKind.Worker, workerText(ADDRESS, 'rig'));
    define(definitions, next, SlotKind.Job, new Uint8Array(40).fill(0xab));
    expect(definitions.worker(1)).toMatchObject({ address: ADDRESS, name: 'rig', lost: false });
    expect(definitions.job(1)).toMatchObject({ prePowHash: 'ab'.repeat(32) });
  });

  it.each([SlotKind.Worker, SlotKind.Job])(
    'forget what a reference meant when its new definition is torn (kind %i)',
    (kind) => {
      const text = (fill: number) =>
        kind === SlotKind.Worker ? workerText(ADDRESS, `rig-${fill}`) : new Uint8Array(40).fill(fill);
      const definitions = new SegmentDefinitions();
      definitions.beginSegment(1);
      const next = define(definitions, 3, kind, text(1));
      define(definitions, next, kind, text(2), [1]);
      expect(definitions.worker(1)).toBeUndefined();
      expect(definitions.job(1)).toBeUndefined();
    },
  );
});
