import { dayOfPartition, daySuffix } from '../partition.js';
import { arrayLiteral } from './partition-statement.js';
import type { Query } from './query.js';

/** How a day's table stands to its parent; `pending`: a detach was begun and broken off. */
export type TableState = 'attached' | 'pending' | 'detached';

/** One table of a day. */
export interface DayTable {
  readonly state: TableState;
  /** True when the pruner has chosen it to be dropped. A detached table without that is somebody's archive. */
  readonly isDoomed: boolean;
}

/** A day as the catalog knows it; a table that is absent does not exist. */
export interface Day {
  /** Its midnight in UTC, in ms. */
  readonly day: number;
  readonly job?: DayTable;
  readonly log?: DayTable;
}

/** Every day there is, and the time by the server that holds them. */
export interface DayList {
  readonly nowMs: number;
  /** Oldest first. */
  readonly days: readonly Day[];
}

/** What is left in a day. */
export interface DayContent {
  /** True when a queue's watermark has not passed the day: its open jobs cannot be told yet. */
  readonly isUnpassed: boolean;
  readonly hasOpen: boolean;
}

/** The comment by which a table is known to be the pruner's to drop, also after it was detached and the process died. */
export const DOOMED = 'rookery: past its retention, to be dropped';

/**
 * Every day's tables, attached or not, and the server's time: a process whose own clock runs ahead must not end a day early. Reads the
 * catalog alone, by the index on names.
 */
const DAY_TABLES = {
  name: 'day_tables',
  text: `
SELECT (extract(epoch FROM clock.now) * 1000)::float8 AS "nowMs", found.*
  FROM (SELECT now() AS now) AS clock LEFT JOIN (
    SELECT c.relname AS name, coalesce(obj_description(c.oid, 'pg_class') = '${DOOMED}', false) AS "isDoomed",
           CASE WHEN i.inhrelid IS NULL THEN 'detached' WHEN i.inhdetachpending THEN 'pending' ELSE 'attached' END AS state
      FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND c.relname ~ '^job_(log_)?[0-9]{8}$') AS found ON true
 ORDER BY found.name`,
};

/** True of an open row of a day whose rows every watermark has passed: such a row has due_at, and a finished one has not. By a partial index. */
export const IS_OPEN = `due_at IS NOT NULL AND status IN ('waiting', 'executing')`;

/**
 * What is left in a day, by indexes that hold none of the rows that are done: by due_at, and, for what lies above a queue's watermark, by
 * (queue, id). That one is written without `queue = …`, with which the index would be read from the queue's first row
 * on: all of a day's finished jobs, to find none above them. Locks nothing.
 */
const dayContent = (day: number) => ({
  name: `day_content_${daySuffix(day)}`,
  text: `
SELECT EXISTS (SELECT FROM queue q CROSS JOIN LATERAL (
         SELECT FROM job_${daySuffix(day)} j WHERE (j.queue, j.id) > (q.name, q.watermark) AND (j.queue, j.id) <= (q.name, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid) LIMIT 1) AS above) AS "isUnpassed",
       EXISTS (SELECT FROM job_${daySuffix(day)} WHERE ${IS_OPEN}) AS "hasOpen"`,
});

/** Most jobs that are read to find a failed one: of a day whose queue was canceled whole, the index holds millions that are none. */
const MOST_DISCARDED = 2_000;

/**
 * Whether a failed job is among the first that ended failed or canceled, or there are more than those. In the order of their index, which is
 * then read no further; without it, a bitmap of all of it would be made. Locks nothing.
 */
const dayFailed = (day: number) => ({
  name: `day_failed_${daySuffix(day)}`,
  text: `
SELECT count(*) = ${MOST_DISCARDED} OR coalesce(bool_or(discarded.status = 'failed'), false) AS "mayHoldFailed"
  FROM (SELECT status FROM job_${daySuffix(day)} WHERE discarded_at IS NOT NULL ORDER BY queue, discarded_at LIMIT ${MOST_DISCARDED}) AS discarded`,
});

/**
 * Deletes the jobs of the states $3 that lie in the blocks from $1 up to before $2, with their logs. Rows that anybody has locked are
 * left. By block and not by id, because a step that skips what earlier ones deleted would grow with it until a vacuum comes. Returns how
 * many were deleted, and how many blocks the table has.
 */
const deleteFinished = (day: number) => ({
  name: `delete_finished_${daySuffix(day)}`,
  text: `
WITH picked AS MATERIALIZED (
  SELECT id FROM job_${daySuffix(day)}
   WHERE ctid >= format('(%s,0)', $1::int)::tid AND ctid < format('(%s,0)', $2::int)::tid AND status = ANY ($3::job_status[])
     FOR UPDATE SKIP LOCKED
),
deleted AS (DELETE FROM job_${daySuffix(day)} AS job USING picked WHERE job.id = picked.id RETURNING job.id),
logs AS (DELETE FROM job_log_${daySuffix(day)} AS log USING deleted WHERE log.job_id = deleted.id)
SELECT (SELECT count(*)::int FROM deleted) AS "deletedCount",
       (pg_relation_size('job_${daySuffix(day)}') / current_setting('block_size')::int)::int AS "blockCount"`,
});

/** Every day there is. */
export async function listDays(query: Query): Promise<DayList> {
  const rows = await query<{ nowMs: number } & (({ name: string } & DayTable) | { name: null })>(
    DAY_TABLES,
    [],
  );
  const days = new Map<number, { day: number; job?: DayTable; log?: DayTable }>();
  for (const row of rows) {
    const day = row.name === null ? undefined : dayOfPartition(row.name);
    if (row.name === null || day === undefined) continue;
    const known = days.get(day) ?? { day };
    const table: DayTable = { state: row.state, isDoomed: row.isDoomed };
    if (row.name.startsWith('job_log_')) known.log = table;
    else known.job = table;
    days.set(day, known);
  }
  const oldestFirst = [...days.values()].sort((a, b) => a.day - b.day);
  return { nowMs: rows[0]?.nowMs ?? 0, days: oldestFirst };
}

/** What is left in a day. */
export async function contentOf(query: Query, day: number): Promise<DayContent> {
  const [content] = await query<DayContent>(dayContent(day), []);
  return content ?? { isUnpassed: true, hasOpen: true };
}

/** False only of a day that holds no failed job; true also of one that holds too many canceled ones to tell at once. */
export async function mayHoldFailed(query: Query, day: number): Promise<boolean> {
  const [found] = await query<{ mayHoldFailed: boolean }>(dayFailed(day), []);
  return found?.mayHoldFailed ?? true;
}

/** Some blocks of a day's table. */
export interface BlockRange {
  readonly from: number;
  /** Excluded. */
  readonly to: number;
}

/** How many jobs a step deleted, and how many blocks the table has in all. */
export interface DeletedBlocks {
  readonly deletedCount: number;
  readonly blockCount: number;
}

/** Deletes the jobs of these states in some blocks of a day, with their logs. */
export async function deleteFinishedOf(
  query: Query,
  day: number,
  { from, to }: BlockRange,
  states: readonly string[],
): Promise<DeletedBlocks> {
  const [deleted] = await query<DeletedBlocks>(deleteFinished(day), [from, to, arrayLiteral(states)]);
  return deleted ?? { deletedCount: 0, blockCount: 0 };
}
