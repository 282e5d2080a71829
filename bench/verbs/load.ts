/** `load`: the generator by itself, its options. */
import { type Command, Option } from 'commander';
import { minerAddresses } from '../lib/engine-under-test.ts';
import { numberOption } from '../lib/run-options.ts';
import { runLoad } from '../load.ts';

const CONNECTIONS = { min: 1, max: 60_000 };
const RATE = { unit: '/s', min: 0, max: 1e6 };
const DEPTH = { min: 1, max: 256 };
const TIME = { unit: 's', min: 0.1 };

export function addLoad(program: Command): void {
  program
    .command('load')
    .description('the load generator by itself, against any Kaspa stratum server on this machine')
    .requiredOption('--url <url>', 'stratum+tcp://HOST:PORT')
    .option('--address <address...>', 'payout addresses of the miners (default: of the devnet)')
    .addOption(
      new Option('--connections <n>', 'miners')
        .default(100)
        .argParser(numberOption('connections', CONNECTIONS)),
    )
    .addOption(
      new Option('--rate <n>', 'shares/s by the clock; 0 = each as fast as it is answered')
        .default(0)
        .argParser(numberOption('rate', RATE)),
    )
    .addOption(
      new Option('--depth <n>', 'in flight per miner, without --rate')
        .default(1)
        .argParser(numberOption('depth', DEPTH)),
    )
    .addOption(new Option('--time <s>', 'seconds').default(10).argParser(numberOption('time', TIME)))
    .option('--i-own-this-server', 'load goes to another machine, and it is yours to load')
    .action(async (given: Record<string, unknown>) => {
      const kept = await runLoad({
        url: given.url as string,
        connections: given.connections as number,
        rate: given.rate as number,
        depth: given.depth as number,
        seconds: given.time as number,
        addresses: (given.address as string[] | undefined) ?? minerAddresses(),
        mine: given.iOwnThisServer === true,
      });
      if (!kept) process.exitCode = 1;
    });
}
