/** A service whose main loop turns until it has pinged twice, then is stuck, then turns again. For the test of the watchdog. */
import { connectSystemd } from '../../src/kit/systemd.ts';

const STUCK_MS = 1_000;
const systemd = connectSystemd(process.env, process.pid);
systemd.ready(() => 'turning');

process.on('message', (word) => {
  if (word === 'stick') {
    process.send!('stuck', undefined, undefined, () => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STUCK_MS);
      process.send!('free');
    });
  }
  if (word === 'leave') {
    systemd.stopping();
    systemd.close();
    process.disconnect();
  }
});
