import { Injectable } from '@nestjs/common';
import type { Issue } from '../../../kernel/errors.js';
import { Database } from '../../database/index.js';
import { JobService } from '../job.service.js';
import { invalidRequest } from '../job-preparer.js';
import { statesOf, type KnownState } from '../repository/control.repository.js';
import { walkQuery } from '../repository/job-query.repository.js';
import { controlQuery } from '../repository/query.js';
import { allQueues } from '../repository/queue.repository.js';
import { isOpen, type JobState } from '../state-machine.js';
import type { BulkChangeRequest } from './bulk-change.dto.js';
import { cancelableWalk, retryableWalk, type IdWalk } from './change-walks.js';
import { readCursor, writeCursor, type CursorPlace } from './cursor.js';

/** Most jobs one request changes, and most rows it reads to find them. */
const MOST_JOBS = 10_000;
const MOST_ROWS = 100_000;
/** Jobs one statement changes: it is over before anyone waits for its locks. */
const JOBS_A_STATEMENT = 500;

/** What a change of many jobs did, or with `dryRun` would have done. */
export interface BulkChange {
  /** Jobs met that the filter names and that are in a state to be changed. */
  readonly matched: number;
  /** Those changed; fewer than matched when others were quicker, or when a job's dedupe key is taken. */
  readonly changed: number;
  /** True when the request ended before every job was looked at; send it again with `cursor` set to `next`. */
  readonly more: boolean;
  readonly next: string | null;
}

export interface BulkCancel extends BulkChange {
  /** Of those changed, the ones that still execute until their worker has aborted them. */
  readonly executing: number;
}

const retryable: readonly JobState[] = ['failed', 'canceled'];
const cancelable: readonly JobState[] = ['waiting', 'executing'];

/** Retries and cancels many jobs by filter, a bounded number a request. Throws `invalid_request`, `invalid_cursor`. */
@Injectable()
export class BulkChanger {
  constructor(
    private readonly database: Database,
    private readonly jobs: JobService,
  ) {}

  async retry(request: BulkChangeRequest): Promise<BulkChange> {
    const states = statesMeant(request, retryable, 'only failed and canceled jobs can be retried');
    const walk = (): Promise<IdWalk> => this.walk(request, states, retryableWalk);
    return this.change(request, states, walk, async (ids) => (await this.jobs.reopen(ids)).length);
  }

  async cancel(request: BulkChangeRequest): Promise<BulkCancel> {
    const states = statesMeant(request, cancelable, 'only waiting and executing jobs can be canceled');
    let executing = 0;
    const walk = (): Promise<IdWalk> => this.walk(request, states, cancelableWalk);
    const change = await this.change(request, states, walk, async (ids) => {
      const counts = await this.jobs.cancelAll(ids);
      executing += counts.executing;
      return counts.canceled + counts.executing;
    });
    return { ...change, executing };
  }

  private async walk(
    { filter: { status: _, ...filter } }: BulkChangeRequest,
    states: readonly JobState[],
    walkOf: typeof cancelableWalk,
  ): Promise<IdWalk> {
    const queues = await allQueues(controlQuery(this.database.control));
    const wanted = queues.filter((queue) => filter.queue === undefined || queue.name === filter.queue);
    return walkOf(walkQuery(this.database.dataSource), { ...filter, states }, wanted);
  }

  private async change(
    request: BulkChangeRequest,
    states: readonly JobState[],
    walkOf: () => Promise<IdWalk>,
    apply: (ids: readonly string[]) => Promise<number>,
  ): Promise<BulkChange> {
    if (request.ids) return this.changeNamed(request.ids, request, states, apply);
    const list = [request.filter, states];
    const walk = await walkOf();
    let place: CursorPlace | undefined =
      request.cursor === undefined ? undefined : readCursor(list, request.cursor);
    let matched = 0;
    let changed = 0;
    let rowsLeft = MOST_ROWS;
    for (;;) {
      const jobs = Math.min(JOBS_A_STATEMENT, MOST_JOBS - matched);
      const step = await walk(place, { jobs, rows: rowsLeft });
      matched += step.found.length;
      if (!request.isDryRun && step.found.length > 0) changed += await apply(step.found);
      if (!step.next) return { matched, changed, more: false, next: null };
      place = step.next;
      rowsLeft -= step.rowsRead;
      if (matched >= MOST_JOBS || rowsLeft <= 0)
        return { matched, changed, more: true, next: writeCursor(list, place) };
    }
  }

  private async changeNamed(
    ids: readonly string[],
    { filter, isDryRun }: BulkChangeRequest,
    states: readonly JobState[],
    apply: (ids: readonly string[]) => Promise<number>,
  ): Promise<BulkChange> {
    let matched = 0;
    let changed = 0;
    const isMeant = (job: KnownState): boolean =>
      states.includes(job.status) &&
      (filter.name ?? job.name) === job.name &&
      (filter.queue ?? job.queue) === job.queue &&
      (filter.objectId ?? job.objectId) === job.objectId &&
      (filter.batchId?.toLowerCase() ?? job.batchId) === job.batchId;
    for (let at = 0; at < ids.length; at += JOBS_A_STATEMENT) {
      const known = await statesOf(controlQuery(this.database.control), ids.slice(at, at + JOBS_A_STATEMENT));
      const found = known.filter(isMeant).map((job) => job.id);
      matched += found.length;
      if (!isDryRun && found.length > 0) changed += await apply(found);
    }
    return { matched, changed, more: false, next: null };
  }
}

/** The states of the jobs meant. Refuses a state that cannot be changed so, and a request that names nothing without saying `all`. */
function statesMeant(
  { filter, ids, isAll }: BulkChangeRequest,
  changeable: readonly JobState[],
  rule: string,
): readonly JobState[] {
  const issues: Issue[] = [];
  const { status } = filter;
  const isEmpty = Object.keys(filter).length === 0 && !ids;
  if (status && !changeable.includes(status))
    issues.push({ path: 'status', message: `is "${status}"; ${rule}` });
  for (const path of ['error', 'since', 'until'] as const) {
    if (ids && filter[path] !== undefined)
      issues.push({ path, message: 'chooses among all jobs; leave it out where ids name them' });
  }
  if (isEmpty && !isAll) {
    const what = isOpen(changeable[0] ?? 'done') ? 'every open job' : 'every failed and canceled job';
    issues.push({
      path: 'body',
      message: `names no jobs; give status, name, queue, objectId, batchId or ids, or {"all": true} for ${what}`,
    });
  }
  if (issues.length > 0) throw invalidRequest(issues);
  return status ? [status] : changeable;
}
