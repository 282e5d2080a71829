import { describe, expect, it } from 'vitest';
import { createLogger, recentWarnings, silentLogger } from '../../../src/kit/log.ts';

const nowhere = { write: () => {} };

describe('the ring of warnings', () => {
  it('keeps the last twenty lines of warn and above, with their plain fields and without secrets', () => {
    const log = createLogger('info', 'test', nowhere);
    log.info('not this');
    for (let n = 0; n < 25; n++) log.warn({ n, url: 'postgres://u:p@h/d', key: 'k' }, 'odd');
    log.error({ err: new Error('broken'), nested: { a: 1 } }, 'worse');
    log.fatal('worst');
    const lines = recentWarnings(log);
    expect(lines).toHaveLength(20);
    expect(lines.map(({ level }) => level).slice(-3)).toEqual(['warn', 'error', 'fatal']);
    expect(lines.map(({ text }) => text).slice(-3)).toEqual(['odd n=24', 'worse err=broken', 'worst']);
  });

  it('cuts what a stranger makes long', () => {
    const log = createLogger('info', 'test', nowhere);
    log.warn({ agent: 'x'.repeat(9_999) }, 'odd');
    expect(recentWarnings(log)[0]!.text.length).toBe(300);
  });

  it('is empty for a log of somebody else', () => {
    silentLogger.error('nothing');
    expect(recentWarnings(silentLogger)).toEqual([]);
  });
});
