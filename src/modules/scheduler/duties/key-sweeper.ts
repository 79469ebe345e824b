import { monotonicMs, type Clock } from '../../../kernel/clock.js';
import { lowestIdAt } from '../../../kernel/ids.js';
import { sweepExpiredKeys, sweepFreeKeys } from '../../job/index.js';
import type { Duty, Step } from '../duty.js';
import { PageSize } from '../page-size.js';

const ROUND_MS = 30_000;

/** Between two walks over all keys, for those whose jobs have finished. Such a key blocks nobody; it only takes room. */
const WALK_EVERY_MS = 600_000;

/** Keys of younger jobs are let be: nobody gains by their end, and their enqueues may still be under way. */
const FREE_AFTER_MS = 3_600_000;

const FIRST_PAGE = 500;
const PAGES = { least: 50, most: 5_000 };

/** Deletes keys that hold nothing any more: those whose time is over, and those held until a job finished that has. */
export class KeySweeper implements Duty {
  readonly name = 'key sweeper';
  readonly everyMs = ROUND_MS;
  private readonly elapsed: () => number;
  private readonly expiring: PageSize;
  private readonly walking: PageSize;
  private place = '';
  private walkAt = -Infinity;

  constructor(
    private readonly clock: Clock,
    elapsed: () => number = monotonicMs,
  ) {
    this.elapsed = elapsed;
    this.expiring = new PageSize(FIRST_PAGE, PAGES, elapsed);
    this.walking = new PageSize(FIRST_PAGE, PAGES, elapsed);
  }

  begin(): void {
    this.place = '';
    this.walkAt = -Infinity;
  }

  async runOnce(step: Step): Promise<boolean> {
    const hasMore = await this.expiring.run(
      async (limit) => (await step((query) => sweepExpiredKeys(query, limit))) === limit,
    );
    return (await this.walk(step)) || hasMore;
  }

  /** Walks a page further; true when the walk is not at its end. */
  private async walk(step: Step): Promise<boolean> {
    if (this.elapsed() < this.walkAt) return false;
    const jobsBelow = lowestIdAt(this.clock.now() - FREE_AFTER_MS);
    const { place } = await this.walking.run((limit) =>
      step((query) => sweepFreeKeys(query, this.place, jobsBelow, limit)),
    );
    this.place = place ?? '';
    if (place === undefined) this.walkAt = this.elapsed() + WALK_EVERY_MS;
    return place !== undefined;
  }
}
