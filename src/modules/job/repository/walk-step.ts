/**
 * The steps of a walk along an index: each answers a page of jobs, and where the next one goes on. The statements are in
 * job-query.sql.ts, which tells what a walk's rows mean.
 */

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

/** Where a step of a walk begins and how far it goes. */
export interface WalkRange {
  readonly place: JobPlace | undefined;
  readonly limits: WalkLimits;
}

/** A row of a walk as the statements answer it. */
export interface Walked {
  readonly id: string;
  readonly scanned: number;
  readonly isMatch: boolean;
  /** Where a walk merges several. */
  readonly queue?: string;
  readonly discardedAt?: string;
  readonly dueAt?: unknown;
}

/** What the rows of a walk come to; the statement was asked for one job more than the limit, to know whether there is more. */
export function stepOf<Row extends Walked, Found>(
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
