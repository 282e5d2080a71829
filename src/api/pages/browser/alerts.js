/** Tells when a worker stops: in the title, in a banner, and, where the visitor asked for it, by a notification of the system. */
import { store, stored } from './page.js';

const KEY = 'sluice.alerts';

export class WorkerAlerts {
  #live;
  #button;
  #banner;
  #title = document.title;
  #states = new Map();
  #stopped = new Map();

  constructor(live, button, banner) {
    this.#live = live;
    this.#button = button;
    this.#banner = banner;
    button.hidden = !('Notification' in globalThis);
    if (stored(KEY) === 'on' && globalThis.Notification?.permission === 'granted') this.#set(true);
    button.addEventListener('click', () => this.#toggle());
  }

  async #toggle() {
    const on = !this.#live.always;
    if (on && (await Notification.requestPermission()) !== 'granted') {
      this.#button.textContent = 'The browser does not allow it';
      return;
    }
    this.#set(on);
    store(KEY, on ? 'on' : '');
  }

  #set(on) {
    // Also while another tab is in front: that is the point of it.
    this.#live.always = on;
    this.#button.setAttribute('aria-pressed', String(on));
    this.#button.textContent = on ? 'You will be told when a worker stops' : 'Tell me when a worker stops';
  }

  see(workers) {
    for (const { name, state } of workers) {
      const before = this.#states.get(name);
      this.#states.set(name, state);
      if (state === 'online') this.#stopped.delete(name);
      else if (before === 'online') {
        this.#stopped.set(name, state);
        this.#notify(name, state);
      }
    }
    this.#show();
  }

  #notify(name, state) {
    if (!this.#live.always) return;
    const words = state === 'idle' ? 'sends no shares any more' : 'is not connected any more';
    new Notification('Sluice', { body: `${name || 'A worker'} ${words}`, tag: `worker ${name}` });
  }

  #show() {
    const names = [...this.#stopped.keys()].map((name) => name || 'one without a name');
    document.title = names.length === 0 ? this.#title : `(${names.length} stopped) ${this.#title}`;
    const text = names.length === 0 ? '' : `Stopped since you opened this page: ${names.join(', ')}.`;
    // An alert is spoken when its text changes, and only then.
    if (this.#banner.textContent !== text) this.#banner.textContent = text;
    this.#banner.hidden = text === '';
  }
}
