/** A loopback proxy whose connections a test can cut or freeze, for any server that must not notice that it is under test. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface TcpProxy {
  /** host:port */
  readonly address: string;
  readonly connections: number;
  /** Cuts what is open; new connections are taken again. */
  cut(): void;
  /** Cuts, and refuses new connections until `heal`. */
  refuse(): void;
  /** Takes connections and bytes, but lets nothing through until `heal`. */
  freeze(): void;
  heal(): void;
  close(): Promise<void>;
}

export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const [host, port] = target.split(':') as [string, string];
  const pairs = new Set<[Socket, Socket]>();
  let mode: 'open' | 'refused' | 'frozen' = 'open';
  const server = createServer((client) => {
    if (mode === 'refused') return void client.destroy();
    const upstream = connect(Number(port), host);
    const pair: [Socket, Socket] = [client, upstream];
    pairs.add(pair);
    for (const [from, to] of [pair, [upstream, client] as const]) {
      from.on('data', (bytes) => void to.write(bytes));
      from.on('error', () => {});
      from.on('close', () => {
        to.destroy();
        pairs.delete(pair);
      });
      if (mode === 'frozen') from.pause();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const [client, upstream] of pairs) {
      client.destroy();
      upstream.destroy();
    }
  };
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return pairs.size;
    },
    cut,
    refuse: () => {
      mode = 'refused';
      cut();
    },
    freeze: () => {
      mode = 'frozen';
      for (const pair of pairs) for (const socket of pair) socket.pause();
    },
    heal: () => {
      mode = 'open';
      for (const pair of pairs) for (const socket of pair) socket.resume();
    },
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
