/**
 * What a live socket may be asked and told. Pure. In: the query it was opened with, or a text. Out: topics to add and to drop, or why not.
 *
 *   WS /api/v1/live?topics=pool,blocks,miner:kaspa:...
 *   {"subscribe": ["pool"]}   {"unsubscribe": ["miner:kaspa:..."]}
 *   <- {"topic": "pool", "sequence": 17, "at": "...", "data": {...}}
 *      sequence rises within a topic; of two topics either may come first
 *   <- {"topic": "pol", "error": "topic-unknown", "hint": "..."}    topic null: the message itself is meant
 */

export interface ClientMessage {
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
}

export type LiveFault = 'message-malformed' | 'topic-unknown' | 'topics-too-many' | 'busy';

const HINTS: Readonly<Record<LiveFault, string>> = {
  'message-malformed': 'Send {"subscribe": [...]} or {"unsubscribe": [...]}, nothing else.',
  'topic-unknown': 'Topics are pool, blocks, and miner: with a payout address of this network.',
  'topics-too-many': 'One socket takes 8 topics. Drop one first.',
  busy: 'Too many miners are watched at the moment. Try again later.',
};

export function faultText(fault: LiveFault, topic: string | null): string {
  return JSON.stringify({ topic, error: fault, hint: HINTS[fault] });
}

/** undefined: not understood. */
export function clientMessage(text: string): ClientMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { subscribe = [], unsubscribe = [], ...more } = value as Record<string, unknown>;
  if (Object.keys(more).length > 0 || !isTexts(subscribe) || !isTexts(unsubscribe)) return undefined;
  return subscribe.length + unsubscribe.length > 0 ? { subscribe, unsubscribe } : undefined;
}

/** Of `topics=a,b`, each percent-encoded or not. What cannot be decoded stays as it is, and is unknown then. */
export function queryTopics(query: string): string[] {
  const asked = query.split('&').find((pair) => pair.startsWith('topics='));
  if (asked === undefined) return [];
  return decoded(asked.slice('topics='.length))
    .split(',')
    .filter((name) => name !== '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}
