/** "We see your first share": watches an address until something of it works. */
import { agoText } from './format.js';
import { readJson } from './live.js';
import { state } from './page.js';
import { minerHref } from './parts.js';

/** The topic brings it at once; this is for where there is no socket. */
const LOOK_MS = 5_000;
/** A share this old was not sent by what is being set up now. */
const RECENT_MS = 120_000;

export class FirstShare {
  #place;
  #live;
  #onKnown;
  #address = '';
  #timer;

  constructor(place, live, onKnown = () => {}) {
    this.#place = place;
    this.#live = live;
    this.#onKnown = onKnown;
  }

  watch(address) {
    if (address === this.#address) return;
    if (this.#address) this.#live.unsubscribe(`miner:${this.#address}`);
    clearInterval(this.#timer);
    this.#address = address;
    if (!address) return;
    this.#live.subscribe(`miner:${address}`);
    this.#say('waiting', 'Waiting for the first share of this address …');
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    void this.look();
  }

  /** @param now what the topic of the address told */
  hear(now) {
    if (now.workers) this.#show(now.workers, now.workers.length);
  }

  async look() {
    if (!this.#address || document.hidden) return;
    const address = this.#address;
    const page = await readJson(`/api/v1${minerHref(address)}/workers`);
    if (!page || address !== this.#address) return;
    this.#show(page.items, page.items.filter((worker) => worker.connections > 0).length);
    // Its page is there now; the socket alone may know of it before the database does.
    this.#onKnown();
  }

  #show(workers, connected) {
    const { nowMs } = state;
    const seen = workers
      .filter(({ lastShareAt }) => lastShareAt !== null && nowMs - Date.parse(lastShareAt) < RECENT_MS)
      .sort((one, other) => Date.parse(other.lastShareAt) - Date.parse(one.lastShareAt));
    if (seen.length === 0) {
      if (connected > 0) this.#say('waiting', 'It is connected. Waiting for its first share …');
      return;
    }
    const [newest] = seen;
    const who = newest.name || 'your miner';
    this.#say(
      'seen',
      `We see ${who}: a share was accepted ${agoText(newest.lastShareAt, nowMs)}. `,
      minerHref(this.#address),
    );
  }

  #say(what, text, href) {
    this.#place.dataset.what = what;
    const words = document.createElement('p');
    words.textContent = text;
    if (href) {
      const link = document.createElement('a');
      link.href = href;
      link.textContent = 'To its page';
      words.append(link);
    }
    // Said once: a live region that speaks every two seconds is noise.
    if (this.#place.textContent !== words.textContent) this.#place.replaceChildren(words);
  }
}
