import { TRY_LOCK_KEYS } from './enqueue.sql.js';
import { arrayLiteral } from './partition-statement.js';
import type { Query } from './query.js';

/**
 * Deletes up to $1 keys whose time is over. Rows that anybody has locked are skipped: a new job is taking that key over, and
 * one that has been taken over meanwhile has a new time. Answers how many.
 */
const SWEEP_EXPIRED = {
  name: 'sweep_expired_keys',
  text: `
WITH expired AS MATERIALIZED (
  SELECT key FROM job_key WHERE expires_at < now() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
),
swept AS (
  DELETE FROM job_key USING expired WHERE job_key.key = expired.key AND job_key.expires_at < now() RETURNING job_key.key
)
SELECT count(*)::int AS count FROM swept`,
};

/** True of a key held until its job has finished when it has: the job is not open, or gone with its partition. */
const isFree = (key: string): string =>
  `NOT EXISTS (SELECT FROM job WHERE job.id = ${key}.job_id AND job.status IN ('waiting', 'executing'))`;

/** The next $3 keys after $1, and which of them are free: held until their jobs, with ids below $2, have finished. Locks nothing. */
const NEXT_KEYS = {
  name: 'next_keys',
  text: `
WITH page AS MATERIALIZED (SELECT key, job_id, expires_at FROM job_key WHERE key > $1 ORDER BY key LIMIT $3)
SELECT page.key, page.expires_at IS NULL AND page.job_id < $2 AND ${isFree('page')} AS "isFree" FROM page ORDER BY page.key`,
};

/** Deletes those of the keys $1 that are free now, of jobs with ids below $2. */
const SWEEP_FREE = {
  name: 'sweep_free_keys',
  text: `DELETE FROM job_key WHERE key = ANY ($1::text[]) AND expires_at IS NULL AND job_id < $2 AND ${isFree('job_key')} RETURNING key`,
};

/** Deletes up to `limit` keys whose time is over; answers how many. */
export async function sweepExpiredKeys(query: Query, limit: number): Promise<number> {
  const [row] = await query<{ count: number }>(SWEEP_EXPIRED, [limit]);
  return row?.count ?? 0;
}

/** How far a walk over the keys came. */
export interface KeySweep {
  readonly sweptCount: number;
  /** The last key looked at; undefined at the end. */
  readonly place: string | undefined;
}

/**
 * Walks the next `limit` keys after `after` and deletes those that were held until their job had finished, when it has, and the job's id is
 * below `jobsBelow`. To be called inside a transaction: it tries for the lock of each key as an enqueue does, and looks again under
 * it, so that a job that is returned to waiting by hand at this moment keeps its key.
 */
export async function sweepFreeKeys(
  query: Query,
  after: string,
  jobsBelow: string,
  limit: number,
): Promise<KeySweep> {
  const page = await query<{ key: string; isFree: boolean }>(NEXT_KEYS, [after, jobsBelow, limit]);
  const place = page.length === limit ? page.at(-1)?.key : undefined;
  const free = page.filter((row) => row.isFree).map((row) => row.key);
  if (free.length === 0) return { sweptCount: 0, place };
  const locked = await query<{ key: string }>(TRY_LOCK_KEYS, [arrayLiteral(free)]);
  const swept = await query(SWEEP_FREE, [arrayLiteral(locked.map((row) => row.key)), jobsBelow]);
  return { sweptCount: swept.length, place };
}
