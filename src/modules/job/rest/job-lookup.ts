import { Injectable } from '@nestjs/common';
import { Database } from '../../database/index.js';
import { JobRegistry } from '../job.registry.js';
import { assertId, noSuchJob } from '../job.service.js';
import type { JobView } from '../job-view.js';
import { statesOf, type KnownState } from '../repository/control.repository.js';
import { findJobs, jobLog, ordinaryQuery, type JobLogLine } from '../repository/job-query.repository.js';
import { withoutSecrets } from '../secret-fields.js';
import type { JobState } from '../state-machine.js';
import { JobWaits } from './job-waits.js';

/** Lines one answer holds; a run writes no more. */
const MOST_LINES = 1_000;

/** A job's log: its last lines, oldest first. */
export interface JobLog {
  readonly id: string;
  readonly lines: readonly JobLogLine[];
}

/** Looks single jobs up by id. Every method throws `invalid_id` and `no_such_job`. */
@Injectable()
export class JobLookup {
  constructor(
    private readonly database: Database,
    private readonly waits: JobWaits,
    private readonly registry: JobRegistry,
  ) {}

  /** The job, its secrets hidden. */
  async job(id: string): Promise<JobView> {
    assertId(id);
    const [job] = await findJobs(ordinaryQuery(this.database.dataSource), [id]);
    if (!job) throw noSuchJob(id);
    return { ...job, payload: withoutSecrets(this.registry.find(job.name), job.payload) };
  }

  /** The job's state; an open one is waited for up to `waitMs` or until the signal aborts, and may be open still. */
  async status(
    id: string,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly id: string; readonly status: JobState }> {
    assertId(id);
    const [first] = await statesOf(ordinaryQuery(this.database.dataSource), [id]);
    const state: KnownState | undefined = first && (await this.waits.untilFinished(first, waitMs, signal));
    if (!state) throw noSuchJob(id);
    return { id: state.id, status: state.status };
  }

  async log(id: string): Promise<JobLog> {
    assertId(id);
    const lines = await jobLog(ordinaryQuery(this.database.dataSource), id, MOST_LINES);
    if (!lines) throw noSuchJob(id);
    return { id: id.toLowerCase(), lines };
  }
}
