/** Questions that are under way: few at once, and each with an end. */
import { FeedUnavailable } from './engine-feed.ts';

/** Each costs the one who answers some tens of microseconds; more are a crowd that may look again. */
const UNDER_WAY_MAX = 64;
/** An engine answers within a turn of its loop; one that takes a second has other worries. */
const PATIENCE_MS = 1_000;

interface Question<Answer> {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: FeedUnavailable) => void;
  readonly timer: NodeJS.Timeout;
}

export class Questions<Answer> {
  readonly #open = new Map<number, Question<Answer>>();
  readonly #patienceMs: number;
  #nextId = 1;

  constructor(patienceMs = PATIENCE_MS) {
    this.#patienceMs = patienceMs;
  }

  /** @throws FeedUnavailable */
  ask(send: (id: number) => void): Promise<Answer> {
    if (this.#open.size >= UNDER_WAY_MAX)
      return Promise.reject(new FeedUnavailable('too many are asking the engine'));
    const id = this.#nextId;
    this.#nextId = (this.#nextId + 1) >>> 0;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#open.delete(id);
        reject(new FeedUnavailable('the engine does not answer'));
      }, this.#patienceMs);
      this.#open.set(id, { resolve, reject, timer });
      send(id);
    });
  }

  /** A late one is dropped. */
  answer(id: number, answer: Answer): void {
    const question = this.#take(id);
    question?.resolve(answer);
  }

  /** It will not be answered. */
  fail(id: number, why: string): void {
    this.#take(id)?.reject(new FeedUnavailable(why));
  }

  /** Nobody will answer any more. */
  failAll(why: string): void {
    for (const id of [...this.#open.keys()]) this.fail(id, why);
  }

  #take(id: number): Question<Answer> | undefined {
    const question = this.#open.get(id);
    if (question === undefined) return undefined;
    this.#open.delete(id);
    clearTimeout(question.timer);
    return question;
  }
}
