/**
 * What comes by itself: topics over a WebSocket, polling where there is none, both stopped while nobody looks, unless somebody asked
 * to be told.
 */

const POLL_MS = 3_000;
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 15_000;
/** The pool tells itself every second; after this long without a word the numbers are old and must not look live. */
const STALE_MS = 8_000;

export class Live {
  #topics;
  #onMessage;
  #onState;
  #socket;
  #retryMs = RETRY_MIN_MS;
  #lastAt = 0;
  #how = 'connecting …';
  /** Keep listening in the background: for alerts. */
  always = false;

  /** @param onMessage (topic, data)  @param onState (text, tone) */
  constructor(topics, onMessage, onState) {
    this.#topics = new Set(topics);
    this.#onMessage = onMessage;
    this.#onState = onState;
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.#reconnect();
      else if (!this.always) this.#socket?.close();
    });
    addEventListener('pagehide', () => this.#socket?.close());
    setInterval(() => this.#poll(), POLL_MS);
    setInterval(() => this.#tell(), 1_000);
    this.#connect();
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  subscribe(topic) {
    this.#topics.add(topic);
    if (this.isOpen) this.#socket.send(JSON.stringify({ subscribe: [topic] }));
  }

  unsubscribe(topic) {
    this.#topics.delete(topic);
    if (this.isOpen) this.#socket.send(JSON.stringify({ unsubscribe: [topic] }));
  }

  #connect() {
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const topics = [...this.#topics].map(encodeURIComponent).join(',');
    this.#socket = new WebSocket(`${scheme}//${location.host}/api/v1/live?topics=${topics}`);
    this.#socket.addEventListener('message', ({ data }) => {
      this.#retryMs = RETRY_MIN_MS;
      const message = JSON.parse(data);
      if (message.topic === undefined) this.#hear('pool', message, 'live');
      else if (message.data !== undefined) this.#hear(message.topic, message.data, 'live');
    });
    this.#socket.addEventListener('close', () => {
      this.#socket = undefined;
      void this.#poll();
      setTimeout(() => this.#reconnect(), this.#retryMs);
      this.#retryMs = Math.min(RETRY_MAX_MS, this.#retryMs * 2);
    });
  }

  #reconnect() {
    if (!this.#socket && (this.always || !document.hidden)) this.#connect();
  }

  #hear(topic, data, how) {
    if (topic === 'pool') {
      this.#lastAt = Date.now();
      this.#how = how;
    }
    this.#onMessage(topic, data);
    this.#tell();
  }

  async #poll() {
    if (this.isOpen || (document.hidden && !this.always)) return;
    const pool = await readJson('/api/v1/pool');
    if (pool && !this.isOpen) this.#hear('pool', pool, 'polling');
  }

  #tell() {
    if (this.#lastAt === 0) this.#onState('connecting …', 'muted');
    else if (Date.now() - this.#lastAt > STALE_MS) this.#onState('no connection, numbers are old', 'bad');
    else this.#onState(this.#how, this.#how === 'live' ? 'good' : 'warn');
  }
}

/** undefined for whatever is no good answer: the next round will tell. */
export async function readJson(path) {
  try {
    const response = await fetch(path);
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}
