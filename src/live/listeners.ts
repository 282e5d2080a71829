/** Who wants to be told. A listener may leave while it is being told. */
export class Listeners<News> {
  readonly #listeners = new Set<(news: News) => void>();

  /** Returns a function that ends it. */
  add(listener: (news: News) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  call(news: News): void {
    for (const listener of [...this.#listeners]) listener(news);
  }
}
