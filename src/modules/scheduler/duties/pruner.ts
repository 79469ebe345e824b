import { formatDuration } from '../../../kernel/durations.js';
import { monotonicMs, type Clock } from '../../../kernel/clock.js';
import { reasonOf, type DedicatedConnection } from '../../database/index.js';
import {
  DAY_MS,
  FIRST_ID,
  contentOf,
  dayTables,
  daySuffix,
  deleteFinishedOf,
  deleteOldRows,
  detachingSteps,
  endOfDay,
  type DayTable,
  type Query,
} from '../../job/index.js';
import type { Duty, DutyLog, Step } from '../duty.js';
import { PageSize } from '../page-size.js';

/** A day becomes old once a day; what was broken off goes on within a minute. */
const ROUND_MS = 60_000;

/** A day with open jobs is emptied of the others, and then looked at this often. */
const REVISIT_MS = 3_600_000;

/**
 * How long a detach waits for those who use `job`. While it waits it keeps others from making and ending partitions and from nothing else;
 * one that was broken off is finished in a later round.
 */
const DETACH_WITHIN_MS = 3_000;

/** Readers of an old day make the drop wait this long at most, and new readers of that day with it. */
const LOCK_WITHIN_MS = 300;

const FIRST_PAGE = 500;
const PAGES = { least: 50, most: 5_000 };

export interface PrunerParts {
  readonly retention: { readonly finishedMs: number; readonly failedMs: number };
  readonly clock: Clock;
  readonly log: DutyLog;
  /** A session of its own: a detach runs in no transaction. */
  readonly connect: () => Promise<DedicatedConnection>;
  readonly elapsed?: () => number;
}

/**
 * Ends days that are past their retention: drops the partition when nothing in it is open, and otherwise deletes what has finished in it.
 * Whatever it is broken off at, the next round goes on there.
 */
export class Pruner implements Duty {
  readonly name = 'pruner';
  readonly everyMs = ROUND_MS;
  private readonly elapsed: () => number;
  private readonly deleting: PageSize;
  private readonly sweeping: PageSize;
  /** Days with open jobs: when to look again, and how far they are emptied. */
  private readonly kept = new Map<number, { again: number; place: string | null }>();

  constructor(private readonly parts: PrunerParts) {
    this.elapsed = parts.elapsed ?? monotonicMs;
    this.deleting = new PageSize(FIRST_PAGE, PAGES, this.elapsed);
    this.sweeping = new PageSize(FIRST_PAGE, PAGES, this.elapsed);
  }

  begin(): void {
    this.kept.clear();
  }

  async runOnce(step: Step): Promise<boolean> {
    const { finishedMs } = this.parts.retention;
    const hasMoreRows = await this.sweeping.run(
      async (limit) => (await step((query) => deleteOldRows(query, finishedMs, limit))) === limit,
    );
    const oldBefore = this.parts.clock.now() - finishedMs;
    const days = (await step(dayTables)).filter(({ day }) => day + DAY_MS <= oldBefore);
    let hasMore = hasMoreRows;
    for (const table of days) hasMore = (await this.prune(step, table)) || hasMore;
    return hasMore;
  }

  /** Goes on with a day; true when there is more to do in it at once. */
  private async prune(step: Step, { day, state }: DayTable): Promise<boolean> {
    const kept = this.kept.get(day);
    if (kept && kept.place === null && this.elapsed() < kept.again) return false;
    const content = await step((query) => contentOf(query, day));
    // The auditor has yet to pass it: what is open in it cannot be told.
    if (content.isUnpassed && state === 'attached') return false;
    const keepsFailed =
      content.hasFailed && day + DAY_MS > this.parts.clock.now() - this.parts.retention.failedMs;
    if (state === 'attached' && (content.hasOpen || keepsFailed)) return this.empty(step, day, keepsFailed);
    this.kept.delete(day);
    return this.end(step, day);
  }

  /** Deletes what has finished, a page at a time, from where it was. */
  private async empty(step: Step, day: number, keepsFailed: boolean): Promise<boolean> {
    const states = keepsFailed ? ['done', 'canceled'] : ['done', 'failed', 'canceled'];
    const kept = this.kept.get(day);
    const place = kept?.place ?? FIRST_ID;
    const page = await this.deleting.run((limit) =>
      step((query) => deleteFinishedOf(query, day, { place, limit, states })),
    );
    this.kept.set(day, { again: this.elapsed() + REVISIT_MS, place: page.place });
    return page.place !== null;
  }

  /** Detaches the day, looks at it once more, and drops it, or puts it back when a job in it is open again. */
  private async end(step: Step, day: number): Promise<boolean> {
    const connection = await this.parts.connect();
    try {
      const query: Query = ({ text }, values) => connection.query(text, values);
      await connection.query(`SELECT set_config('lock_timeout', '${LOCK_WITHIN_MS}', false)`);
      await connection.query(`SELECT set_config('statement_timeout', '${DETACH_WITHIN_MS}', false)`);
      const startedAt = this.elapsed();
      for (const statement of await detachingSteps(query, day)) await connection.query(statement);
      const { attach, drop } = endOfDay(day);
      const { hasOpen } = await step((stepQuery) => contentOf(stepQuery, day));
      for (const statement of hasOpen ? attach : drop) await connection.query(statement);
      const took = formatDuration(Math.round(this.elapsed() - startedAt));
      this.parts.log.log(
        hasOpen
          ? `a job of ${daySuffix(day)} is open again: its day stays`
          : `dropped the jobs of ${daySuffix(day)}, past their retention, in ${took}`,
      );
    } catch (error) {
      this.parts.log.log(`the day ${daySuffix(day)} cannot be dropped yet: ${reasonOf(error)}`);
    } finally {
      await connection.close();
    }
    return false;
  }
}
