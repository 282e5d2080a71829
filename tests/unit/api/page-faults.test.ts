import { expect, it } from 'vitest';
import type { HttpRequest } from '../../../src/api/http-engine.ts';
import { loadPageAssets } from '../../../src/api/page-assets.ts';
import { createPageRoutes } from '../../../src/api/page-routes.ts';
import { LivelyReads } from '../../kit/lively-reads.ts';

class FaultyReads extends LivelyReads {
  override async blocks(): Promise<never> {
    throw new TypeError('a fault of ours');
  }
}

it.each(['/blocks', '/'])('a fault of ours on %s is not told as one of the database', async (path) => {
  const nowMs = Date.UTC(2026, 10, 21);
  const explorer = { transaction: '', block: '' };
  const reads = new FaultyReads(nowMs);
  const routes = createPageRoutes({ reads, assets: loadPageAssets(), explorer, nowMs: () => nowMs });
  const request = { method: 'GET', path, query: '', peer: '127.0.0.1', forwardedFor: '' } as HttpRequest;
  await expect(Promise.resolve(routes.at(path)!(request))).rejects.toThrow('a fault of ours');
});
