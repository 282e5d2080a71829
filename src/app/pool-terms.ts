/** What a configuration says of the pool to everybody, in the words of the ledger. Never a secret: it goes out as it is. */
import { readFileSync } from 'node:fs';
import type { Config, StratumPortConfig } from '../../config/schema.ts';
import { checkAddress, prefixOfNetwork } from '../chains/kaspa/address.ts';
import { sompiOf } from '../domain/money.ts';
import { difficultyLog2Of, difficultyNumber } from '../domain/target.ts';
import { EdgeError } from '../kit/edge-error.ts';
import { projectPath } from '../kit/project-root.ts';
import type { ExplorerTerms, PoolTerms, PortTerms, SchemeTerms } from '../ledger/views/pool-terms.ts';

const SECONDS_PER_MINUTE = 60;

export function poolTerms(config: Config): PoolTerms {
  const { network, payAddress } = config.kaspa;
  const pool = checkAddress(payAddress, network);
  if (!pool.ok) throw new EdgeError('SLUICE_CONFIG_INVALID', `kaspa.payAddress: ${pool.reason}`);
  return {
    network,
    // As messages name it: one spelling, whatever the configuration has.
    payAddress: pool.address,
    leastThresholdSompi: sompiOf(config.payouts.minimumKasLeast)!,
    defaultThresholdSompi: sompiOf(config.payouts.minimumKas)!,
    version: projectVersion(),
    loginFormat: `${prefixOfNetwork(network)}:YOUR_ADDRESS.RIG`,
    ports: config.stratum.ports.map((port) => portTerms(port, publicHost(config))),
    schemes: schemesInUse(config),
    maturityDaa: config.rewards.maturityDaa,
    payoutIntervalSeconds: config.payouts.intervalMinutes * SECONDS_PER_MINUTE,
    explorer: explorerOf(config),
  };
}

/** Of the main network alone: no public explorer knows what a test network holds for long. */
const MAINNET_EXPLORER: ExplorerTerms = {
  transaction: 'https://explorer.kaspa.org/txs/{txid}',
  block: 'https://explorer.kaspa.org/blocks/{hash}',
};

function explorerOf({ kaspa, http }: Config): ExplorerTerms {
  const known = kaspa.network === 'mainnet' ? MAINNET_EXPLORER : { transaction: '', block: '' };
  const { transaction, block } = http.explorer;
  return {
    transaction: transaction === 'auto' ? known.transaction : transaction,
    block: block === 'auto' ? known.block : block,
  };
}

export function projectVersion(): string {
  return (JSON.parse(readFileSync(projectPath('package.json'), 'utf8')) as { version: string }).version;
}

/** What to type into a miner. */
export function publicHost({ stratum: { host, publicHost } }: Config): string {
  if (publicHost !== '') return publicHost;
  return host === '0.0.0.0' || host === '::' ? 'THIS_HOST' : host;
}

function portTerms(port: StratumPortConfig, host: string): PortTerms {
  const rounded = (difficulty: number): number => difficultyNumber(difficultyLog2Of(difficulty) ?? 0);
  return {
    host,
    label: port.label,
    port: port.port,
    tls: port.tls !== undefined,
    transport: port.transport,
    difficulty: rounded(port.difficulty),
    difficultyMin: rounded(port.difficultyMin ?? port.difficulty),
    difficultyMax: rounded(port.difficultyMax ?? port.difficulty),
    sharesPerMinute: port.sharesPerMinute ?? null,
    scheme: port.scheme,
    extranonceBytes: port.extranonceBytes,
  };
}

/** Those of the ports, in their order. */
function schemesInUse({ stratum, rewards }: Config): SchemeTerms[] {
  const names = [...new Set(stratum.ports.map(({ scheme }) => scheme))];
  return names.map((scheme) => {
    const terms = rewards[scheme];
    return {
      scheme,
      feePercent: terms.feePercent,
      finderBonusPercent: 'finderBonusPercent' in terms ? terms.finderBonusPercent : 0,
      windowDifficulties: 'windowDifficulties' in terms ? terms.windowDifficulties : null,
      roundMinutes: 'roundMinutes' in terms ? terms.roundMinutes : null,
    };
  });
}
