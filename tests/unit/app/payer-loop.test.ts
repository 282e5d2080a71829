import { describe, expect, it } from 'vitest';
import { type Duty, DutyLoop } from '../../../src/app/payer-loop.ts';
import { silentLogger } from '../../../src/kit/log.ts';

function counting(name: string, turn: (count: number) => void = () => {}): Duty & { count: number } {
  const duty = {
    name,
    everyMs: 1,
    count: 0,
    tick: async () => {
      duty.count++;
      turn(duty.count);
    },
  };
  return duty;
}

const stillLeads = async (): Promise<void> => {};

describe('the duties of a payer', () => {
  it('take turns until somebody says stop, one that fails with them', async () => {
    const loop = new DutyLoop(silentLogger);
    const bad = counting('bad', () => {
      throw new Error('no luck');
    });
    const good = counting('good', (count) => {
      if (count === 3) loop.stop();
    });
    const never = counting('never');
    await loop.run([bad, good, never], stillLeads);
    expect(good.count).toBe(3);
    expect(bad.count).toBe(1);
    expect(loop.records.get('bad')).toMatchObject({ fault: 'no luck', failures: 1, lastOkUnixMs: 0 });
    expect(loop.records.get('good')).toMatchObject({ fault: '', failures: 0 });
  });

  it('end when the lead is lost, and one whose failure costs it rests while the next lead serves the others', async () => {
    const loop = new DutyLoop(silentLogger);
    const costly = counting('costly', () => {
      throw new Error('a statement failed');
    });
    const behind = counting('behind', () => loop.stop());
    const lost = async (): Promise<void> => {
      throw new Error('the lead is over');
    };
    await expect(loop.run([costly, behind], lost)).rejects.toThrow('the lead is over');
    expect(behind.count).toBe(0);
    await loop.run([costly, behind], lost);
    expect(behind.count).toBe(1);
    expect(costly.count).toBe(1);
  });

  it('do not run at once with each other', async () => {
    const loop = new DutyLoop(silentLogger);
    let running = 0;
    const slow = (name: string): Duty => ({
      name,
      everyMs: 1,
      tick: async () => {
        expect(++running).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, 2));
        running--;
      },
    });
    await loop.run([slow('one'), slow('two'), counting('last', () => loop.stop())], stillLeads);
    expect(running).toBe(0);
  });
});
