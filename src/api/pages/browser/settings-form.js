/** The signed message: the pool's text with the visitor's address in it, sent back with a signature. */
import { readJson } from './live.js';

export function settingsForm(frame, address) {
  const form = frame.querySelector('form');
  const message = form.querySelector('textarea');
  const signature = form.querySelector('input');
  const outcome = form.querySelector('[data-outcome]');
  const say = (text, tone) => {
    outcome.textContent = text;
    outcome.dataset.tone = tone;
  };
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    try {
      const response = await fetch('/api/v1/settings', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ address, message: message.value, signature: signature.value.trim() }),
      });
      const answer = await response.json();
      if (response.ok) say('Done. The new threshold holds from the next payment on.', 'good');
      else say(`${answer.title}. ${answer.hint ?? ''}`, 'bad');
    } catch {
      say('The pool did not answer. Try again in a moment.', 'bad');
    }
  });
  frame.addEventListener('toggle', async () => {
    if (!frame.open || message.value !== '') return;
    const terms = await readJson('/api/v1/settings');
    if (terms?.message) message.value = terms.message.replace('YOUR_ADDRESS', () => address);
    else say('This pool takes no settings at the moment.', 'warn');
  });
}
