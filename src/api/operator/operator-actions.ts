/** Orders from the console: checked by their schema, done by the desk, noted whatever came of them. */
import { EdgeError, messageOf } from '../../kit/edge-error.ts';
import type { OperatorDesk } from './operator-desk.ts';
import type { OperatorRequest } from './operator-server.ts';
import { type ActionAnswer, type ActionName, actions } from './status-schema.ts';

export interface DoneAction {
  readonly status: 200 | 400 | 404 | 413 | 409;
  readonly answer: ActionAnswer;
}

export async function runAction(
  name: string,
  request: OperatorRequest,
  desk: OperatorDesk,
  who: string,
): Promise<DoneAction> {
  if (!Object.hasOwn(actions, name))
    return refused(404, `there is no action of that name; there are: ${Object.keys(actions).join(', ')}`);
  const body = await request.readBody();
  if (!body.ok) return refused(413, 'the order is too long, or did not come in time');
  const given = parse(name as ActionName, body.text);
  if ('fault' in given) return refused(400, given.fault);
  const what = `${name} ${JSON.stringify(given.value)}`;
  try {
    const answer = await perform(name as ActionName, given.value, desk, who);
    desk.note(who, what, answer.outcome);
    return { status: answer.done ? 200 : 409, answer };
  } catch (thrown) {
    // Faults with a code are told with what to do; of others only that they were.
    const outcome =
      thrown instanceof EdgeError
        ? `not done: ${thrown.message}${thrown.remedy ? `. ${thrown.remedy}` : ''}`
        : `not done: ${messageOf(thrown)}`;
    desk.note(who, what, outcome);
    return { status: 409, answer: { done: false, outcome } };
  }
}

function refused(status: DoneAction['status'], outcome: string): DoneAction {
  return { status, answer: { done: false, outcome } };
}

function parse(name: ActionName, text: string): { value: unknown } | { fault: string } {
  let json: unknown;
  try {
    json = text.trim() === '' ? {} : JSON.parse(text);
  } catch {
    return { fault: 'the order is no JSON' };
  }
  const parsed = actions[name].safeParse(json);
  if (parsed.success) return { value: parsed.data };
  return {
    fault: parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
  };
}

function perform(name: ActionName, value: unknown, desk: OperatorDesk, who: string): Promise<ActionAnswer> {
  switch (name) {
    case 'halt-payouts':
      return desk.haltPayouts(value as never, who);
    case 'resume-payouts':
      return desk.resumePayouts(who);
    case 'run-payout':
      return desk.runPayout(who);
    case 'ban':
      return desk.ban(value as never);
    case 'unban':
      return desk.unban(value as never);
    case 'reload':
      return desk.reload(value as never);
  }
}
