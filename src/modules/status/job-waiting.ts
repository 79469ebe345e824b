import { Injectable } from '@nestjs/common';
import { idTime } from '../../kernel/ids.js';
import { Database } from '../database/index.js';
import {
  FIRST_ID,
  JobService,
  controlQuery,
  jobsAhead,
  noSuchJob,
  queuesNamed,
  walkQuery,
  type JobState,
  type JobView,
} from '../job/index.js';
import { waitingReasons, type WaitingReason } from './waiting-reasons.js';
import { WorkerList } from './worker-list.js';

/** Most rows read to see who is ahead, in each of two places: some hundredths of a second. More than these are "at least". */
const MOST_ROWS = 10_000;

/** The answer of `GET /job/:id/waiting`. */
export interface JobWaiting {
  readonly id: string;
  readonly status: JobState;
  /** What keeps it, what lasts longest first; empty for a job that does not wait. */
  readonly reasons: readonly WaitingReason[];
}

/** Tells why a job waits, with a bounded number of reads. */
@Injectable()
export class JobWaitingReader {
  constructor(
    private readonly database: Database,
    private readonly jobs: JobService,
    private readonly workers: WorkerList,
  ) {}

  /** Throws `invalid_id`, `no_such_job`. */
  async waiting(id: string): Promise<JobWaiting> {
    const job = await this.jobs.find(id);
    if (!job) throw noSuchJob(id);
    const { status } = job;
    return { id: job.id, status, reasons: status === 'waiting' ? await this.reasons(job) : [] };
  }

  private async reasons(job: JobView): Promise<WaitingReason[]> {
    const [[queue], workers] = await Promise.all([
      queuesNamed(controlQuery(this.database.control), [job.queue]),
      this.workers.workers(),
    ]);
    const place = {
      ...job,
      watermark: queue?.watermark ?? FIRST_ID,
      isRetry: job.attempt > 0,
      readyAt: new Date(job.dueAt ?? idTime(job.id)),
    };
    const { ahead, isPartial } = await jobsAhead(walkQuery(this.database.dataSource), place, MOST_ROWS);
    return waitingReasons({
      nowMs: this.database.clock.now(),
      job,
      pausedAt: queue?.pausedAt?.toISOString() ?? null,
      workers,
      ahead,
      isPartial,
    });
  }
}
