/** The lists and the terms: the strip is live, and the newest page of blocks. */

import { blockTable } from './lists.js';
import { readJson } from './live.js';
import { draw, find, start, state } from './page.js';

const hasBlocks = find('[data-region="blocks"]') !== null;

start({
  regions: { blocks: (known) => known.blocks && blockTable(known.blocks, known) },
  topics: hasBlocks ? ['blocks'] : [],
  onMessage: async (topic) => {
    if (topic !== 'blocks') return;
    const page = await readJson('/api/v1/blocks');
    if (page) state.blocks = page.items;
    draw(['blocks']);
  },
});
