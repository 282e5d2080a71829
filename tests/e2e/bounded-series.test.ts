import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoAddresses } from '../../src/miner/miner.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { PoolRig, RIG_NETWORK } from '../kit/pool-rig.ts';

/** Whatever miners call themselves, /metrics does not grow by it: a label that strangers can choose fills a Prometheus in an hour. */
const WORKERS = 500;
/** So many are there without a miner; each port, node and thread more brings about ten. */
const SERIES_MAX = 600;
const MARK = 'zzmark';

let rig: PoolRig;
const sockets: Socket[] = [];

beforeAll(async () => {
  rig = await PoolRig.open({
    difficultyLog2: -16,
    networkDifficultyLog2: 10,
    port: { limits: { connectsPerAddressPerSecond: 0, connectionsPerAddress: 0 } },
  });
  await rig.startEngine().ready;
}, 60_000);

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await rig.close();
});

async function scrape(): Promise<string[]> {
  const response = await fetch(`${rig.httpUrl}/metrics`);
  return (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

const nameOf = (line: string): string => line.slice(0, line.lastIndexOf(' '));

/** Logs in, hands in something that is refused, and stays. */
function login(address: string, n: number): Promise<void> {
  const worker = [`${MARK}${n}`, `{le="1"} ${n}`, `<img src=x onerror=${n}>`, `a\\nb${n}`][n % 4]!;
  const agent = [`${MARK}/${n}`, `lolMiner ${MARK}"}${n}`, '', `\u0007${n}`][n % 4]!;
  const socket = connect(rig.stratumPort, '127.0.0.1');
  sockets.push(socket);
  const say = (id: number, method: string, params: unknown[]): void =>
    void socket.write(`${JSON.stringify({ id, method, params })}\n`);
  say(1, 'mining.subscribe', [agent]);
  say(2, 'mining.authorize', [`${address}.${worker}`, 'x']);
  say(3, 'mining.submit', [`${address}.${worker}`, '99999999', '0x0000000000000001']);
  return new Promise((resolve, reject) => {
    let heard = '';
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
      if (heard.includes('"id":3')) resolve();
    });
  });
}

describe('the number of series', () => {
  it('does not grow with workers, and no label is an address, a worker or an agent', async () => {
    await pollUntil(
      'the loader runs',
      async () => (await scrape()).some((line) => line.startsWith('sluice_ledger_loader_lag_records')),
      20_000,
    );
    const before = (await scrape()).map(nameOf);
    const addresses = demoAddresses(RIG_NETWORK, 50);
    for (let from = 0; from < WORKERS; from += 50)
      await Promise.all(Array.from({ length: 50 }, (_, n) => login(addresses[n]!, from + n)));
    const during = await scrape();
    expect(during.find((line) => line.startsWith('sluice_stratum_authorized{'))).toMatch(/ 500$/);
    const strange = (line: string): boolean => line.includes(MARK) || line.includes('kaspadev');
    expect(during.filter((line) => strange(line) || line.includes('onerror'))).toEqual([]);
    const own = (names: readonly string[]): string[] =>
      names.filter((name) => name.startsWith('sluice_')).sort();
    expect(own(during.map(nameOf))).toEqual(own(before));
    // Those of Node.js depend on what it has open, by kind.
    expect(during.length).toBeLessThan(SERIES_MAX);
    expect(during.length - before.length).toBeLessThan(10);
  }, 60_000);
});
