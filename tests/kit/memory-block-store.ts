/** A block store in a Map, with the same promises as the real one but the disk; `away` makes it refuse like a database that is down. */
import type { BlockProgress, BlockStore, BlockView, FoundBlock } from '../../src/ledger/stores/store.ts';
import { isFinal } from '../../src/ledger/stores/store.ts';

export class MemoryBlockStore implements BlockStore {
  away = false;
  readonly #blocks = new Map<string, BlockView>();

  async insert(block: FoundBlock): Promise<void> {
    this.#answer();
    if (this.#blocks.has(block.blockHash)) return;
    this.#blocks.set(block.blockHash, {
      blockHash: block.blockHash,
      address: block.address,
      workerName: block.workerName,
      daaScore: block.daaScore,
      foundAtUnixMs: block.foundAtUnixMs,
      state: 'candidate',
      reports: [],
      colour: 'unknown',
      mergingBlockHash: '',
      rewardSompi: undefined,
      deep: false,
    });
  }

  async update(blockHash: string, progress: BlockProgress): Promise<boolean> {
    this.#answer();
    const block = this.#blocks.get(blockHash);
    if (!block) return false;
    this.#blocks.set(blockHash, { ...block, ...progress });
    return true;
  }

  async unfinished(limit: number): Promise<BlockView[]> {
    this.#answer();
    return this.#byAge()
      .filter((block) => !isFinal(block))
      .slice(0, limit);
  }

  async measureEfforts(): Promise<number> {
    this.#answer();
    return 0;
  }

  async recent(limit: number): Promise<BlockView[]> {
    this.#answer();
    return this.#byAge().reverse().slice(0, limit);
  }

  #answer(): void {
    if (this.away) throw new Error('the store is away');
  }

  #byAge(): BlockView[] {
    return [...this.#blocks.values()].sort((a, b) => a.foundAtUnixMs - b.foundAtUnixMs);
  }
}
