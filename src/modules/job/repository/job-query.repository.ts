import type { DataSource } from 'typeorm';
import { systemClock } from '../../../kernel/clock.js';
import { idTime, lowestIdAt } from '../../../kernel/ids.js';
import { viewOf, type JobRow, type JobView } from '../job-view.js';
import { DAY_MS } from '../partition.js';
import type { JobState } from '../state-machine.js';
import { ID_WALKS, JOBS, JOB_LOG, JOB_WALKS, LAST_ID, type WalkStatements } from './job-query.sql.js';
import { FIRST_ID } from './open-jobs.repository.js';
import { arrayLiteral, idsLiteral, type Statement } from './partition-statement.js';
import type { Query } from './query.js';
import {
  stepOf,
  type JobPlace,
  type WalkLimits,
  type WalkRange,
  type WalkStep,
  type Walked,
} from './walk-step.js';

/** Which jobs are meant; what is absent is any. */
export interface JobFilter {
  readonly states?: readonly JobState[];
  readonly name?: string;
  readonly queue?: string;
  readonly objectId?: string;
  readonly batchId?: string;
  /** What its last failed run said holds this text, in whatever case. */
  readonly error?: string;
  /** Made from then on; in a walk by time of ending: ended from then on. */
  readonly since?: Date;
  /** Made, or ended, before then. */
  readonly until?: Date;
}

/** One line of a job's log. */
export interface JobLogLine {
  readonly run: number;
  readonly line: number;
  readonly at: Date;
  readonly message: string;
}

/** The start of a walk in time order; no finished job is younger. */
const LATEST = 'infinity';
const EARLIEST = '-infinity';

/** How many days back the stretches of a walk by id reach. */
const STRETCHES = [2, 16, 128];

/** Rows each queue may read at least, however many queues share what a walk may read. */
const FEWEST_ROWS = 1_000;

/** Queries of the DataSource: ordinary reads, apart from what the lease needs. */
export function ordinaryQuery(dataSource: DataSource): Query {
  return <Row extends object>({ text }: { readonly text: string }, values: readonly unknown[]) =>
    dataSource.query<Row[]>(text, [...values]);
}

/**
 * The same for walks along an index: the planner may not turn one into a scan or a sort of a whole partition, as it does while a new
 * partition has no statistics. The settings end with the statement's transaction.
 */
export function walkQuery(dataSource: DataSource): Query {
  return <Row extends object>({ text }: { readonly text: string }, values: readonly unknown[]) =>
    dataSource.transaction(async (manager) => {
      await manager.query(
        `SELECT set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true)`,
      );
      return manager.query<Row[]>(text, [...values]);
    });
}

/** These jobs, in no order; ids that do not exist are missing. */
export async function findJobs(query: Query, ids: readonly string[]): Promise<JobView[]> {
  const rows = await query<JobRow>(JOBS, [idsLiteral(ids)]);
  return rows.map(viewOf);
}

/** The last `limit` lines of a job's log, oldest first; undefined when there is no such job. */
export async function jobLog(query: Query, id: string, limit: number): Promise<JobLogLine[] | undefined> {
  const rows = await query<JobLogLine | { readonly line: null }>(JOB_LOG, [id, limit]);
  if (rows.length === 0) return undefined;
  return rows.filter((row): row is JobLogLine => row.line !== null).reverse();
}

/** One step through the jobs of the filter by id, newest first, by the index that serves it best. */
export function walkNewest(query: Query, filter: JobFilter, range: WalkRange): Promise<WalkStep<JobView>> {
  return newest(query, JOB_WALKS, filter, range, viewOf);
}

/** The same for their ids. */
export function walkNewestIds(query: Query, filter: JobFilter, range: WalkRange): Promise<WalkStep<string>> {
  return newest(query, ID_WALKS, filter, range, (row) => row.id);
}

/** One step through the failed and canceled jobs of the filter in these queues, newest finished first. */
export function walkDiscarded(
  query: Query,
  filter: JobFilter,
  queues: readonly string[],
  range: WalkRange,
): Promise<WalkStep<JobView>> {
  return discarded(query, JOB_WALKS, { ...filter, queues }, range, viewOf);
}

/** The same for their ids. */
export function walkDiscardedIds(
  query: Query,
  filter: JobFilter,
  queues: readonly string[],
  range: WalkRange,
): Promise<WalkStep<string>> {
  return discarded(query, ID_WALKS, { ...filter, queues }, range, (row) => row.id);
}

async function newest<Found>(
  query: Query,
  walks: WalkStatements,
  filter: JobFilter,
  { place, limits }: WalkRange,
  foundOf: (row: JobRow & Walked) => Found,
): Promise<WalkStep<Found>> {
  const statement = servingWalk(walks, filter);
  const rows: (JobRow & Walked)[] = [];
  let read = 0;
  let missing = limits.jobs + 1;
  let below = place?.id ?? (filter.until ? lowestIdAt(filter.until.getTime()) : LAST_ID);
  const floor = filter.since ? lowestIdAt(filter.since.getTime()) : FIRST_ID;
  for (const from of stretchesBelow(below, floor)) {
    const left = { jobs: missing - 1, rows: limits.rows - read };
    const found = await query<JobRow & Walked>(statement, [...matching(filter, left), below, from]);
    // Numbered on, as if one statement had read them all.
    for (const row of found) rows.push({ ...row, scanned: row.scanned + read });
    read = rows.at(-1)?.scanned ?? 0;
    missing -= found.filter((row) => row.isMatch).length;
    if (missing === 0 || read === limits.rows) break;
    below = from;
  }
  return stepOf(rows, limits, foundOf);
}

/**
 * The lower ends of the stretches in which a walk goes back from an id to the floor: two days, then more and more, then all the rest. Each
 * statement is planned with its own stretch's partitions; with all of three months at once that alone took 30 ms, and a page is mostly found
 * in the first.
 */
function* stretchesBelow(id: string, floor: string): Generator<string> {
  const at = Math.min(idTime(id), systemClock.now());
  for (const days of STRETCHES) {
    const from = lowestIdAt(at - days * DAY_MS);
    if (from <= floor) break;
    yield from;
  }
  yield floor;
}

/** The walk by the index that narrows the filter down most. */
function servingWalk(walks: WalkStatements, { objectId, batchId, queue }: JobFilter): Statement {
  if (objectId !== undefined) return walks.newestOfObject;
  if (batchId !== undefined) return walks.newestOfBatch;
  return queue === undefined ? walks.newest : walks.newestOfQueue;
}

async function discarded<Found>(
  query: Query,
  walks: WalkStatements,
  { queues, ...filter }: JobFilter & { readonly queues: readonly string[] },
  { place, limits }: WalkRange,
  foundOf: (row: JobRow & Walked) => Found,
): Promise<WalkStep<Found>> {
  if (queues.length === 0) return { found: [], rowsRead: 0 };
  const { id, at } = place ?? latestOf(filter);
  const ofQueue = { ...limits, rows: Math.max(FEWEST_ROWS, Math.floor(limits.rows / queues.length)) };
  const since = filter.since?.toISOString() ?? EARLIEST;
  const values = [...matching(filter, ofQueue), id, at, arrayLiteral(queues), since];
  return stepOf(await query<JobRow & Walked>(walks.newestDiscarded, values), ofQueue, foundOf);
}

/** Where a walk in time order begins. */
function latestOf({ until }: JobFilter): JobPlace {
  return until ? { id: FIRST_ID, at: until.toISOString() } : { id: LAST_ID, at: LATEST };
}

/** The pattern that finds this text anywhere; null for any. */
export function containing(text: string | undefined): string | null {
  return text === undefined ? null : `%${text.replace(/[\\%_]/g, '\\$&')}%`;
}

/** One row more than is answered, to know whether there is more. */
const matching = (filter: JobFilter, limits: WalkLimits): unknown[] => [
  limits.rows,
  limits.jobs + 1,
  filter.states ? arrayLiteral(filter.states) : null,
  filter.name ?? null,
  filter.queue ?? null,
  filter.objectId ?? null,
  filter.batchId ?? null,
  containing(filter.error),
];
