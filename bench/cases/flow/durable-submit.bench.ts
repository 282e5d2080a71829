/**
 * A closed loop: every connection has `depth` shares in flight and sends the next when one is answered. All servers judge or answer
 * the same real shares and send every miner as many jobs; the engine journals before it answers, with PostgreSQL behind it, the
 * naive server keeps nothing, the limit does not even look. It says nothing of latency: that is the case `latency`.
 */
import { defineCase } from '../../lib/bench-case.ts';
import {
  connections,
  DEPTH,
  JOBS_PER_SECOND,
  ONE_CORE,
  ROUNDS,
  THREADS,
  TIME,
  threadsOption,
  WARM_UP,
} from '../../lib/flow-parameters.ts';
import { playSubmissions } from '../../lib/submit-case.ts';

export default defineCase({
  kind: 'flow',
  title:
    'CPU per share: the engine, durable and with PostgreSQL, against the naive server and the socket limit',
  parameters: {
    connections: connections(1000),
    depth: DEPTH,
    jobsPerSecond: JOBS_PER_SECOND,
    oneCore: ONE_CORE,
    threads: THREADS,
    journal: { unit: '', text: '0 = answers do not wait for the disk', real: 1, smoke: 1, min: 0, max: 1 },
    inserts: {
      unit: '',
      text: '1 = the naive server inserts a row a share',
      real: 0,
      smoke: 0,
      min: 0,
      max: 1,
    },
    rounds: ROUNDS,
    time: TIME,
    warmUp: WARM_UP,
  },
  run: ({ values, progress }) =>
    playSubmissions(
      {
        servers: ['naive', 'engine', 'limit'],
        jobsPerSecond: values.jobsPerSecond,
        oneCore: values.oneCore === 1,
        naiveInserts: values.inserts === 1,
        durability: values.journal === 1 ? 'fsync' : 'none',
        ...threadsOption(values.threads),
      },
      values.rounds,
      {
        connections: values.connections,
        seconds: values.time,
        warmUpSeconds: values.warmUp,
        load: { loop: 'closed', depth: values.depth, churnPerSecond: 0 },
      },
      progress,
    ),
});
