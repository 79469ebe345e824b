import { monotonicMs } from '../../../kernel/clock.js';
import { formatDuration } from '../../../kernel/durations.js';
import { isConnectionLost, reasonOf, sqlState, type DedicatedConnection } from '../../database/index.js';
import {
  contentOf,
  daySuffix,
  deleteFinishedOf,
  deleteOldRows,
  endDay,
  listDays,
  mayHoldFailed,
  oldestKeptDay,
  type Day,
  type DayEnd,
} from '../../job/index.js';
import type { Duty, DutyLog, Step } from '../duty.js';
import { PageSize } from '../page-size.js';

/** A day becomes old once a day; an end that was broken off goes on within a minute. */
const ROUND_MS = 60_000;

/** Days that keep jobs are looked at again this often: a minute's wait more or less is nothing to rows of weeks ago. */
const REVISIT_MS = 3_600_000;

/** What has finished in such a day since is deleted this often: each time costs a read of the day's whole table. */
const EMPTY_EVERY_MS = 86_400_000;

/** Longest a round ends days before others have their turn, and a stop is heard. */
const BUDGET_MS = 2_000;

/**
 * Longest wait for each transaction that is in the way of an end, and for all of them. So long may a lock of the pruner's make others wait
 * who name the old day's own table, or make and end partitions; nobody else ever waits for it.
 */
const LOCK_WAIT_MS = 300;
const STATEMENT_MS = 1_000;
const SESSION_BOUNDS = `SELECT set_config('lock_timeout', '${LOCK_WAIT_MS}', false), set_config('statement_timeout', '${STATEMENT_MS}', false)`;

/** What the server says when a lock was not to be had in time, and when the statement took too long. */
const GIVEN_UP = new Set(['55P03', '57014']);

/** Who is in the way is told once, and again after this long. */
const TELL_EVERY_MS = 600_000;

/** Blocks of a day's table a step: a block holds 5 to 20 jobs. */
const FIRST_BLOCKS = 64;
const BLOCKS = { least: 8, most: 1_024 };

const FIRST_ROWS = 500;
const ROWS = { least: 50, most: 5_000 };

/** What the pruner works with. */
export interface PrunerParts {
  readonly retention: { readonly finishedMs: number; readonly failedMs: number };
  readonly log: DutyLog;
  /** Opens a session: a detach runs in no transaction. */
  readonly connect: () => Promise<DedicatedConnection>;
  /** Monotonic, in ms. */
  readonly elapsed?: () => number;
}

/** What is known of a day that keeps jobs. */
interface KeptDay {
  lookAt: number;
  /** When it may be emptied again, and the block at which the emptying under way goes on. */
  emptyAt: number;
  block: number | undefined;
}

/** A day to be emptied of the jobs of some states, until `stopAt`. */
interface Emptying {
  readonly day: number;
  readonly kept: KeptDay;
  readonly states: readonly string[];
  readonly stopAt: number;
}

/**
 * Ends days that are past their retention: drops one when nothing in it is kept, and otherwise deletes from it what is not. Whatever breaks
 * it off, the next round goes on there. It waits for others a moment at most, and then comes again.
 */
export class Pruner implements Duty {
  readonly name = 'pruner';
  readonly everyMs = ROUND_MS;
  private readonly elapsed: () => number;
  private readonly deleting: PageSize;
  private readonly sweeping: PageSize;
  private readonly kept = new Map<number, KeptDay>();
  private tellAt = -Infinity;

  constructor(private readonly parts: PrunerParts) {
    this.elapsed = parts.elapsed ?? monotonicMs;
    this.deleting = new PageSize(FIRST_BLOCKS, BLOCKS, this.elapsed);
    this.sweeping = new PageSize(FIRST_ROWS, ROWS, this.elapsed);
  }

  begin(): void {
    this.kept.clear();
    this.tellAt = -Infinity;
  }

  async runOnce(step: Step): Promise<boolean> {
    const { nowMs, days } = await step(listDays);
    // One partition at a time can be pending: its end comes before any other's.
    const ending = days.filter(isPending);
    for (const day of days) {
      if (isPending(day)) continue;
      if (await this.forDay(day.day, () => this.isOver(step, day, nowMs))) ending.push(day);
    }
    const hasMoreDays = await this.endAll(ending);
    const hasMoreJobs = await this.emptyKept(step, nowMs);
    const retentionMs = this.parts.retention.finishedMs;
    const hasMoreRows = await this.sweeping.run(
      async (limit) => (await step((query) => deleteOldRows(query, { nowMs, retentionMs, limit }))) === limit,
    );
    return hasMoreDays || hasMoreJobs || hasMoreRows;
  }

  /** True of a day past its retention that holds nothing to be kept, or whose end was begun. */
  private async isOver(step: Step, { day, job, log }: Day, nowMs: number): Promise<boolean> {
    const { finishedMs, failedMs } = this.parts.retention;
    if (day >= oldestKeptDay(nowMs, finishedMs)) return false;
    if (!job) return log?.state === 'attached' || log?.isDoomed === true;
    if (job.state !== 'attached') return job.isDoomed;
    const kept = this.kept.get(day);
    if (kept && this.elapsed() < kept.lookAt) return false;
    const { isUnpassed, hasOpen } = await step((query) => contentOf(query, day));
    // The auditor has yet to pass it: what is open in it cannot be told.
    if (isUnpassed) return false;
    const keepsFailed = day >= oldestKeptDay(nowMs, failedMs);
    if (!hasOpen && !(keepsFailed && (await this.mayHoldFailed(step, day)))) return true;
    const lookAt = this.elapsed() + REVISIT_MS;
    if (!kept) this.kept.set(day, { lookAt, emptyAt: this.elapsed() + EMPTY_EVERY_MS, block: 0 });
    else {
      kept.lookAt = lookAt;
      if (this.elapsed() >= kept.emptyAt) {
        kept.emptyAt = this.elapsed() + EMPTY_EVERY_MS;
        kept.block ??= 0;
      }
    }
    return false;
  }

  /** What takes too long to tell is kept: the day is emptied of the others first, and asked again later. */
  private async mayHoldFailed(step: Step, day: number): Promise<boolean> {
    try {
      return await step((query) => mayHoldFailed(query, day));
    } catch (error) {
      if (GIVEN_UP.has(sqlState(error) ?? '')) return true;
      throw error;
    }
  }

  /** What the work for one day says; false when it failed, which is told and keeps no other day from its turn. */
  private async forDay(day: number, work: () => Promise<boolean>): Promise<boolean> {
    try {
      return await work();
    } catch (error) {
      if (isConnectionLost(error)) throw error;
      this.parts.log.warn(
        `the day ${daySuffix(day)} cannot be pruned, and is tried again every minute: ${reasonOf(error)}`,
      );
      return false;
    }
  }

  /** Ends these days one after the other, until somebody is in the way or the time is up; true when there are more to end at once. */
  private async endAll(days: readonly Day[]): Promise<boolean> {
    if (days.length === 0) return false;
    const stopAt = this.elapsed() + BUDGET_MS;
    const connection = await this.parts.connect();
    try {
      await connection.query(SESSION_BOUNDS);
      for (const [index, day] of days.entries()) {
        if (!(await this.end(connection, day))) return false;
        if (this.elapsed() >= stopAt) return index + 1 < days.length;
      }
      return false;
    } finally {
      await connection.close();
    }
  }

  /** Goes on with a day's end; false when it had to be given up for now. */
  private async end(connection: DedicatedConnection, day: Day): Promise<boolean> {
    const startedAt = this.elapsed();
    const suffix = daySuffix(day.day);
    try {
      const end = await endDay({ query: (text) => connection.query(text) }, day);
      this.tell(end, day, formatDuration(Math.round(this.elapsed() - startedAt)));
      this.kept.delete(day.day);
      this.tellAt = -Infinity;
      return true;
    } catch (error) {
      if (!GIVEN_UP.has(sqlState(error) ?? '')) throw error;
      if (this.elapsed() >= this.tellAt) {
        this.parts.log.warn(
          `the day ${suffix} cannot be dropped while a transaction that has used job is open, and is tried again every minute`,
        );
        this.tellAt = this.elapsed() + TELL_EVERY_MS;
      }
      return false;
    }
  }

  private tell(end: DayEnd, { day, job }: Day, took: string): void {
    const suffix = daySuffix(day);
    if (end === 'dropped')
      this.parts.log.log(
        `dropped the ${job ? 'jobs' : 'logs'} of ${suffix}, past their retention, in ${took}`,
      );
    if (end === 'restored')
      this.parts.log.log(`a job of ${suffix} was opened again meanwhile: its day stays`);
  }

  /** Deletes from the days that keep jobs what they do not keep; true when there is more to do at once. */
  private async emptyKept(step: Step, nowMs: number): Promise<boolean> {
    const stopAt = this.elapsed() + BUDGET_MS;
    for (const [day, kept] of this.kept) {
      const keepsFailed = day >= oldestKeptDay(nowMs, this.parts.retention.failedMs);
      const states = keepsFailed ? ['done', 'canceled'] : ['done', 'canceled', 'failed'];
      if (await this.forDay(day, () => this.empty(step, { day, kept, states, stopAt }))) return true;
    }
    return false;
  }

  /** Goes on with the emptying of a day; true when the time is up before its end. */
  private async empty(step: Step, { day, kept, states, stopAt }: Emptying): Promise<boolean> {
    while (kept.block !== undefined) {
      if (this.elapsed() >= stopAt) return true;
      const from = kept.block;
      kept.block = await this.deleting.run(async (blocks) => {
        const to = from + blocks;
        const { blockCount } = await step((query) => deleteFinishedOf(query, day, { from, to }, states));
        return to < blockCount ? to : undefined;
      });
    }
    return false;
  }
}

function isPending({ job, log }: Day): boolean {
  return job?.state === 'pending' || log?.state === 'pending';
}
