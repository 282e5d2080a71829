/**
 * A process that a test kills: appends shares without end and writes the highest nonce it would have acknowledged to stdout.
 * Arguments: folder, round (becomes the nonce's upper half).
 */
import { writeSync } from 'node:fs';
import { openShareJournal } from '../../src/journal/share-journal.ts';
import { silentLogger } from '../../src/kit/log.ts';

const [directory = '', round = '0'] = process.argv.slice(2);
const pending: number[] = [];
let acknowledged = -1;
let nonce = 0;

const journal = await openShareJournal({
  directory,
  instanceName: 'child',
  bootUnixMs: Date.now(),
  log: silentLogger,
  limits: { slotsPerSegment: 65_536 },
  listener: {
    onDurable: (sequence) => {
      while (pending.length > 0 && pending[0]! <= sequence) {
        pending.shift();
        acknowledged++;
      }
      // A line is a promise made: it leaves before anything else happens.
      writeSync(1, `${acknowledged}\n`);
    },
    onFailure: (_sequence, reason) => {
      writeSync(2, `${reason}\n`);
      process.exit(1);
    },
    onRecovered: () => undefined,
  },
});
const worker = journal.acquireWorker('kaspa:qchild', `round-${round}`);
journal.registerJob(1, new Uint8Array(32), BigInt(round));
const powTop = new Uint8Array(16);

function turn(): void {
  for (let share = 0; share < 25 && journal.fill < 0.01; share++) {
    const sequence = journal.appendShare(1, 0, nonce, Number(round), Date.now(), worker, 1, 0, 0, powTop, 0);
    if (sequence === 0) break;
    pending.push(sequence);
    nonce++;
  }
  journal.flush();
  setImmediate(turn);
}
turn();
