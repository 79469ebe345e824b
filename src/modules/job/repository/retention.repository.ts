import { dayBounds, dayOfPartition, daySuffix } from '../partition.js';
import { arrayLiteral } from './partition-statement.js';
import type { Query } from './query.js';

/**
 * The end of old days. A partition is detached CONCURRENTLY, which waits for whoever reads `job` and makes nobody wait; it is dropped only
 * when nothing in it is open, which is looked at again after it was detached, because a retry by hand may have come between.
 */

/** A day's partition of `job`, and how far its end has come. */
export interface DayTable {
  /** Its midnight in UTC, in ms. */
  readonly day: number;
  /** `pending`: a detach was begun and broken off; `detached`: it stands by itself. */
  readonly state: 'attached' | 'pending' | 'detached';
}

/** What is left in a day that is past its retention. */
export interface DayContent {
  /** True when a queue's watermark has not passed the day: its open jobs cannot be told yet. */
  readonly isUnpassed: boolean;
  readonly hasOpen: boolean;
  readonly hasFailed: boolean;
}

/** Every day's table, attached or not, oldest first. Reads the catalog alone. */
const DAY_TABLES = {
  name: 'day_tables',
  text: `
SELECT c.relname AS name, CASE WHEN i.inhrelid IS NULL THEN 'detached' WHEN i.inhdetachpending THEN 'pending' ELSE 'attached' END AS state
  FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
 WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND c.relname ~ '^job_[0-9]{8}$' ORDER BY c.relname`,
};

/**
 * By indexes that a day's finished rows are not in: due_at, which every open row that a watermark has passed bears, and discarded_at. The
 * rows above a queue's watermark are found by (queue, id).
 */
const dayContent = (day: number) => {
  const table = `job_${daySuffix(day)}`;
  return {
    name: `day_content_${daySuffix(day)}`,
    text: `
SELECT EXISTS (SELECT FROM queue q CROSS JOIN LATERAL (
         SELECT FROM ${table} j WHERE (j.queue, j.id) > (q.name, q.watermark) AND j.queue = q.name LIMIT 1) AS above) AS "isUnpassed",
       EXISTS (SELECT FROM ${table} WHERE due_at IS NOT NULL AND status IN ('waiting', 'executing')) AS "hasOpen",
       EXISTS (SELECT FROM ${table} WHERE discarded_at IS NOT NULL AND status = 'failed') AS "hasFailed"`,
  };
};

/** Deletes up to $2 finished jobs of the day above id $1, of the states $3; rows that anybody has locked are left. Returns where it came to. */
const deleteFinished = (day: number) => ({
  name: `delete_finished_${daySuffix(day)}`,
  text: `
WITH page AS MATERIALIZED (
  SELECT id, status FROM job_${daySuffix(day)} WHERE id > $1 ORDER BY id LIMIT $2
),
picked AS (
  SELECT j.id FROM job_${daySuffix(day)} j JOIN page ON page.id = j.id WHERE j.status = ANY ($3::job_status[]) FOR UPDATE OF j SKIP LOCKED
),
deleted AS (DELETE FROM job_${daySuffix(day)} j USING picked WHERE j.id = picked.id RETURNING j.id),
logs AS (DELETE FROM job_log_${daySuffix(day)} l USING deleted WHERE l.job_id = deleted.id)
SELECT (SELECT max(id::text) FROM page)::uuid AS place, (SELECT count(*)::int FROM deleted) AS deleted`,
});

/** Rows of other tables that nothing asks for any more, up to $2 a statement; $1 is the retention in ms. */
const OLD_ROWS: readonly { readonly what: string; readonly text: string }[] = [
  {
    what: 'workers that ended',
    text: `DELETE FROM worker WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM worker WHERE coalesce(stopped_at, lost_at) < now() - least($1::float8, 86400000) * interval '1 ms' LIMIT $2))
           RETURNING id`,
  },
  {
    what: 'fires of schedules',
    text: `DELETE FROM schedule_fire WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM schedule_fire WHERE fired_at < now() - $1::float8 * interval '1 ms' ORDER BY fired_at LIMIT $2))
           RETURNING schedule`,
  },
  {
    what: 'batches',
    text: `DELETE FROM batch WHERE id = ANY (ARRAY(
             SELECT id FROM batch WHERE completed_at < now() - $1::float8 * interval '1 ms' AND fin_at IS NOT NULL ORDER BY id LIMIT $2))
           RETURNING id`,
  },
];

/** Every day's table, oldest first. */
export async function dayTables(query: Query): Promise<DayTable[]> {
  const rows = await query<{ name: string; state: DayTable['state'] }>(DAY_TABLES, []);
  return rows.flatMap(({ name, state }) => {
    const day = dayOfPartition(name);
    return day === undefined ? [] : [{ day, state }];
  });
}

/** What is left in a day. */
export async function contentOf(query: Query, day: number): Promise<DayContent> {
  const [content] = await query<DayContent>(dayContent(day), []);
  return content ?? { isUnpassed: true, hasOpen: true, hasFailed: true };
}

/** How far a deletion came. */
export interface DeletedPage {
  readonly deleted: number;
  /** The last id looked at; null after the last. */
  readonly place: string | null;
}

/** Deletes the finished jobs among the next `limit` of the day, of these states, with their logs. */
export async function deleteFinishedOf(
  query: Query,
  day: number,
  {
    place,
    limit,
    states,
  }: { readonly place: string; readonly limit: number; readonly states: readonly string[] },
): Promise<DeletedPage> {
  const [page] = await query<DeletedPage>(deleteFinished(day), [place, limit, arrayLiteral(states)]);
  return page ?? { deleted: 0, place: null };
}

/** Deletes up to `limit` old rows of each of the other tables; answers the most that any of them had. */
export async function deleteOldRows(query: Query, retentionMs: number, limit: number): Promise<number> {
  let most = 0;
  for (const { what, text } of OLD_ROWS) {
    const rows = await query({ name: `delete_old_${what.replaceAll(' ', '_')}`, text }, [retentionMs, limit]);
    most = Math.max(most, rows.length);
  }
  return most;
}

/** The statements that end a day, each for a session of its own and outside of a transaction. */
export function endOfDay(day: number): {
  readonly detach: readonly string[];
  readonly finalize: readonly string[];
  readonly attach: readonly string[];
  readonly drop: readonly string[];
} {
  const suffix = daySuffix(day);
  const { from, to } = dayBounds(day);
  // The state of `job` tells how far a day's end has come: it goes first and comes back last.
  const both = ['job', 'job_log'];
  return {
    detach: both.map((table) => `ALTER TABLE ${table} DETACH PARTITION ${table}_${suffix} CONCURRENTLY`),
    finalize: both.map((table) => `ALTER TABLE ${table} DETACH PARTITION ${table}_${suffix} FINALIZE`),
    attach: [...both]
      .reverse()
      .map(
        (table) =>
          `ALTER TABLE ${table} ATTACH PARTITION ${table}_${suffix} FOR VALUES FROM ('${from}') TO ('${to}')`,
      ),
    drop: [`DROP TABLE IF EXISTS job_log_${suffix}, job_${suffix}`],
  };
}

/** The state of each of these tables; absent when it is gone. */
const TABLE_STATES = {
  name: 'table_states',
  text: `
SELECT c.relname AS name, CASE WHEN i.inhrelid IS NULL THEN 'detached' WHEN i.inhdetachpending THEN 'pending' ELSE 'attached' END AS state
  FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
 WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY ($1::text[])`,
};

/** The statements that are left to do until both of a day's tables stand by themselves. */
export async function detachingSteps(query: Query, day: number): Promise<string[]> {
  const suffix = daySuffix(day);
  const names = [`job_${suffix}`, `job_log_${suffix}`];
  const rows = await query<{ name: string; state: DayTable['state'] }>(TABLE_STATES, [arrayLiteral(names)]);
  const states = new Map(rows.map(({ name, state }) => [name, state]));
  const { detach, finalize } = endOfDay(day);
  return names.flatMap((name, index) => {
    const state = states.get(name);
    if (state === 'attached') return detach[index] ?? [];
    return state === 'pending' ? (finalize[index] ?? []) : [];
  });
}
