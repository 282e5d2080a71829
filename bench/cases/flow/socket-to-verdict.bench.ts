/**
 * The way of a share without the wait for the disk: `durable-submit` with the journal written and not synced, so that what is left is
 * sockets, scanning, judging and answering.
 */
import { defineCase } from '../../lib/bench-case.ts';
import {
  connections,
  DEPTH,
  JOBS_PER_SECOND,
  ONE_CORE,
  ROUNDS,
  TIME,
  WARM_UP,
} from '../../lib/flow-parameters.ts';
import { playSubmissions } from '../../lib/submit-case.ts';

export default defineCase({
  kind: 'flow',
  title:
    'CPU per share from socket to verdict, no wait for the disk, against the naive server and the socket limit',
  parameters: {
    connections: connections(1000),
    depth: { ...DEPTH, real: 8 },
    jobsPerSecond: JOBS_PER_SECOND,
    oneCore: ONE_CORE,
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
        durability: 'none',
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
