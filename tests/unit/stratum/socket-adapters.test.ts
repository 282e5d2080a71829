/** Both socket adapters keep the promises of their interface, over real TCP on loopback. */
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Listener } from '../../../src/stratum/socket/listener.ts';
import type { RawStreams } from '../../../src/stratum/socket/raw-adapter.ts';
import { tryRawStreams } from '../../../src/stratum/socket/raw-trial.ts';
import type { SocketAdapter } from '../../../src/stratum/socket/socket-adapter.ts';
import { pollUntil } from '../../kit/poll-until.ts';

const MEBIBYTE = 1 << 20;

interface Accepted {
  readonly adapter: SocketAdapter;
  readonly events: string[];
  text: string;
}

const raw = await tryRawStreams();

describe.each([
  ['raw handles', raw],
  ['node:net', undefined],
])('a connection by %s', (name: string, streams: RawStreams | undefined) => {
  let listener: Listener;
  let port: number;
  let accepted: Accepted[];
  const peers: Socket[] = [];

  beforeEach(async () => {
    accepted = [];
    listener = new Listener({
      host: '127.0.0.1',
      port: 0,
      backlog: 16,
      drainMarkBytes: 1024,
      streams,
      onAcceptError: () => {},
      onConnection: (adapter) => {
        const one: Accepted = { adapter, events: [], text: '' };
        accepted.push(one);
        return {
          onData: (chunk) => {
            one.text += chunk.toString('latin1');
          },
          onDrain: () => one.events.push('drain'),
          onEnd: () => one.events.push('end'),
          onClose: (failed) => one.events.push(failed ? 'failed' : 'closed'),
        };
      },
    });
    port = await listener.open();
  });

  afterEach(async () => {
    for (const peer of peers.splice(0)) peer.destroy();
    for (const { adapter } of accepted) adapter.destroy();
    await listener.close();
  });

  async function join(): Promise<{ peer: Socket; ours: Accepted; received: () => Buffer }> {
    const chunks: Buffer[] = [];
    const before = accepted.length;
    const peer = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    peers.push(peer);
    peer.on('error', () => {});
    peer.on('data', (chunk: Buffer) => chunks.push(chunk));
    const ours = await pollUntil('the connection is accepted', () => accepted[before]);
    return { peer, ours, received: () => Buffer.concat(chunks) };
  }

  it('is what the listener was asked for', async () => {
    const { ours } = await join();
    expect(ours.adapter.constructor.name).toBe(streams === undefined ? 'NetAdapter' : 'RawAdapter');
    expect(name === 'raw handles').toBe(streams !== undefined);
    expect(ours.adapter.remoteAddress).toBe('127.0.0.1');
  });

  it('delivers what the peer writes, and writes text and bytes in order', async () => {
    const { peer, ours, received } = await join();
    peer.write('hello ');
    peer.write('there\n');
    await pollUntil('all has arrived', () => ours.text === 'hello there\n');
    ours.adapter.write('one ');
    ours.adapter.write(Buffer.from('two '));
    ours.adapter.write('three\n');
    await pollUntil('the answer has arrived', () => received().toString() === 'one two three\n');
    expect(ours.events).toEqual([]);
  });

  it('keeps connections apart although they share a buffer', async () => {
    const joined = await Promise.all([join(), join(), join()]);
    // Which of ours belongs to which peer is told by what arrives, not by the order of accepting.
    for (const [index, { peer }] of joined.entries()) peer.write(`${String(index).repeat(3_000)}\n`);
    await pollUntil('all have arrived', () => accepted.every(({ text }) => text.length === 3_001));
    expect(accepted.map(({ text }) => text[0]).sort()).toEqual(['0', '1', '2']);
    for (const { text } of accepted) expect(text).toBe(`${text[0]!.repeat(3_000)}\n`);
  });

  it('counts what the kernel does not take, keeps its order, and reports when it is gone', async () => {
    const { peer, ours, received } = await join();
    peer.pause();
    const sent: Buffer[] = [];
    for (let piece = 0; ours.adapter.backlogBytes === 0; piece++) {
      const data = Buffer.alloc(MEBIBYTE, 65 + (piece % 26));
      sent.push(data);
      ours.adapter.write(piece % 2 === 0 ? data : data.toString('latin1'));
    }
    sent.push(Buffer.from('the end'));
    ours.adapter.write('the end');
    expect(ours.adapter.backlogBytes).toBeGreaterThan(0);
    expect(ours.events).toEqual([]);
    peer.resume();
    const expected = Buffer.concat(sent);
    await pollUntil('all has arrived', () => received().length === expected.length);
    expect(received().equals(expected)).toBe(true);
    await pollUntil('the backlog is gone', () => ours.events.includes('drain'));
    expect(ours.adapter.backlogBytes).toBe(0);
  });

  it('reads nothing while it is paused', async () => {
    const { peer, ours } = await join();
    ours.adapter.pause();
    await new Promise<void>((resolve) => peer.write('later\n', () => resolve()));
    // A second connection's round trip: the first one's bytes have been there all the while.
    const other = await join();
    other.peer.write('now\n');
    await pollUntil('the other has arrived', () => other.ours.text === 'now\n');
    expect(ours.text).toBe('');
    // Twice: who is told to go on reading need not know whether it had stopped.
    ours.adapter.resume();
    ours.adapter.resume();
    await pollUntil('it has arrived', () => ours.text === 'later\n');
    expect(ours.events).toEqual([]);
  });

  it('can still answer a peer that has said all it had to say', async () => {
    const { peer, ours, received } = await join();
    const closed = new Promise((resolve) => peer.once('close', resolve));
    peer.end('last words\n');
    await pollUntil('its end was seen', () => ours.events.includes('end'));
    expect(ours.text).toBe('last words\n');
    ours.adapter.write('an answer\n');
    ours.adapter.end();
    await closed;
    expect(received().toString()).toBe('an answer\n');
    await pollUntil('it is closed', () => ours.events.includes('closed'));
    expect(ours.events).toEqual(['end', 'closed']);
  });

  it('says goodbye after what was written, and waits for the peer to hang up', async () => {
    const { peer, ours, received } = await join();
    const ended = new Promise((resolve) => peer.once('end', resolve));
    ours.adapter.write('goodbye\n');
    ours.adapter.end();
    ours.adapter.write('too late\n');
    await ended;
    expect(received().toString()).toBe('goodbye\n');
    expect(ours.events).toEqual([]);
    peer.end();
    await pollUntil('it is closed', () => ours.events.includes('closed'));
    expect(ours.events).toEqual(['end', 'closed']);
  });

  it('tells a reset from a goodbye, and takes writes to a dead peer without a word', async () => {
    const { peer, ours } = await join();
    peer.resetAndDestroy();
    await pollUntil('it is closed', () => ours.events.includes('failed'));
    ours.adapter.write('nobody hears\n');
    ours.adapter.pause();
    ours.adapter.resume();
    ours.adapter.end();
    ours.adapter.destroy();
    expect(ours.events).toEqual(['failed']);
  });

  it('delivers nothing any more once it is destroyed, not even its own end', async () => {
    const { peer, ours } = await join();
    const closed = new Promise((resolve) => peer.once('close', resolve));
    peer.write('unheard\n');
    ours.adapter.destroy();
    ours.adapter.write('unsaid\n');
    peer.end();
    await closed;
    expect(ours.events).toEqual([]);
  });

  it('lets its port close when the last connection is gone', async () => {
    const first = await join();
    const second = await join();
    let isClosed = false;
    const closed = listener.close().then(() => {
      isClosed = true;
    });
    await expect(connectionTo(port)).rejects.toThrow();
    first.ours.adapter.destroy();
    await new Promise((resolve) => first.peer.once('end', resolve));
    expect(isClosed).toBe(false);
    second.peer.end();
    await pollUntil('its end was seen', () => second.ours.events.includes('end'));
    second.ours.adapter.end();
    await closed;
    await pollUntil('its own end was told, too', () => second.ours.events.includes('closed'));
    expect(second.ours.events).toEqual(['end', 'closed']);
  });
});

describe('the trial of the raw handles', () => {
  it('passes on every Node that is supported', () => {
    expect(raw).toBeDefined();
  });
});

function connectionTo(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const peer = connect({ host: '127.0.0.1', port }, () => resolve(peer));
    peer.once('error', reject);
  });
}
