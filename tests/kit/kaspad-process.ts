/** A real kaspad on a private devnet: no peers, a data folder of its own, real proof of work (about 500,000 hashes a block). */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeLink } from '../../src/chains/kaspa/node-link.ts';
import { silentLogger } from '../../src/kit/log.ts';
import type { StartedNode } from '../conformance/node.suite.ts';
import { pollUntil } from './poll-until.ts';

export const KASPAD_BINARY = process.env.KASPAD_BIN ?? 'kaspad';

/** e.g. `kaspad 0.15.0`; '' when there is none. It prints its version and ends with code 1. */
export const KASPAD_VERSION = ((version: string) => (version.startsWith('kaspad') ? version : ''))(
  spawnSync(KASPAD_BINARY, ['--version'], { encoding: 'utf8' }).stdout?.trim() ?? '',
);

/** Why the tests that need one are skipped; '' when they are not. */
export const KASPAD_MISSING =
  KASPAD_VERSION === ''
    ? ` is skipped: no kaspad at ${KASPAD_BINARY}; set KASPAD_BIN or put one on the PATH`
    : '';

export async function startKaspad(): Promise<StartedNode> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-kaspad-'));
  const [p2pPort, rpcPort] = [await freePort(), await freePort()];
  const address = `127.0.0.1:${rpcPort}`;
  const child = spawn(
    KASPAD_BINARY,
    [
      '--devnet',
      '--enable-unsynced-mining',
      '--utxoindex',
      '--nodnsseed',
      '--disable-upnp',
      '--outpeers=0',
      '--nologfiles',
      `--listen=127.0.0.1:${p2pPort}`,
      `--rpclisten=${address}`,
      `--appdir=${folder}`,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes) => {
      output = (output + bytes).slice(-4_000);
    });
  }
  try {
    await answers(address, child);
  } catch (error) {
    await stop(child, folder);
    throw new Error(`kaspad did not come up: ${output}`, { cause: error });
  }
  return { address, networkId: 'devnet', allowUnsynced: true, stop: () => stop(child, folder) };
}

async function answers(address: string, child: ChildProcess): Promise<void> {
  const link = new NodeLink({
    name: 'probe',
    address,
    networkId: 'devnet',
    log: silentLogger,
    random: () => 0,
  });
  link.start();
  try {
    await pollUntil(
      'kaspad answers',
      () => {
        if (child.exitCode !== null) throw new Error(`kaspad ended with ${child.exitCode}`);
        return link.connected;
      },
      30_000,
    );
  } finally {
    link.close();
  }
}

async function stop(child: ChildProcess, folder: string): Promise<void> {
  if (child.exitCode === null) {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    // kaspad closes its database first; a private one is thrown away anyway.
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(timer);
  }
  await rm(folder, { recursive: true, force: true });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
