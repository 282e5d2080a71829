/** The part of the configuration that says what a stratum port is. */
import { isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import { LIMITS } from './limits.ts';

export const portNumber = z.number().int().min(0).max(65_535);

/** Positive; handed to miners rounded down to a power of two. */
const difficulty = z
  .number()
  .positive()
  .max(2 ** 62);

const network = z.string().refine(isNetwork, 'expected an IP address or a network such as 10.0.0.0/8');

function isNetwork(text: string): boolean {
  const [address = '', prefix, ...more] = text.split('/');
  const bits = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1;
  if (bits < 0 || more.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
}

export const SCHEME_NAMES = ['pplns', 'prop', 'solo', 'pps', 'fpps', 'points'] as const;

export const DIALECT_NAMES = ['asic-hex', 'bitmain', 'two-param', 'default'] as const;

/** Most of everything that a limit may be set to; 0 is "no limit" where that makes sense. */
const COUNT_MAX = 1_000_000;

const limit = (value: number, text: string) =>
  z.number().int().min(0).max(COUNT_MAX).default(value).describe(`${text}; 0 = no limit`);

const seconds = (ms: number, text: string) =>
  z
    .number()
    .min(1)
    .max(86_400)
    .default(ms / 1_000)
    .describe(text);

const portLimits = z
  .strictObject({
    connectionsPerAddress: limit(
      LIMITS.connectionsPerAddress,
      'Connections of one address at once (IPv6: of one network of 64 bits)',
    ),
    connectsPerAddressPerSecond: limit(
      LIMITS.connectsPerAddressPerSecond,
      'New connections of one address a second, five times as many in a burst',
    ),
    connectsPerSecond: limit(
      LIMITS.connectsPerSecond,
      'New connections of all a second, five times as many in a burst',
    ),
    linesPerSecond: limit(
      LIMITS.linesPerSecond,
      'Lines of one miner a second, five times as many in a burst; more are read later',
    ),
    loginSeconds: seconds(LIMITS.loginTimeoutMs, 'From connect to an accepted login'),
    idleSeconds: seconds(LIMITS.idleTimeoutMs, 'Without a byte of a miner that has logged in'),
    unreadSeconds: seconds(
      LIMITS.unreadTimeoutMs,
      'Bytes that a miner does not read lie so long before it is closed',
    ),
    conductPoints: limit(
      LIMITS.conductPointsMax,
      'Points for refused submissions, less one for each accepted share, at which a miner is dropped and has to wait, longer every time',
    ),
    unlimitedFrom: z
      .array(network)
      .max(256)
      .default(['127.0.0.0/8', '::1'])
      .describe(
        'Addresses and networks that none of the limits on numbers counts for, such as farms behind one address; time-outs and bans do',
      ),
  })
  .prefault({})
  .describe('What miners of this port may do; of the address that a PROXY header names, where there is one');

const portTls = z.strictObject({
  certFile: z
    .string()
    .min(1)
    .describe('Certificate and those that lead to a root, PEM; renewed files are taken by themselves'),
  keyFile: z.string().min(1).describe(
    // biome-ignore lint/suspicious/noTemplateCurlyInString: systemd's variable is meant, not a template.
    'Its private key, PEM, mode 0600, or a systemd credential: ${CREDENTIALS_DIRECTORY}/tls-key',
  ),
});

export const stratumPort = z
  .strictObject({
    port: portNumber.describe('TCP port miners connect to; 0 takes a free one'),
    difficulty: difficulty.describe(
      'Share difficulty of this port, a power of two (others are rounded down). KS0 64, KS1 512, KS3 4096, KS5 8192-32768',
    ),
    difficultyMin: difficulty
      .optional()
      .describe(
        'Least difficulty, by variable difficulty or by a password such as d=64; default: difficulty',
      ),
    difficultyMax: difficulty
      .optional()
      .describe(
        'Greatest difficulty, by variable difficulty or by a password such as d=65536; default: difficulty',
      ),
    sharesPerMinute: z
      .number()
      .min(0.1)
      .max(600)
      .optional()
      .describe(
        'Variable difficulty: each miner is brought to so many shares a minute, between difficultyMin and difficultyMax; absent: fixed. A password d=64 fixes it for that miner',
      ),
    scheme: z
      .enum(SCHEME_NAMES)
      .default('pplns')
      .describe('How rewards are divided among the miners of this port; terms under rewards'),
    label: z.string().max(60).default('').describe('What the page calls this port, e.g. "KS3 and larger"'),
    dialect: z
      .enum(DIALECT_NAMES)
      .optional()
      .describe('Speak this dialect whatever the miner says it is, for machines behind a proxy'),
    proxyFrom: z
      .array(network)
      .min(1)
      .max(64)
      .optional()
      .describe(
        'Load balancers in front of this port, as addresses or networks (10.0.0.0/8): every connection must come from one and begin with a PROXY header (v1 or v2)',
      ),
    tls: portTls
      .optional()
      .describe('TLS on this port, and nothing but: behind the PROXY header where there is one'),
    transport: z
      .enum(['tcp', 'websocket'])
      .default('tcp')
      .describe('websocket = the same protocol, a text frame for each line: ws://, or wss:// with tls'),
    limits: portLimits,
    extranonceBytes: z
      .literal([1, 2])
      .default(2)
      .describe(
        'Bytes of the nonce that the pool gives each miner. 1 is for large proxies such as NiceHash, which need more nonces; 32 of them can be connected to one engine',
      ),
    wrongJobRescue: z
      .boolean()
      .default(true)
      .describe(
        'Shares of firmware that mixes up job ids are looked for on earlier jobs (IceRiver and its kin); false refuses them',
      ),
    jobIntervalMs: z
      .number()
      .int()
      .min(50)
      .max(10_000)
      .default(LIMITS.jobIntervalMs)
      .describe('Least pause between two jobs to one miner, in ms'),
  })
  .refine(
    (port) =>
      port.sharesPerMinute === undefined ||
      (port.difficultyMin ?? port.difficulty) < (port.difficultyMax ?? port.difficulty),
    {
      path: ['sharesPerMinute'],
      message: 'needs room: give difficultyMin and difficultyMax, the first below the second',
    },
  );

export function haveOneDifficulty(ports: readonly z.infer<typeof stratumPort>[]): boolean {
  const all = ports.flatMap((port) => [
    port.difficulty,
    port.difficultyMin ?? port.difficulty,
    port.difficultyMax ?? port.difficulty,
  ]);
  return new Set(all).size === 1;
}
