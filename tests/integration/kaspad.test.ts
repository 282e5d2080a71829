/**
 * The node suite against a real kaspad on a private devnet: no peers, a data folder of its own, real proof of work (about
 * 500,000 hashes a block). Skipped, loudly, when there is no binary: KASPAD_BIN, or `kaspad` on the PATH.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { NodeLink } from '../../src/chains/kaspa/node-link.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { nodeSuite, type StartedNode } from '../conformance/node.suite.ts';
import { pollUntil } from '../kit/poll-until.ts';

const binary = process.env.KASPAD_BIN ?? 'kaspad';
// It prints its version and ends with code 1.
const version = spawnSync(binary, ['--version'], { encoding: 'utf8' }).stdout?.trim() ?? '';

if (version.startsWith('kaspad')) nodeSuite(version, startKaspad);
else {
  describe('a Kaspa node (kaspad)', () => {
    it.skip(`is skipped: no kaspad at ${binary}; set KASPAD_BIN or put one on the PATH`, () => {});
  });
}

async function startKaspad(): Promise<StartedNode> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-kaspad-'));
  const [p2pPort, rpcPort] = [await freePort(), await freePort()];
  const address = `127.0.0.1:${rpcPort}`;
  const child = spawn(
    binary,
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
