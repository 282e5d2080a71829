/**
 * How many questions a database is asked at once, and how long an asker waits. In: a question. Out: its answer, or `ReadUnavailable`:
 * that the database is away or slow and that too many ask are the same to who asked.
 */
import { ReadUnavailable } from './pool-reads.ts';

/** Also bounds the waiting for a connection, which no statement time-out does. */
const ANSWER_DEADLINE_MS = 3_000;
/** Two connections answer hundreds a second; who comes on top of this is better told at once. */
const QUESTIONS_MAX = 32;

export class QuestionBound {
  #questions = 0;

  /** A question counts until the database is done with it, however long ago its asker was sent away. @throws ReadUnavailable */
  async ask<T>(question: () => Promise<T>): Promise<T> {
    if (this.#questions >= QUESTIONS_MAX) throw new ReadUnavailable('too many questions at once');
    this.#questions++;
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(reject, ANSWER_DEADLINE_MS, new ReadUnavailable('no answer in time'));
    });
    const asked = question().finally(() => this.#questions--);
    try {
      return await Promise.race([asked, deadline]);
    } catch (thrown) {
      if (thrown instanceof ReadUnavailable) throw thrown;
      throw new ReadUnavailable('the database did not answer', { cause: thrown });
    } finally {
      clearTimeout(timer);
      asked.catch(() => {});
    }
  }
}
