import { describe, expect, it } from 'vitest';
import {
  descriptorsByPort,
  inheritedSockets,
  socketName,
} from '../../../src/stratum/socket/inherited-sockets.ts';

const PID = 4242;

describe('inherited sockets', () => {
  it('are none without LISTEN_FDS, or when they are meant for another process', () => {
    expect(inheritedSockets({}, PID)).toEqual([]);
    expect(inheritedSockets({ LISTEN_FDS: '2', LISTEN_PID: '1' }, PID)).toEqual([]);
  });

  it('begin at descriptor 3, with the names that were given', () => {
    const env = { LISTEN_FDS: '3', LISTEN_PID: String(PID), LISTEN_FDNAMES: 'stratum.0:stratum.1' };
    expect(inheritedSockets(env, PID)).toEqual([
      { descriptor: 3, name: 'stratum.0' },
      { descriptor: 4, name: 'stratum.1' },
      { descriptor: 5, name: '' },
    ]);
  });

  it.each(['x', '-1', '1.5', '1e9', ' '])('are refused when LISTEN_FDS is "%s"', (text) => {
    if (text === ' ') expect(inheritedSockets({ LISTEN_FDS: text }, PID)).toEqual([]);
    else expect(() => inheritedSockets({ LISTEN_FDS: text }, PID)).toThrow(/LISTEN_FDS/);
  });

  it('are dealt to the ports by name, several to one port', () => {
    const sockets = [1, 0, 1].map((port, index) => ({ descriptor: 3 + index, name: socketName(port) }));
    expect(descriptorsByPort(sockets, 3)).toEqual([[4], [3, 5], []]);
  });

  it('need no name where there is one port', () => {
    expect(descriptorsByPort([{ descriptor: 3, name: 'sluice.socket' }], 1)).toEqual([[3]]);
  });

  it('are refused when no port is called so, with the name that would do', () => {
    for (const name of ['sluice.socket', '', 'stratum.2', 'stratum.-1', 'stratum.0x'])
      expect(() => descriptorsByPort([{ descriptor: 3, name }], 2), name).toThrow(/none of the 2/);
  });
});
