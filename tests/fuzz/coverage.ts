/** Which blocks of the engine's own code have run: V8 tells what is new since it was asked last, and that guides the choice of seeds. */
import { Session } from 'node:inspector';

interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly { readonly count: number }[] }[];
  }[];
}

export class NewBlocks {
  readonly #session = new Session();

  constructor() {
    this.#session.connect();
    this.#post('Profiler.enable');
    this.#post('Profiler.startPreciseCoverage', { callCount: false, detailed: true });
  }

  /** Blocks that have run for the first time since the last call. */
  take(): number {
    const { result } = this.#post('Profiler.takePreciseCoverage') as Coverage;
    return result
      .filter(({ url }) => url.includes('/src/stratum/'))
      .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges))
      .filter(({ count }) => count > 0).length;
  }

  close(): void {
    this.#post('Profiler.stopPreciseCoverage');
    this.#session.disconnect();
  }

  #post(method: string, params: object = {}): unknown {
    let answer: unknown;
    // The inspector of this very thread answers within the call.
    this.#session.post(method, params, (error: Error | null, result?: object) => {
      if (error) throw error;
      answer = result;
    });
    return answer;
  }
}
