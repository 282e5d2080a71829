/** What the demo starts its roles with: folders, free ports, the engine's configuration file. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { demoAddresses } from '../miner/miner.ts';

export interface DemoOptions {
  readonly seconds?: number;
  readonly summary?: string;
  readonly data: string;
  readonly stratumPort: number;
  readonly httpPort: number;
  readonly miners: number;
  readonly hashrate: number;
  readonly difficultyLog2: number;
}

export interface DemoFolders {
  readonly root: string;
  readonly database: string;
  readonly journal: string;
  readonly logs: string;
  readonly config: string;
  readonly databaseUrl: string;
}

/** Addresses of nobody: shares and blocks of the demo are worth nothing, on purpose. */
export const DEMO_NETWORK = 'devnet';
/** 2^20 hashes a block: the built-in miners find one about every five seconds. */
export const DEMO_NETWORK_DIFFICULTY_LOG2 = -12;
export const DEMO_INSTANCE = 'sluice-demo';

export function makeFolders(data: string): DemoFolders {
  const root = resolve(data);
  const folders: DemoFolders = {
    root,
    database: join(root, 'pg18'),
    journal: join(root, 'journal'),
    logs: join(root, 'logs'),
    config: join(root, 'sluice.yaml'),
    databaseUrl: join(root, 'database-url'),
  };
  for (const folder of [root, folders.journal, folders.logs]) mkdirSync(folder, { recursive: true });
  return folders;
}

/** The port itself, or a free one when somebody has it; 0 asks for a free one. */
export async function freePortNear(wanted: number): Promise<number> {
  for (const port of [wanted, 0]) {
    const taken = await new Promise<number>((done) => {
      const server = createServer();
      server.once('error', () => done(0));
      server.listen(port, '127.0.0.1', () => {
        const address = server.address();
        server.close(() => done(typeof address === 'object' && address ? address.port : 0));
      });
    });
    if (taken > 0) return taken;
  }
  return wanted;
}

export function writeDemoConfig(
  folders: DemoFolders,
  options: DemoOptions,
  parts: { nodeAddress: string; databaseUrl: string; stratumPort: number; httpPort: number },
): void {
  // The password lives in a file of its own, as it should in production.
  writeFileSync(folders.databaseUrl, `${parts.databaseUrl}\n`, { mode: 0o600 });
  const config = {
    instance: DEMO_INSTANCE,
    kaspa: {
      network: DEMO_NETWORK,
      payAddress: treasuryAddress(),
      nodes: [{ name: 'simulated', address: parts.nodeAddress }],
    },
    stratum: {
      host: '127.0.0.1',
      ports: [{ port: parts.stratumPort, difficulty: 2 ** options.difficultyLog2, label: 'demo, for CPUs' }],
    },
    database: { urlFile: folders.databaseUrl },
    journal: { directory: folders.journal },
    http: { host: '127.0.0.1', port: parts.httpPort },
  };
  writeFileSync(folders.config, `# Written by the demo at every start.\n${stringify(config)}`);
}

/** The address after those that the built-in miners use. */
export function treasuryAddress(): string {
  return demoAddresses(DEMO_NETWORK, 1000).at(-1)!;
}
