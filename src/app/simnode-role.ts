/** `sluice simnode`: the simulated node as a process of its own. */
import type { Command } from 'commander';
import { Option } from 'commander';
import { createLogger } from '../kit/log.ts';
import { runSimnode, SIMNODE_OPTIONS, type SimnodeOptions } from '../simnode/simnode.ts';
import { onStopRequested, tellParent } from './role-channel.ts';

const STATUS_INTERVAL_MS = 1_000;

export function addSimnodeVerb(program: Command): void {
  const verb = program
    .command('simnode')
    .description(
      'a simulated Kaspa node that speaks gRPC like kaspad; loopback only (docs/SIMULATED-NODE.md)',
    );
  for (const row of SIMNODE_OPTIONS) {
    const option = new Option(
      `${row.flag} ${row.argument}`.trim(),
      `${row.help} (default: ${shown(row.fallback)})`,
    );
    verb.addOption(option.argParser((text: string) => row.parse(text)));
  }
  verb.action(async (given: Record<string, unknown>) => {
    const options: Partial<SimnodeOptions> = {};
    for (const row of SIMNODE_OPTIONS) {
      const value = given[attributeOf(row.flag)];
      if (value !== undefined) (options as Record<string, unknown>)[row.key] = value;
    }
    process.exitCode = await serveSimnode(options);
  });
}

/** A switch takes on or off, so its default is shown as one of them. */
function shown(fallback: SimnodeOptions[keyof SimnodeOptions]): string {
  if (typeof fallback === 'boolean') return fallback ? 'on' : 'off';
  return String(fallback);
}

/** As commander names a flag's attribute: `--blocks-per-second` is `blocksPerSecond`. */
function attributeOf(flag: string): string {
  return flag.replace(/^--/, '').replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

async function serveSimnode(options: Partial<SimnodeOptions>): Promise<number> {
  const node = await runSimnode(options, createLogger('info', 'simnode'));
  tellParent({ kind: 'ready', info: { address: node.address, controlAddress: node.controlAddress } });
  if (!process.send) {
    process.stdout.write(
      `simulated node: gRPC ${node.addresses.join(', ')}; control ${node.controlAddress || 'off'}\n`,
    );
  }
  const status = setInterval(() => tellParent({ kind: 'status', info: node.status() }), STATUS_INTERVAL_MS);
  await new Promise<void>((resolve) => onStopRequested(() => resolve()));
  clearInterval(status);
  tellParent({ kind: 'final', info: node.status() });
  await node.close();
  if (process.connected) process.disconnect();
  return 0;
}
