/**
 * How to connect, by what one mines with: one table. Each row names the words of user agents that are its clients, so a test can hold
 * it against the dialect table: every client that the engine knows has a guide, and every guide's client is known.
 *
 * Values are templates over {url} {host} {port} {address} {rig} {login} {password}; `login` is address.rig.
 */

export interface Guide {
  readonly id: string;
  readonly name: string;
  /** `asic`: a web form. `program`: a command line. `market`: a form of somebody else's. */
  readonly kind: 'asic' | 'program' | 'market';
  /** Lower-case words of its user agents, as in the dialect table. */
  readonly agents: readonly string[];
  readonly command?: string;
  readonly fields?: readonly (readonly [label: string, value: string])[];
  /** True things that its owners stumble over. */
  readonly notes: readonly string[];
  readonly tls: boolean;
  /** Bytes that it can give to the pool; absent = any. */
  readonly extranonceBytesMax?: number;
}

const WEB_FORM: readonly (readonly [string, string])[] = [
  ['Pool (URL)', '{url}'],
  ['Worker (user)', '{login}'],
  ['Password', '{password}'],
];
const TWICE =
  'Most forms have three pools: fill in the first and leave the others empty, or give them other ports of this pool.';
const BARE = 'Some firmware wants the pool without stratum+tcp:// in front.';

export const GUIDES: readonly Guide[] = [
  {
    id: 'iceriver',
    name: 'IceRiver',
    kind: 'asic',
    agents: ['iceriver', 'icemining', 'icm'],
    fields: WEB_FORM,
    notes: [BARE, TWICE],
    tls: false,
  },
  {
    id: 'bitmain',
    name: 'Bitmain Antminer',
    kind: 'asic',
    agents: ['godminer', 'bitmain', 'antminer'],
    fields: WEB_FORM,
    notes: [TWICE],
    tls: false,
  },
  {
    id: 'goldshell',
    name: 'Goldshell',
    kind: 'asic',
    agents: ['goldshell'],
    fields: WEB_FORM,
    notes: [BARE, TWICE],
    tls: false,
  },
  {
    id: 'bzminer',
    name: 'BzMiner',
    kind: 'program',
    agents: ['bzminer'],
    command: 'bzminer -a kaspa -w {address} -r {rig} -p {url} --nc 1',
    notes: [],
    tls: true,
  },
  {
    id: 'lolminer',
    name: 'lolMiner',
    kind: 'program',
    agents: ['lolminer'],
    command: 'lolMiner --algo KASPA --pool {url} --user {login}',
    notes: [],
    tls: true,
  },
  {
    id: 'rigel',
    name: 'Rigel',
    kind: 'program',
    agents: ['rigel'],
    command: 'rigel -a kheavyhash -o {url} -u {address} -w {rig}',
    notes: [],
    tls: true,
  },
  {
    id: 'srbminer',
    name: 'SRBMiner-MULTI',
    kind: 'program',
    agents: ['srbminer'],
    command:
      'SRBMiner-MULTI --disable-cpu --algorithm kaspa --pool {host}:{port} --wallet {login} --password {password}',
    notes: [],
    tls: false,
  },
  {
    id: 'gminer',
    name: 'GMiner',
    kind: 'program',
    agents: ['gminer'],
    command: 'miner --algo kheavyhash --server {host}:{port} --user {login}',
    notes: [],
    tls: false,
  },
  {
    id: 'teamredminer',
    name: 'TeamRedMiner',
    kind: 'program',
    agents: ['teamredminer'],
    command: 'teamredminer -a kas -o {url} -u {login} -p {password}',
    notes: [],
    tls: false,
  },
  {
    id: 'kaspa-miner',
    name: 'kaspa-miner',
    kind: 'program',
    agents: ['kaspa-miner'],
    command: 'kaspa-miner --mining-address {address} --kaspad-address {url}',
    notes: ['It has no field for a rig: all its machines appear as one worker.'],
    tls: false,
  },
  {
    id: 'tnn-miner',
    name: 'tnn-miner',
    kind: 'program',
    agents: ['tnn-miner'],
    fields: WEB_FORM,
    notes: ['Its options change between versions: give it these values by the names that its --help shows.'],
    tls: false,
  },
  {
    id: 'nicehash',
    name: 'NiceHash order',
    kind: 'market',
    agents: ['nicehash'],
    fields: [
      ['Algorithm', 'KHeavyHash'],
      ['Stratum hostname', '{host}'],
      ['Port', '{port}'],
      ['Username', '{login}'],
      ['Pool password', '{password}'],
    ],
    notes: [
      'An order needs much nonce space of its own: take a port with an extranonce of one byte, where there is one.',
    ],
    tls: false,
    extranonceBytesMax: 1,
  },
  {
    id: 'other',
    name: 'Something else',
    kind: 'program',
    agents: [],
    fields: WEB_FORM,
    notes: [
      'Anything that speaks Kaspa stratum will do. A program that the pool does not know is tried with one form after the other until it stays.',
    ],
    tls: true,
  },
];

export interface Machine {
  readonly id: string;
  readonly guide: string;
  /** Where a machine of this kind does well: some 13 to 40 shares a minute. */
  readonly difficulty: number;
}

export const MACHINES: readonly Machine[] = [
  { id: 'KS0', guide: 'iceriver', difficulty: 64 },
  { id: 'KS0 Pro', guide: 'iceriver', difficulty: 128 },
  { id: 'KS0 Ultra', guide: 'iceriver', difficulty: 256 },
  { id: 'KS1', guide: 'iceriver', difficulty: 512 },
  { id: 'KS2', guide: 'iceriver', difficulty: 1024 },
  { id: 'KS3L', guide: 'iceriver', difficulty: 2048 },
  { id: 'KS3M', guide: 'iceriver', difficulty: 2048 },
  { id: 'KS3', guide: 'iceriver', difficulty: 4096 },
  { id: 'KS5L', guide: 'iceriver', difficulty: 8192 },
  { id: 'KS5M', guide: 'iceriver', difficulty: 16_384 },
  { id: 'Antminer KS3', guide: 'bitmain', difficulty: 8192 },
  { id: 'Antminer KS5', guide: 'bitmain', difficulty: 32_768 },
  { id: 'KA-Box', guide: 'goldshell', difficulty: 1024 },
  { id: 'E-KA1M', guide: 'goldshell', difficulty: 4096 },
];

export function guideOf(id: string): Guide {
  return GUIDES.find((guide) => guide.id === id) ?? GUIDES[0]!;
}

export interface PortLike {
  readonly label: string;
  readonly tls: boolean;
  readonly transport: string;
  readonly difficulty: number;
  readonly difficultyMin: number;
  readonly difficultyMax: number;
  readonly extranonceBytes: number;
}

/** Steps of two between where the port starts and where the machine does well. */
function stepsAway(machine: Machine, port: PortLike): number {
  return Math.abs(Math.log2(machine.difficulty / port.difficulty));
}

/** More than four times too fast or too slow is no fit, unless the port's range lets it adjust. */
export function suits(machine: Machine, port: PortLike): boolean {
  const adjusts = machine.difficulty >= port.difficultyMin && machine.difficulty <= port.difficultyMax;
  return adjusts || stepsAway(machine, port) <= 2;
}

/** Ports that this client can be pointed at: plain ones first. */
export function portsFor<P extends PortLike>(guide: Guide, ports: readonly P[]): readonly P[] {
  const open = ports.filter((port) => port.transport === 'tcp' && (guide.tls || !port.tls));
  const most = guide.extranonceBytesMax;
  if (most === undefined) return open;
  const roomy = open.filter((port) => port.extranonceBytes <= most);
  return roomy.length > 0 ? roomy : open;
}

/** The port whose start is nearest to what the machine wants; without a machine the one that most can use: the first. */
export function bestPort<P extends PortLike>(
  guide: Guide,
  machine: Machine | undefined,
  ports: readonly P[],
): P | undefined {
  const open = portsFor(guide, ports);
  if (!machine) return open[0];
  const plain = open.filter((port) => !port.tls);
  const nearest = (plain.length > 0 ? plain : open)
    .filter((port) => suits(machine, port))
    .sort((one, other) => stepsAway(machine, one) - stepsAway(machine, other))[0];
  return nearest ?? open[0];
}

export function fillTemplate(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole);
}
