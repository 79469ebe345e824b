import { monotonicMs } from '../../kernel/clock.js';

/** A page that takes longer is halved: a tenth of what a step may take, so that steps of several duties can take turns. */
const LONG_MS = 100;
/** A page that takes less is doubled. */
const SHORT_MS = 25;

/** How many rows one step takes: as many as the database does in well under a second, learned from how long the last ones took. */
export class PageSize {
  private size: number;

  constructor(
    first: number,
    private readonly bounds: { readonly least: number; readonly most: number },
    private readonly now: () => number = monotonicMs,
  ) {
    this.size = first;
  }

  /** Rows the next step should take. */
  get rows(): number {
    return this.size;
  }

  /** Runs one step over a page and learns from the time it took; one that fails, as by its timeout, took too long. */
  async run<Result>(work: (rows: number) => Promise<Result>): Promise<Result> {
    const startedAt = this.now();
    try {
      const result = await work(this.size);
      this.learn(this.now() - startedAt);
      return result;
    } catch (error) {
      this.learn(Infinity);
      throw error;
    }
  }

  private learn(tookMs: number): void {
    if (tookMs > LONG_MS) this.size = Math.max(this.bounds.least, Math.floor(this.size / 2));
    else if (tookMs < SHORT_MS) this.size = Math.min(this.bounds.most, this.size * 2);
  }
}
