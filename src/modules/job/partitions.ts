import { Injectable } from '@nestjs/common';
import { Database, isLockTimeout, isUndefinedTable } from '../database/index.js';
import type { NewJob } from './new-job.js';
import { DAY_MS, dayBounds, dayOf, daySuffix, startOfDay } from './partition.js';

/** Days made ahead: two weeks in which nobody need be there to make one. */
const DAYS_AHEAD = 14;

/** Tries to get the short lock an attach needs, against other processes that attach at the same moment. */
const TRIES = 10;
/**
 * Makes one day's partitions unless they are there. ATTACH takes SHARE UPDATE EXCLUSIVE on the parents: it waits for another
 * ATTACH, never for readers, writers or an idle transaction, and nobody waits for it. The advisory lock keeps two makers of one day apart.
 * fillfactor 28: the claim's and the settle's row versions are a fifth larger than the first, so three versions of each row fill the
 * page, and every update finds room beside it even while long statements keep all old versions alive (measured: all updates HOT at
 * 28; 94–100 % at 33, the fewest on a busy machine; 65 % at 50).
 */
function makeDay(day: number): string {
  const suffix = daySuffix(day);
  const { from, to } = dayBounds(day);
  return `DO $make$ BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('rookery:partition', 0));
  IF to_regclass('job_${suffix}') IS NULL THEN
    CREATE TABLE job_${suffix} (LIKE job INCLUDING DEFAULTS INCLUDING CONSTRAINTS) WITH (fillfactor = 28);
    ALTER TABLE job ATTACH PARTITION job_${suffix} FOR VALUES FROM ('${from}') TO ('${to}');
  END IF;
  IF to_regclass('job_log_${suffix}') IS NULL THEN
    CREATE TABLE job_log_${suffix} (LIKE job_log INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
    ALTER TABLE job_log ATTACH PARTITION job_log_${suffix} FOR VALUES FROM ('${from}') TO ('${to}');
  END IF;
END $make$`;
}

/** Makes the partitions that jobs need, ahead of time and on demand. */
@Injectable()
export class Partitions {
  private readonly known = new Set<number>();

  constructor(private readonly database: Database) {}

  /** Makes sure that the day (its midnight in UTC, in ms) has its partitions; costs nothing once this process knows so. */
  async ensure(day: number): Promise<void> {
    if (this.known.has(day)) return;
    await this.make(day);
    this.known.add(day);
  }

  /** Makes sure of today, by the database's clock, and of the next 14 days. */
  async ensureAhead(): Promise<void> {
    const today = startOfDay(this.database.clock.now());
    for (let ahead = 0; ahead <= DAYS_AHEAD; ahead++) await this.ensure(today + ahead * DAY_MS);
  }

  /** Makes sure that the partitions of these jobs are there. */
  async ensureFor(jobs: readonly NewJob[]): Promise<void> {
    for (const day of new Set(jobs.map((job) => dayOf(job.id)))) await this.ensure(day);
  }

  /** Runs `store` with the partitions of these jobs, and once more when it finds that one is missing after all. */
  async having<Result>(jobs: readonly NewJob[], store: () => Promise<Result>): Promise<Result> {
    await this.ensureFor(jobs);
    try {
      return await store();
    } catch (error) {
      if (!isUndefinedTable(error)) throw error;
      for (const job of jobs) this.known.delete(dayOf(job.id));
      await this.ensureFor(jobs);
      return await store();
    }
  }

  private async make(day: number): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.database.control.execute(makeDay(day));
        return;
      } catch (error) {
        if (!isLockTimeout(error) || attempt === TRIES) throw error;
      }
    }
  }
}
