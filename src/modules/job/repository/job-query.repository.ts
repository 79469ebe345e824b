import type { DataSource } from 'typeorm';
import { viewOf, type JobRow, type JobView } from '../job-view.js';
import type { JobState } from '../state-machine.js';
import {
  CANCELABLE_ABOVE,
  CANCELABLE_DUE,
  ID_WALKS,
  JOBS,
  JOB_LOG,
  JOB_WALKS,
  LAST_ID,
  OLDEST_WAITING,
  type WalkStatements,
} from './job-query.sql.js';
import { FIRST_DUE_PLACE, FIRST_ID } from './open-jobs.repository.js';
import { arrayLiteral, idsLiteral } from './partition-statement.js';
import type { Query } from './query.js';

/** Which jobs are meant; what is absent is any. */
export interface JobFilter {
  readonly states?: readonly JobState[];
  readonly name?: string;
  readonly queue?: string;
  readonly objectId?: string;
}

/** A place in a walk: everything up to and with it has been read. `at` is the time a walk in time order needs beside the id. */
export interface JobPlace {
  readonly id: string;
  /** As PostgreSQL writes it, because a Date drops its microseconds. */
  readonly at?: string;
}

/** How far one step of a walk may go. */
export interface WalkLimits {
  /** Most jobs answered, ≥ 1. */
  readonly jobs: number;
  /** Most rows read, ≥ 1; shared among the queues, where a walk merges several. */
  readonly rows: number;
}

/** One step of a walk. */
export interface WalkStep<Found> {
  readonly found: Found[];
  /** Rows read. */
  readonly rowsRead: number;
  /** Where the next step goes on; absent when there is nothing more. */
  readonly next?: JobPlace;
}

/** One line of a job's log. */
export interface JobLogLine {
  readonly run: number;
  readonly line: number;
  readonly at: Date;
  readonly message: string;
}

/** What is known of the job of a queue that has waited longest. */
export interface OldestWaiting {
  readonly queue: string;
  /** The first fresh job; with `isWaiting` false the waiting ones are younger than it. */
  readonly freshId: string | null;
  readonly isWaiting: boolean | null;
  /** Since when the first job with a due time could run. */
  readonly dueAt: Date | null;
}

/** The start of a walk in time order; no finished job is younger. */
const LATEST = 'infinity';

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

/** Where a walk through finished and other jobs begins and how far it goes. */
export interface WalkRange {
  readonly place: JobPlace | undefined;
  readonly limits: WalkLimits;
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
  const { newest: any, newestOfQueue, newestOfObject } = walks;
  const statement =
    filter.objectId !== undefined ? newestOfObject : filter.queue !== undefined ? newestOfQueue : any;
  const rows = await query<JobRow & Walked>(statement, [...matching(filter, limits), place?.id ?? LAST_ID]);
  return stepOf(rows, limits, foundOf);
}

async function discarded<Found>(
  query: Query,
  walks: WalkStatements,
  { queues, ...filter }: JobFilter & { readonly queues: readonly string[] },
  { place, limits }: WalkRange,
  foundOf: (row: JobRow & Walked) => Found,
): Promise<WalkStep<Found>> {
  if (queues.length === 0) return { found: [], rowsRead: 0 };
  const { id = LAST_ID, at = LATEST } = place ?? {};
  const ofQueue = { ...limits, rows: Math.max(FEWEST_ROWS, Math.floor(limits.rows / queues.length)) };
  const values = [...matching(filter, ofQueue), id, at, arrayLiteral(queues)];
  return stepOf(await query<JobRow & Walked>(walks.newestDiscarded, values), ofQueue, foundOf);
}

/** Which open jobs of a queue are meant, and that queue's watermark. */
export interface CancelableFilter {
  readonly queue: string;
  readonly watermark: string;
  readonly states: readonly JobState[];
  readonly name?: string;
  readonly objectId?: string;
}

/** One step through the queue's open jobs above its watermark, oldest first; those with a cancel request are left out. */
export async function walkCancelableAbove(
  query: Query,
  filter: CancelableFilter,
  { place, limits }: WalkRange,
): Promise<WalkStep<string>> {
  const rows = await query<Walked>(CANCELABLE_ABOVE, [
    ...cancelable(filter, limits),
    place?.id ?? filter.watermark,
  ]);
  return stepOf(rows, limits, (row) => row.id);
}

/** One step through the queue's other open jobs, those with a due time, earliest first; those with a cancel request are left out. */
export async function walkCancelableDue(
  query: Query,
  filter: CancelableFilter,
  { place, limits }: WalkRange,
): Promise<WalkStep<string>> {
  const { id = FIRST_ID, at = FIRST_DUE_PLACE.dueAt } = place ?? {};
  const rows = await query<Walked>(CANCELABLE_DUE, [...cancelable(filter, limits), id, at, filter.watermark]);
  return stepOf(rows, limits, (row) => row.id);
}

/** What has waited longest in each of these queues; reads at most `mostRows` rows above each watermark. */
export function oldestWaiting(
  query: Query,
  queues: readonly { readonly name: string; readonly watermark: string }[],
  mostRows: number,
): Promise<OldestWaiting[]> {
  const names = arrayLiteral(queues.map((queue) => queue.name));
  return query<OldestWaiting>(OLDEST_WAITING, [
    names,
    idsLiteral(queues.map((queue) => queue.watermark)),
    mostRows,
  ]);
}

/** A row of a walk as the statements answer it. */
interface Walked {
  readonly id: string;
  readonly scanned: number;
  readonly isMatch: boolean;
  /** Where a walk merges several. */
  readonly queue?: string;
  readonly discardedAt?: string;
  readonly dueAt?: unknown;
}

/** One row more than is answered, to know whether there is more. */
const matching = (filter: JobFilter, limits: WalkLimits): unknown[] => [
  limits.rows,
  limits.jobs + 1,
  filter.states ? arrayLiteral(filter.states) : null,
  filter.name ?? null,
  filter.queue ?? null,
  filter.objectId ?? null,
];

const cancelable = (filter: CancelableFilter, limits: WalkLimits): unknown[] => [
  limits.rows,
  limits.jobs + 1,
  arrayLiteral(filter.states),
  filter.name ?? null,
  filter.objectId ?? null,
  filter.queue,
];

function stepOf<Row extends Walked, Found>(
  rows: readonly Row[],
  limits: WalkLimits,
  foundOf: (row: Row) => Found,
): WalkStep<Found> {
  const found: Found[] = [];
  const rowsRead = rowsReadBy(rows);
  let last: Row | undefined;
  for (const row of rows) {
    if (row.isMatch) {
      if (found.length === limits.jobs) return { found, rowsRead, ...(last && { next: placeOf(last) }) };
      found.push(foundOf(row));
    }
    last = row;
    if (row.scanned === limits.rows) return { found, rowsRead, next: placeOf(row) };
  }
  return { found, rowsRead };
}

/** A walk that merges several numbers each by itself. */
function rowsReadBy(rows: readonly Walked[]): number {
  const byQueue = new Map<string, number>();
  for (const { queue = '', scanned } of rows) byQueue.set(queue, Math.max(scanned, byQueue.get(queue) ?? 0));
  return [...byQueue.values()].reduce((sum, scanned) => sum + scanned, 0);
}

function placeOf(row: Walked): JobPlace {
  if (row.discardedAt !== undefined) return { id: row.id, at: row.discardedAt };
  return typeof row.dueAt === 'string' ? { id: row.id, at: row.dueAt } : { id: row.id };
}
