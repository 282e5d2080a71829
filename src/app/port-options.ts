/** A port of the configuration as the stratum room wants it. */
import { secretPath } from '../../config/load.ts';
import type { StratumPortConfig } from '../../config/schema.ts';
import { difficultyLog2Of } from '../domain/target.ts';
import type { Rate } from '../stratum/fairness/token-bucket.ts';
import { TlsIdentity } from '../stratum/socket/tls-identity.ts';
import type { PortLimits } from '../stratum/stratum-limits.ts';
import type { PortOptions } from '../stratum/stratum-server.ts';

/** A burst is so many seconds' worth. */
const BURST_SECONDS = 5;
const MS_PER_SECOND = 1_000;

/** @throws EdgeError SLUICE_TLS_FILES */
export function portOptions(
  port: StratumPortConfig,
  host: string,
  environment: NodeJS.ProcessEnv,
): PortOptions {
  const log2 = (difficulty: number): number => difficultyLog2Of(difficulty) ?? 0;
  const difficultyLog2 = log2(port.difficulty);
  const { tls } = port;
  return {
    host,
    port: port.port,
    difficultyLog2,
    difficultyMinLog2: Math.min(difficultyLog2, log2(port.difficultyMin ?? port.difficulty)),
    difficultyMaxLog2: Math.max(difficultyLog2, log2(port.difficultyMax ?? port.difficulty)),
    ...(port.dialect === undefined ? {} : { dialect: port.dialect }),
    ...(port.sharesPerMinute === undefined ? {} : { sharesPerMinute: port.sharesPerMinute }),
    ...(port.proxyFrom === undefined ? {} : { proxyFrom: port.proxyFrom }),
    ...(tls === undefined ? {} : { tls: tlsIdentity(tls, environment) }),
    transport: port.transport,
    extranonceBytes: port.extranonceBytes,
    wrongJobRescue: port.wrongJobRescue,
    limits: portLimits(port.limits),
    label: port.label || String(port.port),
  };
}

function tlsIdentity(
  { certFile, keyFile }: NonNullable<StratumPortConfig['tls']>,
  environment: NodeJS.ProcessEnv,
): TlsIdentity {
  return new TlsIdentity(secretPath(certFile, environment), secretPath(keyFile, environment));
}

export function portLimits(limits: StratumPortConfig['limits']): PortLimits {
  return {
    connectionsPerAddress: orNone(limits.connectionsPerAddress),
    connectsPerAddress: rate(limits.connectsPerAddressPerSecond),
    connects: rate(limits.connectsPerSecond),
    unlimitedFrom: limits.unlimitedFrom,
    lines: rate(limits.linesPerSecond),
    loginTimeoutMs: limits.loginSeconds * MS_PER_SECOND,
    idleTimeoutMs: limits.idleSeconds * MS_PER_SECOND,
    unreadTimeoutMs: limits.unreadSeconds * MS_PER_SECOND,
    conductPointsMax: orNone(limits.conductPoints),
  };
}

function rate(perSecond: number): Rate {
  return { perSecond: orNone(perSecond), burst: orNone(perSecond) * BURST_SECONDS };
}

/** 0 = no limit. */
function orNone(limit: number): number {
  return limit === 0 ? Number.POSITIVE_INFINITY : limit;
}
