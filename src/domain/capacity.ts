/**
 * How many miners a machine carries, and what runs out first. Costs per event times events per second, against what there is. Pure.
 *
 * One process has one main thread, which all sockets go through; it ends first, nearly always, and then a second process is the way
 * on (`serve --edges`). Everything else is the machine's.
 */

/** What things cost, as measured somewhere: CPU in us, memory in bytes. */
export interface CostCurve {
  /** On what it was measured. */
  readonly machine: string;
  readonly takenAt: string;
  /** A durable share: on the main thread, and on all the engine's others together. */
  readonly shareMainUs: number;
  readonly shareOtherUs: number;
  /** A job to one miner, on the main thread. */
  readonly sendUs: number;
  /** PostgreSQL's part of a share. */
  readonly databaseShareUs: number;
  /** Templates, page, timers: of one process, with no miner at all, in us per second. */
  readonly idleUsPerSecond: number;
  readonly processBytes: number;
  readonly minerBytes: number;
}

export interface Machine {
  readonly cores: number;
  readonly memoryBytes: number;
  readonly openFiles: number;
  /** Of the uplink; undefined = not asked about. */
  readonly bitsPerSecond?: number;
}

export interface Demand {
  readonly jobsPerSecond: number;
  /** Of one miner. */
  readonly sharesPerMinute: number;
  /** undefined = as many as go in. */
  readonly miners?: number;
}

export const RESOURCES = [
  'main thread',
  'cores',
  'memory',
  'descriptors',
  'extranonces',
  'bandwidth',
] as const;
export type Resource = (typeof RESOURCES)[number];

export interface Capacity {
  /** Miners that each resource would carry by itself: of one process. */
  readonly oneProcess: Readonly<Record<Resource, number>>;
  readonly minersOfOneProcess: number;
  readonly endsFirst: Resource;
  /** As many processes as pay, on this machine. */
  readonly minersOfMachine: number;
  readonly processesOfMachine: number;
  readonly machineEndsFirst: Resource;
  readonly plan: Plan;
}

/** For the miners asked for, or for all that the machine carries. */
export interface Plan {
  readonly miners: number;
  readonly fits: boolean;
  readonly processes: number;
  /** More than this machine's when it does not fit. */
  readonly cores: number;
  readonly memoryBytes: number;
  readonly bitsOutPerSecond: number;
  readonly bitsInPerSecond: number;
  readonly journalBytesPerDay: number;
  readonly rowsPerDay: number;
}

/** Of a core: beyond it queues grow faster than answers. */
export const BUSY_MAX = 0.7;
/** Sockets for nodes, PostgreSQL, files and the page. */
const OWN_FILES = 500;
/** Two bytes of extranonce, some of them at rest. */
const EXTRANONCES = 60_000;
const KERNEL_BYTES_PER_MINER = 10_240;
/** Bytes on the wire with TCP, IP and Ethernet: a job and its ACK out and in, a share and its answer. */
const JOB_OUT_BYTES = 300;
const JOB_IN_BYTES = 66;
const SHARE_IN_BYTES = 216;
const SHARE_OUT_BYTES = 172;
const JOURNAL_BYTES_PER_SHARE = 64;
const US_PER_SECOND = 1e6;
const SECONDS_PER_MINUTE = 60;
const SECONDS_PER_DAY = 86_400;
const BITS = 8;

export function capacityOf(curve: CostCurve, machine: Machine, demand: Demand): Capacity {
  const per = costsPerMiner(curve, demand);
  const oneProcess = bounds(curve, machine, per, 1);
  const first = least(oneProcess);
  // Each further process costs its idle part and gives a main thread, until the cores are used up.
  let best = { processes: 1, miners: oneProcess[first], first };
  for (let processes = 2; processes <= machine.cores; processes++) {
    const limits = bounds(curve, machine, per, processes);
    const at = least(limits);
    if (limits[at] > best.miners) best = { processes, miners: limits[at], first: at };
  }
  const capacity = {
    oneProcess,
    minersOfOneProcess: oneProcess[first],
    endsFirst: first,
    minersOfMachine: best.miners,
    processesOfMachine: best.processes,
    machineEndsFirst: best.first,
  };
  return { ...capacity, plan: planOf(curve, capacity, per, demand) };
}

interface PerMiner {
  readonly mainUs: number;
  readonly allUs: number;
  readonly sharesPerSecond: number;
  readonly bitsOut: number;
  readonly bitsIn: number;
}

function costsPerMiner(curve: CostCurve, { jobsPerSecond, sharesPerMinute }: Demand): PerMiner {
  const shares = sharesPerMinute / SECONDS_PER_MINUTE;
  const mainUs = jobsPerSecond * curve.sendUs + shares * curve.shareMainUs;
  return {
    mainUs,
    allUs: mainUs + shares * (curve.shareOtherUs + curve.databaseShareUs),
    sharesPerSecond: shares,
    bitsOut: BITS * (jobsPerSecond * JOB_OUT_BYTES + shares * SHARE_OUT_BYTES),
    bitsIn: BITS * (jobsPerSecond * JOB_IN_BYTES + shares * SHARE_IN_BYTES),
  };
}

/** Miners of so many processes together, by resource. */
function bounds(
  curve: CostCurve,
  machine: Machine,
  per: PerMiner,
  processes: number,
): Record<Resource, number> {
  const room = (us: number, costUs: number): number => Math.max(0, Math.floor(us / costUs));
  const idleUs = processes * curve.idleUsPerSecond;
  const memory = BUSY_MAX * machine.memoryBytes - processes * curve.processBytes;
  return {
    'main thread': processes * room(BUSY_MAX * US_PER_SECOND - curve.idleUsPerSecond, per.mainUs),
    cores: room(BUSY_MAX * machine.cores * US_PER_SECOND - idleUs, per.allUs),
    memory: room(memory, curve.minerBytes + KERNEL_BYTES_PER_MINER),
    descriptors: processes * Math.max(0, machine.openFiles - OWN_FILES),
    extranonces: processes * EXTRANONCES,
    bandwidth:
      machine.bitsPerSecond === undefined
        ? Number.POSITIVE_INFINITY
        : room(BUSY_MAX * machine.bitsPerSecond, Math.max(per.bitsOut, per.bitsIn)),
  };
}

function least(limits: Readonly<Record<Resource, number>>): Resource {
  return RESOURCES.reduce((first, one) => (limits[one] < limits[first] ? one : first));
}

function planOf(
  curve: CostCurve,
  capacity: Omit<Capacity, 'plan'>,
  per: PerMiner,
  { miners = capacity.minersOfMachine }: Demand,
): Plan {
  const { oneProcess, minersOfMachine } = capacity;
  // What one process can do whatever the machine: a larger one has more cores and memory, not a quicker main thread.
  const ofProcess = Math.max(
    1,
    Math.min(oneProcess['main thread'], oneProcess.extranonces, oneProcess.descriptors),
  );
  const processes = Math.max(1, Math.ceil(miners / ofProcess));
  const us = miners * per.allUs + processes * curve.idleUsPerSecond;
  return {
    miners,
    fits: miners <= minersOfMachine,
    processes,
    cores: Math.max(processes, Math.ceil(us / (BUSY_MAX * US_PER_SECOND))),
    memoryBytes: processes * curve.processBytes + miners * (curve.minerBytes + KERNEL_BYTES_PER_MINER),
    bitsOutPerSecond: miners * per.bitsOut,
    bitsInPerSecond: miners * per.bitsIn,
    journalBytesPerDay: miners * per.sharesPerSecond * JOURNAL_BYTES_PER_SHARE * SECONDS_PER_DAY,
    rowsPerDay: miners * per.sharesPerSecond * SECONDS_PER_DAY,
  };
}
