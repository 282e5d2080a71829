/** Puts the parts of a definition together again: side by side, in order, none missing. Pure. */
import { DEFINITION_TEXT_BYTES } from './record-layout.ts';
import type { DefinitionPart } from './slot-codec.ts';

export class TextAssembly {
  #kind = 0;
  #ref = 0;
  #parts = 0;
  #taken = 0;
  #lastPlace = -1;
  #length = 0;
  readonly #text = new Uint8Array(255 * DEFINITION_TEXT_BYTES);
  /** Definitions of which a part was lost. */
  broken = 0;

  /** The whole text when this was its last part. @param place a number that rises by one from slot to slot. */
  take(kind: number, part: DefinitionPart, place: number): Uint8Array | undefined {
    const unfinished = this.#taken > 0;
    const follows =
      unfinished &&
      kind === this.#kind &&
      part.ref === this.#ref &&
      part.parts === this.#parts &&
      part.part === this.#taken &&
      place === this.#lastPlace + 1;
    if (!follows) {
      // One definition, one count: the tail of a definition whose head is lost counts when its last part passes.
      if (unfinished || (part.part > 0 && part.part === part.parts - 1)) this.broken++;
      this.#taken = 0;
      if (part.part !== 0) return undefined;
      this.#kind = kind;
      this.#ref = part.ref;
      this.#parts = part.parts;
      this.#length = 0;
    }
    this.#text.set(part.text, this.#length);
    this.#length += part.text.length;
    this.#taken++;
    this.#lastPlace = place;
    if (this.#taken < this.#parts) return undefined;
    this.#taken = 0;
    return this.#text.slice(0, this.#length);
  }
}
