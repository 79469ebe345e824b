import { monotonicMs } from '../../../kernel/clock.js';
import { foldCounters, pruneMinutes } from '../../job/index.js';
import type { Duty, Step } from '../duty.js';
import { PageSize } from '../page-size.js';

/** Often enough that who reads the counters meets a few thousand deltas at most. */
const ROUND_MS = 2_000;

const PRUNE_EVERY_MS = 3_600_000;

const FIRST_PAGE = 1_000;
const PAGES = { least: 100, most: 20_000 };

/** Folds the counters that every hot statement appends into minutes and totals, and forgets minutes after 14 days. */
export class CounterFolder implements Duty {
  readonly name = 'counter folder';
  readonly everyMs = ROUND_MS;
  private readonly elapsed: () => number;
  private readonly folding: PageSize;
  private readonly pruning: PageSize;
  private pruneAt = -Infinity;

  constructor({ elapsed = monotonicMs }: { readonly elapsed?: () => number } = {}) {
    this.elapsed = elapsed;
    this.folding = new PageSize(FIRST_PAGE, PAGES, elapsed);
    this.pruning = new PageSize(FIRST_PAGE, PAGES, elapsed);
  }

  begin(): void {
    this.pruneAt = -Infinity;
  }

  async runOnce(step: Step): Promise<boolean> {
    const hasMore = await this.folding.run(
      async (limit) => (await step((query) => foldCounters(query, limit))) === limit,
    );
    if (!hasMore && this.elapsed() >= this.pruneAt && !(await this.prunePage(step))) {
      this.pruneAt = this.elapsed() + PRUNE_EVERY_MS;
    }
    return hasMore;
  }

  /** True when there may be more to prune. */
  private prunePage(step: Step): Promise<boolean> {
    return this.pruning.run(async (limit) => (await step((query) => pruneMinutes(query, limit))) === limit);
  }
}
