import { Injectable } from '@nestjs/common';
import { idTime } from '../../../kernel/ids.js';
import { Database } from '../../database/index.js';
import { JobRegistry } from '../job.registry.js';
import type { JobView } from '../job-view.js';
import { walkDiscarded, walkNewest, walkQuery, type JobFilter } from '../repository/job-query.repository.js';
import { controlQuery } from '../repository/query.js';
import { allQueues } from '../repository/queue.repository.js';
import type { JobPlace, WalkRange, WalkStep } from '../repository/walk-step.js';
import { withoutSecrets } from '../secret-fields.js';
import { readCursor, writeCursor } from './cursor.js';
import type { JobListQuery } from './job-list.dto.js';

/** Most rows one request reads where no index serves the filter: some tenths of a second. */
const MOST_ROWS = 100_000;

/** Heaviest page, in characters of JSON: payloads and results may have 1 MiB each. The page that passes it ends there. */
const HEAVIEST_PAGE = 8 * 1024 * 1024;

/** Jobs read at once before their weight is known, and most after. */
const FIRST_PORTION = 25;
const LARGEST_PORTION = 500;

/** A page of a list of jobs. */
export interface JobList {
  readonly jobs: readonly JobView[];
  /** The cursor of the next page; null when there is none. */
  readonly next: string | null;
  /** Where the page ended because it had read as many rows as one request may: jobs made (failed and canceled: finished) since then were all looked at. */
  readonly scannedTo?: string;
}

/** Lists jobs a page at a time, by an index and within bounds of rows and bytes, their secrets hidden. */
@Injectable()
export class JobLister {
  constructor(
    private readonly database: Database,
    private readonly registry: JobRegistry,
  ) {}

  /** Newest first; failed and canceled ones newest finished first, unless they are one object's or one batch's. Throws `invalid_cursor`. */
  async list({ filter, limit, cursor }: JobListQuery): Promise<JobList> {
    const walk = await this.walkOf(filter);
    let place: JobPlace | undefined = cursor === undefined ? undefined : readCursor(filter, cursor);
    const jobs: JobView[] = [];
    let rowsLeft = MOST_ROWS;
    let weight = 0;
    for (;;) {
      const portion = Math.min(limit - jobs.length, portionAfter(jobs.length, weight));
      const step: WalkStep<JobView> = await walk({ place, limits: { jobs: portion, rows: rowsLeft } });
      jobs.push(...step.found.map((job) => this.shown(job)));
      weight += JSON.stringify(step.found).length;
      rowsLeft -= step.rowsRead;
      if (!step.next) return { jobs, next: null };
      place = step.next;
      const next = writeCursor(filter, place);
      if (rowsLeft <= 0) return { jobs, next, scannedTo: timeOf(place) };
      if (jobs.length === limit || weight >= HEAVIEST_PAGE) return { jobs, next };
    }
  }

  private shown(job: JobView): JobView {
    return { ...job, payload: withoutSecrets(this.registry.find(job.name), job.payload) };
  }

  private async walkOf({
    status,
    ...rest
  }: JobListQuery['filter']): Promise<(range: WalkRange) => Promise<WalkStep<JobView>>> {
    const query = walkQuery(this.database.dataSource);
    const filter: JobFilter = { ...rest, ...(status && { states: [status] }) };
    const isDiscarded = status === 'failed' || status === 'canceled';
    const isNarrow = filter.objectId !== undefined || filter.batchId !== undefined;
    if (!isDiscarded || isNarrow) return (range) => walkNewest(query, filter, range);
    const queues = filter.queue === undefined ? await this.queueNames() : [filter.queue];
    return (range) => walkDiscarded(query, filter, queues, range);
  }

  private async queueNames(): Promise<string[]> {
    return (await allQueues(controlQuery(this.database.control))).map((queue) => queue.name);
  }
}

function portionAfter(jobs: number, weight: number): number {
  if (jobs === 0) return FIRST_PORTION;
  const affordable = Math.floor((HEAVIEST_PAGE - weight) / (weight / jobs + 1));
  return Math.max(1, Math.min(LARGEST_PORTION, affordable));
}

function timeOf({ id, at }: JobPlace): string {
  return new Date(at === undefined ? idTime(id) : at).toISOString();
}
