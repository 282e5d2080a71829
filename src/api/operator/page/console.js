/** The console in the browser: asks for the status once a second, draws it by textContent, sends orders after a confirmation. */
import { drawingOf, toneOf } from './draw.js';

const POLL_MS = 1_000;
const OUTCOME_MS = 15_000;
const byId = (id) => document.getElementById(id);
/** What is drawn, by place: unchanged rows are left alone, so that they can be read and selected. */
const drawn = new Map();

function fill(place, rows) {
  const key = JSON.stringify(rows);
  if (drawn.get(place) === key) return;
  drawn.set(place, key);
  const body = document.querySelector(`[data-rows="${place}"]`);
  body.replaceChildren(
    ...(rows.length > 0 ? rows : [[{ text: 'none', tone: 'muted' }]]).map((cells) => {
      const row = document.createElement('tr');
      for (const { text, tone, kind } of cells) {
        const cell = document.createElement('td');
        cell.textContent = text;
        if (tone) cell.dataset.tone = tone;
        if (kind) cell.className = kind;
        row.append(cell);
      }
      return row;
    }),
  );
}

function draw(status) {
  const { verdict, service } = status;
  const word = byId('verdict');
  // Only a change is read out.
  if (word.textContent !== verdict.state) word.textContent = verdict.state;
  word.dataset.tone = toneOf(verdict.state);
  document.title = `${verdict.state}: Sluice operator`;
  byId('service').textContent =
    `Sluice ${service.version}, ${service.network}, ${service.role}, since ${service.startedAt.slice(0, 19)}Z`;
  const reasons = JSON.stringify(verdict.reasons);
  if (drawn.get('reasons') !== reasons) {
    drawn.set('reasons', reasons);
    byId('reasons').replaceChildren(
      ...verdict.reasons.map(({ makes, text, runbook }) => {
        const item = document.createElement('li');
        const what = document.createElement('span');
        what.textContent = text;
        what.dataset.tone = toneOf(makes);
        const where = document.createElement('code');
        where.textContent = `docs/runbooks/${runbook}.md`;
        item.append(what, ' ', where);
        return item;
      }),
    );
  }
  const { rows, texts } = drawingOf(status);
  for (const [place, content] of Object.entries(rows)) fill(place, content);
  for (const [place, content] of Object.entries(texts))
    document.querySelector(`[data-text="${place}"]`).textContent = content;
}

function say(text, tone) {
  const live = byId('live');
  if (live.textContent !== text) live.textContent = text;
  live.dataset.tone = tone;
}

async function poll() {
  try {
    const response = await fetch('/operator/status.json', { cache: 'no-store' });
    if (response.status === 401) {
      location.reload();
      return;
    }
    if (!response.ok) throw new Error(String(response.status));
    draw(await response.json());
    say('live', 'good');
  } catch {
    say('no connection, numbers are old', 'bad');
    byId('verdict').dataset.tone = 'muted';
  }
  setTimeout(poll, POLL_MS);
}

/** Resolves with the reason typed in, '' where none is asked for, or undefined. */
function confirmed({ title, text, reason, yes = 'Do it' }) {
  const dialog = byId('dialog');
  byId('dialog-title').textContent = title;
  byId('dialog-text').textContent = text;
  byId('dialog-yes').textContent = yes;
  byId('dialog-field').hidden = !reason;
  const field = byId('dialog-reason');
  field.value = '';
  field.required = Boolean(reason);
  field.minLength = reason ? 3 : 0;
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes' ? field.value : undefined), {
      once: true,
    });
  });
}

let outcomeTimer;
function tell(text, tone) {
  const outcome = byId('outcome');
  outcome.textContent = text;
  outcome.dataset.tone = tone;
  clearTimeout(outcomeTimer);
  outcomeTimer = setTimeout(() => outcome.replaceChildren(), OUTCOME_MS);
}

async function order(name, body) {
  tell('...', 'muted');
  try {
    const response = await fetch(`/operator/actions/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-sluice-csrf': document.body.dataset.csrf },
      body: JSON.stringify(body),
    });
    const answer = await response.json();
    const changes = (answer.changes ?? []).map(
      (one) =>
        `\n${one.key}: ${one.before} -> ${one.after}  (${one.effect === 'applied' ? one.remark : `not by a reload: ${one.remark}`})`,
    );
    tell(
      `${answer.outcome ?? answer.hint ?? response.status}${changes.join('')}`,
      answer.done ? 'good' : 'bad',
    );
  } catch {
    tell('the console did not answer; look below whether it was done', 'bad');
  }
}

const ORDERS = {
  halt: async () => {
    const reason = await confirmed({
      title: 'Halt payouts?',
      text: 'Nothing is planned, signed or sent until somebody resumes. Mining and crediting go on.',
      reason: true,
      yes: 'Halt',
    });
    if (reason !== undefined) await order('halt-payouts', { reason });
  },
  resume: async () => {
    const halts = [...document.querySelectorAll('[data-rows="money"] td[data-tone="bad"]')].map(
      (one) => one.textContent,
    );
    const text = `All halts are cleared, also those of the auditor and the payer.\n${halts.join('\n')}`;
    if ((await confirmed({ title: 'Resume payouts?', text, yes: 'Resume' })) !== undefined)
      await order('resume-payouts', {});
  },
  run: async () => {
    const text = 'The payer plans, signs and sends one round at once, whatever the interval says.';
    if ((await confirmed({ title: 'Run a round of payouts now?', text, yes: 'Run' })) !== undefined)
      await order('run-payout', {});
  },
  unban: async () => {
    const network = new FormData(byId('ban')).get('network');
    const text = `${network} may connect again.`;
    if (network && (await confirmed({ title: 'Unban?', text, yes: 'Unban' })) !== undefined)
      await order('unban', { network });
  },
  diff: () => order('reload', { dryRun: true }),
  reload: async () => {
    const text =
      'The file is read again. What can change while the engine runs is applied, the rest is named.';
    if ((await confirmed({ title: 'Reload the configuration?', text, yes: 'Reload' })) !== undefined)
      await order('reload', { dryRun: false });
  },
};

for (const button of document.querySelectorAll('[data-ask]'))
  button.addEventListener('click', () => void ORDERS[button.dataset.ask]());
byId('ban').addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  const network = form.get('network');
  const hours = form.get('hours');
  const text = `${network} may not connect ${hours ? `for ${hours} hours` : 'any more'}; its connections end.`;
  if ((await confirmed({ title: 'Ban?', text, yes: 'Ban' })) === undefined) return;
  await order('ban', { network, reason: form.get('reason'), ...(hours ? { hours: Number(hours) } : {}) });
});
void poll();
