/** Points 25 to 28: whose nonces are whose. */
import { demand, shown } from './finding.ts';
import { AGENTS, type Lab } from './lab.ts';
import type { MiningSession } from './mining-session.ts';
import { type Point, point } from './point.ts';

/** Sessions that live at the same time during the churn. */
const LIVE_MAX = 100;
const AT_ONCE = 20;
/** After a session with a share is gone: so many others, who must not be lent what it had. */
const SUCCESSORS = 200;

/** Sessions come and go in random order; nobody is lent what a live one has. */
async function noTwoAlike(lab: Lab): Promise<string> {
  const live = new Map<string, MiningSession>();
  let opened = 0;
  const clientLoop = async (): Promise<void> => {
    while (opened < lab.options.storm) {
      opened++;
      if (live.size >= LIVE_MAX || (live.size > 0 && Math.random() < 0.4)) {
        const [extranonce, session] = [...live][Math.floor(Math.random() * live.size)]!;
        // Off the list before the server hears of it: from then on it may lend it again.
        live.delete(extranonce);
        session.close();
      }
      const session = await lab.patientSession();
      const { extranonceHex } = session;
      demand(extranonceHex !== '', 'an extranonce', 'none was sent');
      demand(!live.has(extranonceHex), 'an extranonce of its own', `two live sessions with ${extranonceHex}`);
      live.set(extranonceHex, session);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, clientLoop));
  for (const session of live.values()) session.close();
  return `${opened} logins, at most ${LIVE_MAX} at a time`;
}

/** Lent again too soon, a nonce that was paid to one could be found by the next. */
async function restsAfterUse(lab: Lab): Promise<string> {
  const session = await lab.worker();
  const { extranonceHex, job } = session;
  const { code, exchange } = await session.submit(job.id, await session.find(job));
  demand(code === 0, 'an accepted share', exchange);
  session.close();
  await session.wire.until(() => session.wire.closed, 'the connection to be closed');
  for (let begun = 0; begun < SUCCESSORS; begun += AT_ONCE) {
    const others = await Promise.all(Array.from({ length: AT_ONCE }, () => lab.patientSession()));
    for (const other of others) {
      demand(
        other.extranonceHex !== extranonceHex,
        'another extranonce while jobs live that it was used on',
        `${extranonceHex} was lent again after ${begun + AT_ONCE} logins`,
      );
      other.close();
    }
  }
  return `${SUCCESSORS} logins later`;
}

/** kaspa-miner cannot read one param, and ASICs were never given two under this name. */
async function pushForms(lab: Lab): Promise<string> {
  for (const [agent, params, method] of [
    [AGENTS.hex, 1, 'mining.set_extranonce'],
    ['BzMiner-v11.1.0', 1, 'mining.set_extranonce'],
    [AGENTS.twoParam, 2, ''],
    ['Rigel', 2, ''],
  ] as const) {
    const wire = (await lab.session(agent)).wire;
    const push = wire.lines.find(({ fields }) => String(fields?.method).endsWith('set_extranonce'));
    const given = (push?.fields?.params ?? []) as unknown[];
    const fits = given.length === params && (params === 1 || given[1] === 8 - String(given[0]).length / 2);
    const expected = `${method || 'set_extranonce'} with ${params} params to ${agent}`;
    demand(fits && (method === '' || push?.fields?.method === method), expected, () =>
      push ? shown(push.text) : 'no such push',
    );
    wire.close();
  }
  return '';
}

export const EXTRANONCE_POINTS: readonly Point[] = [
  point(25, 'no two live connections have the same extranonce', noTwoAlike),
  point(26, 'an extranonce rests while jobs live that it was used on', restsAfterUse),
  point(27, 'ASICs get one param, two-param clients the size as well', pushForms),
  point(
    28,
    'extranonces are lower-case hex of even length',
    async (lab) => lab.witness.judge('extranonce', 'lower-case hex of even length'),
    'verdict',
  ),
];
