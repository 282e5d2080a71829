/**
 * The socket limit where no C compiler is at hand: what `limit-server.c` does, on plain `node:net`. It is above the true limit, since
 * streams cost more than an epoll loop; cases say which of the two they ran.
 *
 *   node dist/bench/baseline/limit-server.js JOBS_PER_SECOND      prints its port, ends with its parent's pipe
 */
import { randomBytes } from 'node:crypto';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { buildJobLines, type JobLines } from '../../src/stratum/protocol/job-lines.ts';

const jobsPerSecond = Number(process.argv[2] ?? 10);
const miners = new Map<Socket, 'array' | 'big'>();
const TRUE_TAIL = ',"result":true,"error":null}\n';
let jobId = 0;
let extranonce = 0;
let lines = newJob();

function newJob(): JobLines {
  return buildJobLines({ jobId: ++jobId, prePowHash: randomBytes(32), timestampMs: BigInt(Date.now()) });
}

function answer(socket: Socket, line: string): string {
  const id = /"id":(\d+)/.exec(line)?.[1] ?? '0';
  if (line.includes('mining.submit')) return `{"id":${id}${TRUE_TAIL}`;
  const form = miners.get(socket) ?? 'big';
  if (line.includes('mining.authorize')) {
    miners.set(socket, form);
    extranonce = (extranonce % 0xffff) + 1;
    const head = '{"id":null,"jsonrpc":"2.0","method":"mining.set_';
    return (
      `{"id":${id}${TRUE_TAIL}${head}extranonce","params":["${extranonce.toString(16).padStart(4, '0')}"]}\n` +
      `${head}difficulty","params":[4.656612873077392578125e-10]}\n${lines[form].text}`
    );
  }
  miners.set(socket, /iceriver|bzminer|goldshell/i.test(line) ? 'big' : 'array');
  return `{"id":${id},"result":[true,"EthereumStratum/1.0.0"],"error":null}\n`;
}

const server = createServer({ noDelay: true }, (socket) => {
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    const out = text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => answer(socket, line));
    socket.write(out.join(''), 'latin1');
  });
  socket.on('error', () => {});
  socket.on('close', () => miners.delete(socket));
});

setInterval(() => {
  lines = newJob();
  for (const [socket, form] of miners) socket.write(lines[form].bytes);
}, 1000 / jobsPerSecond);
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
