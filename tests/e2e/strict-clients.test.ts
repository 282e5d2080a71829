/** A whole pool, ten templates a second, and clients that forgive nothing. The long form: `npm run test:strict -- --minutes 10`. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoAddresses } from '../../src/miner/miner.ts';
import { type PoolRig, RIG_NETWORK } from '../kit/pool-rig.ts';
import { ShareClient } from '../kit/share-client.ts';
import { openStrictRig, runStrict } from '../strict/strict-run.ts';

let rig: PoolRig;
beforeAll(async () => {
  rig = await openStrictRig();
}, 60_000);
afterAll(() => rig?.close());

const flipCase = (text: string): string =>
  [...text].map((digit, index) => (index % 2 === 0 ? digit.toUpperCase() : digit)).join('');
const stripped = (text: string): string => text.replace(/^0+(?=.)/, '');
const below = (full: string): string => full.slice(4);
const wide = (text: string): string =>
  text.replace(/[!-~]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 0xfee0));

/** Shares that the engine has credited, by its own count. */
async function acceptedByEngine(): Promise<number> {
  const text = await (await fetch(`${rig.httpUrl}/metrics`)).text();
  const counts = [
    ...text.matchAll(/^sluice_validation_submissions_total\{verdict="(?:share|block)"\} (\d+)$/gm),
  ];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Ways to write one nonce, given its 16 digits. Whether the server reads or refuses it is its own business; paying twice is not. */
const SPELLINGS: readonly (readonly [string, (full: string) => unknown])[] = [
  ['16 digits', (full) => full],
  ['upper case', (full) => full.toUpperCase()],
  ['mixed case', flipCase],
  ['0x', (full) => `0x${full}`],
  ['0X', (full) => `0X${full}`],
  ['0x and upper case', (full) => `0x${full.toUpperCase()}`],
  ['0X and mixed case', (full) => `0X${flipCase(full)}`],
  ['12 digits', below],
  ['12 digits in upper case', (full) => below(full).toUpperCase()],
  ['0x and 12 digits', (full) => `0x${below(full)}`],
  ['no leading zeros below the extranonce', (full) => stripped(below(full))],
  ['0x without leading zeros', (full) => `0x${stripped(below(full))}`],
  ['0X without leading zeros, upper case', (full) => `0X${stripped(below(full)).toUpperCase()}`],
  ['one zero too many below the extranonce', (full) => `0${stripped(below(full))}`],
  ['no leading zeros of the extranonce', stripped],
  ['0x without leading zeros of the extranonce', (full) => `0x${stripped(full)}`],
  ['a blank before', (full) => ` ${full}`],
  ['a blank behind', (full) => `${full} `],
  ['blanks around 0x', (full) => `  0x${full}  `],
  ['a TAB before', (full) => `\t${full}`],
  ['a line feed behind, escaped', (full) => `${full}\n`],
  ['a no-break space before', (full) => `\u00a0${full}`],
  ['a NUL behind, escaped', (full) => `${full}\0`],
  ['plus', (full) => `+${full}`],
  ['minus', (full) => `-${full}`],
  ['minus and 0x', (full) => `-0x${full}`],
  ['what is left to 2^64, negative', (full) => `-${(2n ** 64n - BigInt(`0x${full}`)).toString(16)}`],
  ['2^64 more', (full) => `1${full}`],
  ['2^128 more', (full) => `1${'0'.repeat(16)}${full}`],
  ['a seventeenth digit of 0', (full) => `0${full}`],
  ['32 digits', (full) => full.padStart(32, '0')],
  ['0x twice', (full) => `0x0x${full}`],
  ['x alone', (full) => `x${full}`],
  ['h behind', (full) => `${full}h`],
  ['underscores', (full) => `${full.slice(0, 8)}_${full.slice(8)}`],
  ['a blank within', (full) => `${full.slice(0, 8)} ${full.slice(8)}`],
  ['decimal', (full) => BigInt(`0x${full}`).toString()],
  ['a number', (full) => Number(BigInt(`0x${full}`))],
  ['a fraction', (full) => `${full}.0`],
  ['full-width digits', wide],
  ['bytes the other way round', (full) => Buffer.from(full, 'hex').reverse().toString('hex')],
  ['in an array', (full) => [full]],
  ['in an object', (full) => ({ nonce: full })],
  ['a byte order mark before', (full) => `\ufeff${full}`],
];

describe('against the engine at ten templates a second', { timeout: 120_000 }, () => {
  it('eight strict clients see no unexpected line, no hang-up and no refusal in twenty seconds', async () => {
    const { miner, ok } = await runStrict(rig, 20, 2);
    expect(miner).toMatchObject({ faults: 0, firstFaults: [], violations: {}, rejected: 0, reconnects: 0 });
    expect(ok).toBe(true);
  });

  it.each([1, 2])('no spelling of a nonce is paid twice, whichever comes first (%s)', async (order) => {
    expect(SPELLINGS.length).toBeGreaterThanOrEqual(40);
    const worker = `spelling${order}`;
    const client = await ShareClient.login(rig.stratumPort, `${demoAddresses(RIG_NETWORK, 1)[0]}.${worker}`);
    const before = await acceptedByEngine();
    let credited = 0;
    for (const [name, write] of SPELLINGS) {
      // The job of the whole pair: a younger one may come between.
      const job = client.job!;
      const [nonce] = client.find(1);
      const pair = order === 1 ? [write(nonce!), nonce] : [nonce, write(nonce!)];
      const codes: number[] = [];
      for (const text of pair) {
        const reply = await client.ask('mining.submit', ['w', job.id, text]);
        codes.push(reply.result === true && reply.error === null ? 0 : (reply.error?.[0] ?? -1));
      }
      expect(codes.filter((code) => code === 0).length, `${name}: ${codes.join()}`).toBe(1);
      expect(
        codes.every((code) => code === 0 || (code >= 20 && code <= 25)),
        name,
      ).toBe(true);
      credited++;
    }
    client.destroy();
    expect((await acceptedByEngine()) - before).toBe(credited);
  });
});
