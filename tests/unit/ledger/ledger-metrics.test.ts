import { describe, expect, it } from 'vitest';
import { createRegistry } from '../../../src/kit/metrics.ts';
import { registerLoaderMetrics } from '../../../src/ledger/ledger-metrics.ts';
import { INITIAL_STATUS, LOADER_STATES, type LoaderStatus } from '../../../src/ledger/loader-status.ts';

describe('the loader metrics', () => {
  it('show lag, position and exactly one state', async () => {
    let status: LoaderStatus = INITIAL_STATUS;
    let tell: (status: LoaderStatus) => void = () => {};
    const registry = createRegistry();
    registerLoaderMetrics(registry, {
      restarts: 2,
      status: () => status,
      onStatus: (listener) => {
        tell = listener;
      },
    });
    status = {
      ...INITIAL_STATUS,
      state: 'gap',
      lagRecords: 7,
      lagSeconds: 1.5,
      loadedRecords: 9,
      damagedRecords: 1,
    };
    tell(status);
    const text = await registry.metrics();
    expect(text).toContain('sluice_ledger_loader_lag_records 7');
    expect(text).toContain('sluice_ledger_loader_lag_seconds 1.5');
    expect(text).toContain('sluice_ledger_loader_restarts 2');
    expect(text).toContain('sluice_ledger_loaded_records_total 9');
    expect(text).toContain('sluice_ledger_lost_records{kind="damaged"} 1');
    for (const state of LOADER_STATES) {
      expect(text).toContain(`sluice_ledger_loader_state{state="${state}"} ${state === 'gap' ? 1 : 0}`);
    }
  });
});
