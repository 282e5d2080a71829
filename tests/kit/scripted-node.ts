/** A gRPC server that speaks kaspad's protocol and answers only what a test tells it to. For faults that no sane node shows. */
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import {
  encodeWireHeader,
  encodeWireTransaction,
  RPC_SERVICE,
  type RpcRequest,
  type RpcResponse,
  type WireBlock,
} from '../../src/chains/kaspa/wire.ts';

type Stream = ServerDuplexStream<RpcRequest, RpcResponse>;
/** Gives the answer's message; undefined = says nothing. */
export type Script = (message: never, stream: Stream) => object | undefined | Promise<object | undefined>;

export class ScriptedNode {
  /** By request field. What is not here is unknown to the node, which then closes the stream as kaspad does. */
  readonly scripts: Record<string, Script> = {
    getServerInfoRequest: () => ({
      serverVersion: this.version,
      networkId: 'devnet',
      hasUtxoIndex: true,
      isSynced: this.synced,
      virtualDaaScore: String(this.daaScore),
    }),
    notifyNewBlockTemplateRequest: () => ({}),
    getBlockTemplateRequest: () => ({
      isSynced: this.synced,
      block: templateBlock(this.daaScore, this.work),
    }),
    submitBlockRequest: () => ({ rejectReason: 'NONE' }),
  };
  readonly requests: string[] = [];
  version = '2.0.1';
  synced = true;
  daaScore = 1_000;
  /** Another number is other work. */
  work = 1;
  echoIds = true;
  address = '';
  readonly #server = new Server();
  readonly #streams = new Set<Stream>();

  async start(): Promise<this> {
    this.#server.addService(RPC_SERVICE, { MessageStream: (stream: Stream) => this.#serve(stream) });
    const port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    this.address = `127.0.0.1:${port}`;
    return this;
  }

  count(requestField: string): number {
    return this.requests.filter((field) => field === requestField).length;
  }

  notify(): void {
    for (const stream of this.#streams) stream.write({ id: '0', newBlockTemplateNotification: {} });
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  #serve(stream: Stream): void {
    this.#streams.add(stream);
    stream.on('error', () => {});
    stream.on('close', () => this.#streams.delete(stream));
    stream.on('end', () => stream.end());
    stream.on('data', (request: RpcRequest) => void this.#answer(request, stream));
  }

  async #answer(request: RpcRequest, stream: Stream): Promise<void> {
    const field = request.payload ?? '';
    this.requests.push(field);
    const script = this.scripts[field];
    if (!script) return void stream.end();
    const message = await script(request[field] as never, stream);
    if (!message) return;
    stream.write({ id: this.echoIds ? request.id : '0', [field.replace(/Request$/, 'Response')]: message });
  }
}

/** Bits 0x207fffff: every second nonce is a block. */
export function templateBlock(daaScore: number, work: number, timestamp = 1_700_000_000_000): WireBlock {
  const hash = (byte: number): string => byte.toString(16).padStart(2, '0').repeat(32);
  const header = encodeWireHeader({
    version: 1,
    parents: [{ parentHashes: [hash(1)] }],
    hashMerkleRoot: hash(work),
    acceptedIdMerkleRoot: hash(3),
    utxoCommitment: hash(4),
    timestamp: String(timestamp),
    bits: 0x207fffff,
    nonce: '0',
    daaScore: String(daaScore),
    blueWork: 'abc',
    blueScore: '7',
    pruningPoint: hash(5),
  });
  return { header, transactions: [coinbase([])] };
}

export function coinbase(outputs: readonly { amount: number; script: string }[]): Buffer {
  return encodeWireTransaction({
    version: 0,
    inputs: [],
    outputs: outputs.map(({ amount, script }) => ({
      amount: String(amount),
      scriptPublicKey: { version: 0, scriptPublicKey: script },
    })),
    lockTime: '0',
    subnetworkId: `01${'00'.repeat(19)}`,
    gas: '0',
    payload: '',
    mass: '0',
  });
}
