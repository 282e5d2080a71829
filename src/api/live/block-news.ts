/** Which blocks of the snapshot's list are new, or have another colour or reward than a moment ago. Oldest first. */

interface KnownBlock {
  readonly hash: string;
  readonly colour: string;
  readonly reward: string;
}

export class BlockNews {
  #known = new Map<string, string>();

  /** @param recent newest first, as the snapshot has it: some twenty */
  see<T extends KnownBlock>(recent: readonly T[]): T[] {
    const known = new Map(recent.map(({ hash, colour, reward }) => [hash, `${colour} ${reward}`]));
    const news = recent.filter(({ hash }) => known.get(hash) !== this.#known.get(hash));
    this.#known = known;
    return news.reverse();
  }
}
