/** Cores, memory, descriptors, swap, systemd, the version of Node, the clock's keeper. Reads /proc and asks two programs; changes nothing. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { Config } from '../../../config/schema.ts';
import { machineLimits } from '../machine-limits.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

const GIBIBYTE = 2 ** 30;
/** The engine idles at 200 MiB; sessions and PostgreSQL's buffers come on top. */
const MEMORY_WARN_BYTES = 4 * GIBIBYTE;
const MEMORY_FAIL_BYTES = GIBIBYTE;
const OPEN_FILES_WARN = 65_536;
const OPEN_FILES_FAIL = 4_096;
const NODE_MAJOR_IN_CARE = 22;
const ASK_TIMEOUT_MS = 3_000;

export function lookAtMachine(config: Config): Finding[] {
  return [nodeVersion(), coresOf(config), memory(), openFiles(), swap(), systemd(), clockKeeper()];
}

function nodeVersion(): Finding {
  const { node } = process.versions;
  if (Number(node.split('.')[0]) >= NODE_MAJOR_IN_CARE) return ok('machine', 'node.js', node);
  return warn('machine', 'node.js', {
    found: node,
    expected: `${NODE_MAJOR_IN_CARE} or newer: this one runs, but nobody mends its faults any more`,
    change: `install Node ${NODE_MAJOR_IN_CARE} (docs/INSTALL.md), then npm ci`,
  });
}

function coresOf({ validation }: Config): Finding {
  const { cores, cpu } = machineLimits();
  const threads = validation.threads || Math.max(1, cores - 1);
  const found = `${cores} (${cpu}), ${threads} validator thread${threads === 1 ? '' : 's'}`;
  if (validation.threads > cores) {
    return warn('machine', 'cores', {
      found,
      expected: 'no more validator threads than cores: they would take turns',
      change: 'validation.threads: 0',
    });
  }
  if (cores >= 2) return ok('machine', 'cores', found);
  return warn('machine', 'cores', {
    found,
    expected: '2 or more: sockets and hashing share one here',
    change: 'a machine with more cores; `sluice capacity` says how many',
  });
}

function memory(): Finding {
  const bytes = machineLimits().memoryBytes;
  const found = `${(bytes / GIBIBYTE).toFixed(1)} GiB`;
  if (bytes >= MEMORY_WARN_BYTES) return ok('machine', 'memory', found);
  const wrong = {
    found,
    expected: '4 GiB for an engine with PostgreSQL beside it',
    change: 'more memory, or fewer miners: `sluice config limits` says what they come to',
  };
  return bytes < MEMORY_FAIL_BYTES ? fail('machine', 'memory', wrong) : warn('machine', 'memory', wrong);
}

function openFiles(): Finding {
  const { openFiles: files } = machineLimits();
  if (files >= OPEN_FILES_WARN) return ok('machine', 'open files', `${files}`);
  const wrong = {
    found: `${files}, of this shell`,
    expected: `${OPEN_FILES_WARN} or more: each miner is one`,
    change: 'LimitNOFILE=1048576 in the unit (deploy/systemd has it); in a shell `ulimit -n 1048576`',
  };
  return files < OPEN_FILES_FAIL
    ? fail('machine', 'open files', wrong)
    : warn('machine', 'open files', wrong);
}

function swap(): Finding {
  const [, ...areas] = readLines('/proc/swaps');
  if (areas.length === 0) return ok('machine', 'swap', 'none');
  const used = areas.reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[3] ?? 0), 0);
  if (used === 0) return ok('machine', 'swap', `${areas.length} area(s), unused`);
  return warn('machine', 'swap', {
    found: `${Math.round(used / 1024)} MiB in use`,
    expected: 'none in use: a page of the engine on disk is a pause of every miner',
    change: 'free memory, then `swapoff -a && swapon -a`',
  });
}

function systemd(): Finding {
  if (existsSync('/run/systemd/system')) return ok('machine', 'systemd', 'runs this machine');
  return warn('machine', 'systemd', {
    found: 'does not run this machine',
    expected: 'something that starts the engine again, raises its limits and gives it its secrets',
    change: 'deploy/systemd on a machine that has it; else your own supervisor',
  });
}

/** The kernel's own word, whoever keeps the clock: timesyncd, chrony or ntpd. */
function clockKeeper(): Finding {
  const { stdout, status } = spawnSync('timedatectl', ['show', '-p', 'NTPSynchronized', '--value'], {
    encoding: 'utf8',
    timeout: ASK_TIMEOUT_MS,
  });
  const word = status === 0 ? stdout.trim() : '';
  if (word === 'yes') return ok('clock', 'synchronised', 'yes');
  return warn('clock', 'synchronised', {
    found: word === 'no' ? 'no' : 'cannot be told here',
    expected: 'a clock within a second: minutes of work, certificates and the times of payouts go by it',
    change: 'apt-get install chrony, then `timedatectl` says "System clock synchronized: yes"',
  });
}

function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').trim().split('\n');
  } catch {
    return [];
  }
}
