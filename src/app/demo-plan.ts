/** What the demo starts its roles with: folders, free ports, the treasury's key, the configuration file of engine and payer. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { keepKeyFile } from '../chains/kaspa/key-file.ts';
import { addressOfKey } from '../chains/kaspa/message-signature.ts';
import type { DemoChain } from './demo-chain.ts';
import { keepOperatorToken } from './operator-token.ts';

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
  readonly chains: string;
  readonly logs: string;
  readonly config: string;
  readonly databaseUrl: string;
  readonly treasuryKey: string;
  readonly operatorToken: string;
  readonly bans: string;
}

export const DEMO_NETWORK = 'devnet';
/** 2^20 hashes a block: the built-in miners find one about every five seconds. */
export const DEMO_NETWORK_DIFFICULTY_LOG2 = -12;
/** Ten blocks a second: a reward can be spent after ten seconds, a payout counts as confirmed after three. */
export const DEMO_MATURITY_DAA = 100;
const DEMO_CONFIRM_DAA = 30;
/**
 * A block pays 1.94 KAS, and rewards are divided when their minute is over: a payee has earned some ten by then. An output of 2 KAS
 * has a storage mass of 5,000 grams, so a transaction holds more payees than the demo has. A round comes soon after the division,
 * so that the first payout is confirmed within two minutes of the start.
 */
const DEMO_PAYOUTS = {
  minimumKas: '2',
  minimumKasLeast: '1',
  intervalMinutes: 0.1,
  confirmDaa: DEMO_CONFIRM_DAA,
  auditSeconds: 5,
};
export const DEMO_INSTANCE = 'sluice-demo';

export function makeFolders(data: string): DemoFolders {
  const root = resolve(data);
  const folders: DemoFolders = {
    root,
    database: join(root, 'pg18'),
    chains: join(root, 'chains'),
    logs: join(root, 'logs'),
    config: join(root, 'sluice.yaml'),
    databaseUrl: join(root, 'database-url'),
    treasuryKey: join(root, 'treasury-key'),
    operatorToken: join(root, 'operator-token'),
    bans: join(root, 'bans.yaml'),
  };
  for (const folder of [root, folders.chains, folders.logs]) mkdirSync(folder, { recursive: true });
  return folders;
}

/** First choice, beside the page's. */
export const DEMO_OPERATOR_PORT = 8081;

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
  parts: {
    nodeAddress: string;
    chain: DemoChain;
    stratumPort: number;
    httpPort: number;
    operatorPort: number;
  },
): void {
  // The password lives in a file of its own, as it should in production.
  keepOperatorToken(folders.operatorToken);
  writeFileSync(folders.databaseUrl, `${parts.chain.databaseUrl}\n`, { mode: 0o600 });
  const config = {
    instance: DEMO_INSTANCE,
    kaspa: {
      network: DEMO_NETWORK,
      payAddress: treasuryAddress(folders),
      nodes: [{ name: 'simulated', address: parts.nodeAddress }],
    },
    stratum: {
      host: '127.0.0.1',
      banFile: folders.bans,
      ports: [{ port: parts.stratumPort, difficulty: 2 ** options.difficultyLog2, label: 'demo, for CPUs' }],
    },
    database: { urlFile: folders.databaseUrl },
    journal: { directory: parts.chain.journal },
    rewards: { maturityDaa: DEMO_MATURITY_DAA },
    payouts: {
      ...DEMO_PAYOUTS,
      keyFile: folders.treasuryKey,
      stateDirectory: parts.chain.payerState,
    },
    http: { host: '127.0.0.1', port: parts.httpPort },
    operator: { listen: `127.0.0.1:${parts.operatorPort}`, tokenFile: folders.operatorToken },
  };
  writeFileSync(folders.config, `# Written by the demo at every start.\n${stringify(config)}`);
}

/** Of a key made at the first start and kept: payouts are signed in earnest, only the coins are worth nothing. */
function treasuryAddress(folders: DemoFolders): string {
  return addressOfKey(keepKeyFile(folders.treasuryKey), DEMO_NETWORK);
}
