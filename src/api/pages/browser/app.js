/** The lists and the terms: the strip is live, and the newest page of blocks. */

import { blockTable } from './lists.js';
import { readJson } from './live.js';
import { draw, find, start, state } from './page.js';

const hasBlocks = find('[data-region="blocks"]') !== null;

/** Kept by the server for so long, and a moment for the database. */
const LIST_LIFE_MS = 5_000;

async function readBlocks(path) {
  const page = await readJson(path);
  if (page) state.blocks = page.items;
  draw(['blocks']);
}

start({
  regions: { blocks: (known) => known.blocks && blockTable(known.blocks, known) },
  topics: hasBlocks ? ['blocks'] : [],
  onMessage: async (topic) => {
    if (topic !== 'blocks') return;
    await readBlocks('/api/v1/blocks');
    // The news is faster than the list: once more when that cannot be old any more.
    setTimeout(() => readBlocks('/api/v1/blocks'), LIST_LIFE_MS);
  },
});
