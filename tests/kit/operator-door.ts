/** The operator's listener with a desk that does nothing but remember: for tests of who may enter, and of what the page shows. */
import { createHash } from 'node:crypto';
import { type IncomingHttpHeaders, request } from 'node:http';
import type { OperatorPlace } from '../../config/operator-terms.ts';
import type { OperatorDesk } from '../../src/api/operator/operator-desk.ts';
import { OperatorGate } from '../../src/api/operator/operator-gate.ts';
import { loadOperatorPages } from '../../src/api/operator/operator-pages.ts';
import { createOperatorRoutes, operatorFailure } from '../../src/api/operator/operator-routes.ts';
import { type OperatorServer, startOperatorServer } from '../../src/api/operator/operator-server.ts';
import type { ActionAnswer, OperatorStatus } from '../../src/api/operator/status-schema.ts';
import { SAMPLE_STATUS } from '../unit/live/sample-report.ts';

export const DOOR_TOKEN = 'a-token-of-an-operator-0123456789abcdef';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export class OperatorDoor {
  readonly orders: string[] = [];
  readonly notes: string[] = [];
  status: OperatorStatus = SAMPLE_STATUS;
  nowMs = 0;
  #server!: OperatorServer;
  readonly #place: OperatorPlace;

  private constructor(place: OperatorPlace) {
    this.#place = place;
  }

  static async open(place: OperatorPlace): Promise<OperatorDoor> {
    const door = new OperatorDoor(place);
    const tokenHash = createHash('sha256').update(DOOR_TOKEN).digest();
    const gate = new OperatorGate(tokenHash, () => door.nowMs);
    const routes = createOperatorRoutes({ gate, desk: door.#desk(), pages: loadOperatorPages() });
    door.#server = await startOperatorServer(place, routes, operatorFailure);
    return door;
  }

  get port(): number {
    return this.#server.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/operator`;
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  ask(method: string, path: string, headers: Record<string, string> = {}, body = ''): Promise<Answer> {
    const where =
      this.#place.kind === 'socket'
        ? { socketPath: this.#place.path }
        : { host: this.#place.host, port: this.port };
    return new Promise((resolve, reject) => {
      const sent = request(
        { ...where, method, path, headers: { host: 'localhost', ...headers } },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (piece) => {
            text += piece;
          });
          response.on('end', () =>
            resolve({ status: response.statusCode!, headers: response.headers, text }),
          );
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }

  /** A session as a browser has one. */
  async login(): Promise<{ readonly cookie: string; readonly csrf: string }> {
    const form = { 'content-type': 'application/x-www-form-urlencoded', origin: 'http://localhost' };
    const answer = await this.ask('POST', '/operator/login', form, `token=${DOOR_TOKEN}`);
    const cookie = answer.headers['set-cookie']![0]!.split(';')[0]!;
    const page = await this.ask('GET', '/operator', { cookie });
    return { cookie, csrf: /data-csrf="([^"]+)"/.exec(page.text)![1]! };
  }

  #desk(): OperatorDesk {
    const order = (text: string): Promise<ActionAnswer> => {
      this.orders.push(text);
      return Promise.resolve({ done: true, outcome: `done: ${text}` });
    };
    return {
      status: async () => this.status,
      haltPayouts: ({ reason }) => order(`halt ${reason}`),
      resumePayouts: () => order('resume'),
      runPayout: () => order('run'),
      ban: ({ network, reason }) => order(`ban ${network} ${reason}`),
      unban: ({ network }) => order(`unban ${network}`),
      reload: ({ dryRun }) => order(`reload ${dryRun}`),
      note: (who, what, outcome) => void this.notes.push(`${who} ${what}: ${outcome}`),
    };
  }
}
