/** The kernel's keys of `deploy/sysctl.d/60-sluice.conf`, held against what is in force. In: a folder like /proc/sys. Out: findings. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Finding, ok, warn } from './finding.ts';

interface Setting {
  readonly key: string;
  /** Which of its numbers is judged: tcp_wmem has three. */
  readonly place: number;
  readonly most?: number;
  readonly least?: number;
  readonly why: string;
}

export const SETTINGS: readonly Setting[] = [
  {
    key: 'net.core.somaxconn',
    place: 0,
    least: 4_096,
    why: 'a farm that comes back waits here to be accepted',
  },
  { key: 'net.ipv4.tcp_max_syn_backlog', place: 0, least: 4_096, why: 'the same, before the handshake' },
  {
    key: 'net.ipv4.tcp_wmem',
    place: 2,
    most: 262_144,
    why: 'a miner that does not read holds so much where the engine cannot see it',
  },
  {
    key: 'net.ipv4.tcp_rmem',
    place: 2,
    most: 1_048_576,
    why: 'the same, for what comes in',
  },
  { key: 'net.ipv4.tcp_retries2', place: 0, most: 10, why: 'a peer that is gone is given up in minutes' },
  {
    key: 'net.ipv4.tcp_keepalive_time',
    place: 0,
    most: 600,
    why: 'a peer without power is noticed in minutes, not in two hours',
  },
  { key: 'fs.file-max', place: 0, least: 200_000, why: 'descriptors of all processes' },
  { key: 'fs.nr_open', place: 0, least: 65_536, why: 'LimitNOFILE may not pass it' },
  {
    key: 'vm.swappiness',
    place: 0,
    most: 10,
    why: 'a page of the engine on disk is a pause of every miner',
  },
];

/** Fewer than this and a balancer in front runs out of ports to the engine. */
const LOCAL_PORTS_MIN = 28_000;
const CHANGE = 'install -m 644 deploy/sysctl.d/60-sluice.conf /etc/sysctl.d/ && sysctl --system';

export function lookAtKernel(sysFolder = '/proc/sys'): Finding[] {
  return [...SETTINGS.map((setting) => judge(setting, sysFolder)), localPorts(sysFolder)].filter(
    (one) => one !== undefined,
  );
}

/** What is not there is not of this kernel, or not of this container: nothing to change. */
function numbersOf(key: string, sysFolder: string): readonly number[] | undefined {
  try {
    const text = readFileSync(join(sysFolder, ...key.split('.')), 'utf8');
    return text.trim().split(/\s+/).map(Number);
  } catch {
    return undefined;
  }
}

function judge({ key, place, least, most, why }: Setting, sysFolder: string): Finding | undefined {
  const value = numbersOf(key, sysFolder)?.[place];
  if (value === undefined) return undefined;
  if (value >= (least ?? 0) && value <= (most ?? Number.POSITIVE_INFINITY))
    return ok('kernel', key, String(value));
  const bound = least === undefined ? `at most ${most}` : `at least ${least}`;
  return warn('kernel', key, { found: String(value), expected: `${bound}: ${why}`, change: CHANGE });
}

function localPorts(sysFolder: string): Finding | undefined {
  const key = 'net.ipv4.ip_local_port_range';
  const [first, last] = numbersOf(key, sysFolder) ?? [];
  if (first === undefined || last === undefined) return undefined;
  const found = `${first} to ${last}`;
  if (last - first >= LOCAL_PORTS_MIN) return ok('kernel', key, found);
  return warn('kernel', key, {
    found,
    expected: `at least ${LOCAL_PORTS_MIN} ports: a balancer on this machine needs one for each miner`,
    change: CHANGE,
  });
}
