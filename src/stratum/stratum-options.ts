/** What a stratum server is made with. */
import type { AddressCheck } from '../chains/chain.ts';
import type { ExtranonceBytes } from '../domain/extranonce.ts';
import type { DifficultyLog2 } from '../domain/target.ts';
import type { Logger } from '../kit/log.ts';
import type { Registry } from '../kit/metrics.ts';
import type { StageLatencies } from '../live/stage-latencies.ts';
import type { Ban } from './fairness/ban.ts';
import type { DialectName } from './protocol/dialects.ts';
import type { SessionView } from './session/session-view.ts';
import type { WorkerRegistry } from './session/sessions-options.ts';
import type { InheritedSocket } from './socket/inherited-sockets.ts';
import type { TlsIdentity } from './socket/tls-identity.ts';
import type { PortLimits, StratumLimits } from './stratum-limits.ts';

export interface PortOptions {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  readonly difficultyLog2: DifficultyLog2;
  /** Bounds of what a miner may ask for by password; both equal to the start difficulty = fixed. */
  readonly difficultyMinLog2: DifficultyLog2;
  readonly difficultyMaxLog2: DifficultyLog2;
  /** Instead of the user agent's. */
  readonly dialect?: DialectName;
  /** Variable difficulty: so many shares a minute, within the bounds above. Absent: fixed. */
  readonly sharesPerMinute?: number;
  /** Load balancers, addresses or networks: every connection comes from one, with a PROXY header. Absent: none does. */
  readonly proxyFrom?: readonly string[];
  /** Every connection is encrypted, behind its PROXY header where there is one. Absent: none is. */
  readonly tls?: TlsIdentity;
  /** 1: for large proxies, which get more nonces, and there are few of them. Default 2. */
  readonly extranonceBytes?: ExtranonceBytes;
  /** False: a share that names the wrong job is refused, whatever firmware it comes from. Default true. */
  readonly wrongJobRescue?: boolean;
  /** `websocket`: a text frame is a line. Default: lines on TCP. */
  readonly transport?: 'tcp' | 'websocket';
  /** Absent: what the room's own bounds say, and nothing else is limited. */
  readonly limits?: Partial<PortLimits>;
  /** Value of the metric label `port`. */
  readonly label: string;
}

export interface StratumOptions {
  readonly ports: readonly PortOptions[];
  readonly checkAddress: (text: string) => AddressCheck;
  readonly workers: WorkerRegistry;
  readonly registry: Registry;
  /** Absent: how long parsing takes is told to nobody. */
  readonly stages?: StageLatencies;
  readonly log: Logger;
  /** Monotonic ms. */
  readonly clock: () => number;
  /** Unix ms, for bans that end. Default: the system's. */
  readonly wallClock?: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly limits?: Partial<StratumLimits>;
  readonly bans?: readonly Ban[];
  /** Refused submissions of a session, `count` of one verdict: at least when it leaves, and by `tellRefusals`. Names may be empty. */
  readonly onRefusals?: (session: SessionView, verdict: number, count: number) => void;
  /** Default true. */
  readonly enforceExtranonce?: boolean;
  /** Instead of binding the ports; see `inheritedSockets`. */
  readonly inherited?: readonly InheritedSocket[];
  /** `net`: never the raw handles. Default `auto`: those where they pass their trial. */
  readonly sockets?: 'auto' | 'net';
}
