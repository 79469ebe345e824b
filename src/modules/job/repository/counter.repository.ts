import type { Query } from './query.js';

const FLOWS = [
  'enqueued',
  'claimed',
  'returned',
  'done',
  'failed',
  'canceled',
  'canceled_waiting',
  'reopened_failed',
  'reopened_canceled',
] as const;

/** How many jobs of one queue and type are in each state, counted since the beginning; finished ones include those pruned. */
export interface Totals {
  readonly queue: string;
  readonly name: string;
  readonly waiting: number;
  readonly executing: number;
  readonly done: number;
  readonly failed: number;
  readonly canceled: number;
}

/** One minute of one queue. */
export interface MinuteFlow {
  readonly minute: Date;
  readonly queue: string;
  readonly enqueued: number;
  readonly done: number;
  readonly failed: number;
  readonly canceled: number;
}

const sums = (from: string): string => FLOWS.map((flow) => `sum(${from}${flow}) AS ${flow}`).join(', ');
const names = FLOWS.join(', ');

/**
 * Moves up to $1 deltas into their minutes and into the all-time rows at -infinity. Only one process folds at a time (a duty),
 * so no counter row is fought over; the deltas and what they add to change together, so readers who add both never miss or
 * count one twice.
 */
const FOLD = {
  name: 'fold_counters',
  text: `
WITH taken AS (
  DELETE FROM counter_delta WHERE ctid = ANY (ARRAY(SELECT ctid FROM counter_delta LIMIT $1)) RETURNING *
),
folded AS (
  INSERT INTO counter_minute AS c (minute, queue, name, ${names})
  SELECT span.minute, t.queue, t.name, ${sums('t.')}
    FROM taken t CROSS JOIN LATERAL (VALUES (date_trunc('minute', t.at)), ('-infinity'::timestamptz)) AS span(minute)
   GROUP BY span.minute, t.queue, t.name
  ON CONFLICT (minute, queue, name) DO UPDATE SET ${FLOWS.map((flow) => `${flow} = c.${flow} + excluded.${flow}`).join(', ')}
)
SELECT count(*)::int AS count FROM taken`,
};

/** Deletes up to $1 minutes older than 14 days; the all-time rows at -infinity stay. */
const PRUNE_MINUTES = {
  name: 'prune_minutes',
  text: `
WITH pruned AS (
  DELETE FROM counter_minute WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM counter_minute WHERE minute > '-infinity' AND minute < now() - interval '14 days' ORDER BY minute LIMIT $1))
  RETURNING minute
)
SELECT count(*)::int AS count FROM pruned`,
};

/** All-time rows plus the deltas not yet folded: a few rows a type, whatever the size of the job table. */
const TOTALS = {
  name: 'totals',
  text: `
SELECT queue, name,
       (sum(enqueued) + sum(returned) + sum(reopened_failed) + sum(reopened_canceled) - sum(claimed) - sum(canceled_waiting))::float8 AS waiting,
       (sum(claimed) - sum(returned) - sum(done) - sum(failed) - sum(canceled))::float8 AS executing,
       sum(done)::float8 AS done, (sum(failed) - sum(reopened_failed))::float8 AS failed,
       (sum(canceled) + sum(canceled_waiting) - sum(reopened_canceled))::float8 AS canceled
  FROM (SELECT queue, name, ${names} FROM counter_minute WHERE minute = '-infinity'
        UNION ALL SELECT queue, name, ${names} FROM counter_delta) AS flow
 GROUP BY queue, name ORDER BY queue, name`,
};

/** Flows per minute and queue since $1, folded and not. */
const MINUTES = {
  name: 'minutes',
  text: `
SELECT minute, queue, sum(enqueued)::float8 AS enqueued, sum(done)::float8 AS done, sum(failed)::float8 AS failed,
       (sum(canceled) + sum(canceled_waiting))::float8 AS canceled
  FROM (SELECT minute, queue, ${names} FROM counter_minute WHERE minute >= $1 AND minute > '-infinity'
        UNION ALL SELECT date_trunc('minute', at), queue, ${names} FROM counter_delta WHERE at >= $1) AS flow
 GROUP BY minute, queue ORDER BY minute, queue`,
};

/** Folds up to `limit` deltas; answers how many there were. */
export async function foldCounters(query: Query, limit: number): Promise<number> {
  const [row] = await query<{ count: number }>(FOLD, [limit]);
  return row?.count ?? 0;
}

/** Deletes up to `limit` rows of minutes older than 14 days; answers how many there were. The totals keep what they counted. */
export async function pruneMinutes(query: Query, limit: number): Promise<number> {
  const [row] = await query<{ count: number }>(PRUNE_MINUTES, [limit]);
  return row?.count ?? 0;
}

/** The totals of every queue and type that ever had a job. */
export function totals(query: Query): Promise<Totals[]> {
  return query<Totals>(TOTALS, []);
}

/** What flowed through each queue, a row a minute with any flow, from `since` on. */
export function minuteFlows(query: Query, since: Date): Promise<MinuteFlow[]> {
  return query<MinuteFlow>(MINUTES, [since.toISOString()]);
}
