import type { Statement } from './partition-statement.js';

/** A UUIDv7 on the database's clock, as the ids of jobs are. */
const NEW_ID = `(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
         || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid`;

/**
 * What follows a batch that `batched` has completed (`is_completed`): its onComplete job, born with due_at so that no lost ticket can
 * hold it up, with the counts in its payload. `completed` is one JSON array of the batches and those jobs, NULL when there are none.
 */
const COMPLETION = `
completion AS (
  INSERT INTO job (id, queue, name, lane, max_attempts, timeout_ms, due_at, payload)
  SELECT completion_id, on_complete->>'queue', on_complete->>'name', (on_complete->>'lane')::job_lane, (on_complete->>'maxAttempts')::int,
         (on_complete->>'timeoutMs')::int, clock_timestamp(),
         (on_complete->'payload') || jsonb_build_object('batch', jsonb_build_object(
           'id', id, 'key', key, 'status', CASE WHEN canceled_at IS NULL THEN 'complete' ELSE 'canceled' END,
           'total', total, 'done', done, 'failed', failed, 'canceled', canceled))
    FROM batched WHERE is_completed AND on_complete IS NOT NULL
  RETURNING id, queue, name, lane
),
completion_counted AS (
  INSERT INTO counter_delta (queue, name, enqueued) SELECT queue, name, count(*) FROM completion GROUP BY queue, name
),
completed AS (
  SELECT jsonb_agg(jsonb_build_object('batchId', batched.id, 'job', CASE WHEN completion.id IS NOT NULL THEN
           jsonb_build_object('id', completion.id, 'queue', completion.queue, 'name', completion.name, 'lane', completion.lane) END)) AS batches
    FROM batched LEFT JOIN completion ON completion.id = batched.completion_id WHERE batched.is_completed
)`;

const BATCH_COLUMNS = 'id, key, total, done, failed, canceled, canceled_at, completion_id, on_complete';
const batchColumns = BATCH_COLUMNS.split(', ')
  .map((column) => `b.${column}`)
  .join(', ');

/**
 * Further CTEs of a statement that ended jobs: adds those of `source` (batch_id, status) that are members to their batches, each batch
 * once, and completes a sealed batch whose last member that was. Locks the batches after the jobs, in the order of their ids; which of two
 * statements completes a batch is decided by who gets that lock last. Ends with `completed`.
 */
export const countIntoBatches = (source: string): string => `
ended AS (
  SELECT batch_id, ${NEW_ID} AS completion_id, (count(*) FILTER (WHERE status = 'done'))::int AS done,
         (count(*) FILTER (WHERE status = 'failed'))::int AS failed, (count(*) FILTER (WHERE status = 'canceled'))::int AS canceled
    FROM ${source} WHERE batch_id IS NOT NULL AND status IN ('done', 'failed', 'canceled') GROUP BY batch_id
),
locked AS MATERIALIZED (
  SELECT b.id FROM batch b JOIN ended ON ended.batch_id = b.id ORDER BY b.id FOR NO KEY UPDATE OF b
),
batched AS (
  UPDATE batch b
     SET done = b.done + e.done, failed = b.failed + e.failed, canceled = b.canceled + e.canceled,
         completed_at = CASE WHEN ${completes('e')} THEN clock_timestamp() ELSE b.completed_at END,
         completion_id = CASE WHEN ${completes('e')} THEN e.completion_id ELSE b.completion_id END
    FROM locked JOIN ended e ON e.batch_id = locked.id
   WHERE b.id = locked.id
  RETURNING ${batchColumns}, b.completion_id IS NOT DISTINCT FROM e.completion_id AS is_completed
),${COMPLETION}`;

/** True for a batch that the members of `ended` complete. */
function completes(ended: string): string {
  return `(b.completed_at IS NULL AND b.sealed_at IS NOT NULL
           AND b.done + b.failed + b.canceled + ${ended}.done + ${ended}.failed + ${ended}.canceled = b.total)`;
}

/**
 * Takes members that return to waiting out of the counts of their batches again. A batch that is complete stays so: it completes once.
 * `source` has batch_id and `was`, the state each had ended in.
 */
export const countOutOfBatches = (source: string): string => `
reopened AS (
  SELECT batch_id, (count(*) FILTER (WHERE was = 'failed'))::int AS failed, (count(*) FILTER (WHERE was = 'canceled'))::int AS canceled
    FROM ${source} WHERE batch_id IS NOT NULL GROUP BY batch_id
),
locked AS MATERIALIZED (
  SELECT b.id FROM batch b JOIN reopened ON reopened.batch_id = b.id ORDER BY b.id FOR NO KEY UPDATE OF b
),
batched AS (
  UPDATE batch b SET failed = b.failed - r.failed, canceled = b.canceled - r.canceled
    FROM locked JOIN reopened r ON r.batch_id = locked.id WHERE b.id = locked.id
)`;

/**
 * Takes the lock of a batch key until the transaction ends; waits for another transaction that makes a batch of that key, which takes
 * milliseconds.
 */
export const LOCK_BATCH_KEY: Statement = {
  name: 'lock_batch_key',
  text: `SELECT pg_advisory_xact_lock(hashtextextended('rookery:batch:' || $1, 0))`,
};

/** How long a key names its batch after it was made, though that is complete: longer than any retry of who made it, shorter than a day. */
const KEY_HELD = `interval '12 hours'`;

/** The smallest id of the moment from which on a complete batch still holds its key. */
const HELD_SINCE = `(lpad(to_hex((extract(epoch FROM clock_timestamp() - ${KEY_HELD}) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid`;

/** The batch that key $1 names now: the newest, if it is not complete or younger than 12 hours. */
export const BATCH_OF_KEY: Statement = {
  name: 'batch_of_key',
  text: `SELECT id, name FROM (SELECT id, name, completed_at FROM batch WHERE key = $1 ORDER BY id DESC LIMIT 1) AS newest
          WHERE completed_at IS NULL OR id >= ${HELD_SINCE}`,
};

/** Makes a batch: $1 id, $2 key, $3 name, $4 queue, $5 onComplete, $6 deadline in ms from now, $7 whether that is the default. */
export const INSERT_BATCH: Statement = {
  name: 'insert_batch',
  text: `INSERT INTO batch (id, key, name, queue, on_complete, deadline_at, is_deadline_default)
         VALUES ($1, $2, $3, $4, $5::jsonb, clock_timestamp() + $6::float8 * interval '1 ms', $7)
             ON CONFLICT (id) DO NOTHING RETURNING id`,
};

/**
 * Adds $3 members in the queue $2 each to the batches $1 that are open, of which one may be named with several queues; returns the ids of
 * those. Locks them in the order of their ids, until the commit.
 */
export const ADD_MEMBERS: Statement = {
  name: 'add_members',
  text: `
WITH given AS (
  SELECT id, sum(members)::int AS members, array_agg(queue) AS queues
    FROM unnest($1::uuid[], $2::text[], $3::int[]) AS i(id, queue, members) GROUP BY id
),
locked AS MATERIALIZED (
  SELECT b.id, given.members, given.queues FROM given JOIN batch b ON b.id = given.id
   WHERE b.sealed_at IS NULL ORDER BY b.id FOR NO KEY UPDATE OF b
)
UPDATE batch b
   SET total = b.total + locked.members,
       member_queues = CASE WHEN b.member_queues @> locked.queues THEN b.member_queues
                            ELSE ARRAY(SELECT DISTINCT unnest(b.member_queues || locked.queues) ORDER BY 1) END
  FROM locked WHERE b.id = locked.id AND b.sealed_at IS NULL RETURNING b.id`,
};

/** Seals an open batch $1 and completes it when all its members have ended. Returns no row when there is no open batch of that id. */
export const SEAL_BATCH: Statement = {
  name: 'seal_batch',
  text: `
WITH batched AS (
  UPDATE batch b
     SET sealed_at = clock_timestamp(), deadline_at = CASE WHEN NOT is_deadline_default THEN deadline_at END,
         completed_at = CASE WHEN done + failed + canceled = total THEN clock_timestamp() END,
         completion_id = CASE WHEN done + failed + canceled = total THEN ${NEW_ID} END
   WHERE id = $1 AND sealed_at IS NULL
  RETURNING ${batchColumns}, b.completed_at IS NOT NULL AS is_completed
),${COMPLETION}
SELECT completed.batches AS completed FROM batched, completed`,
};

/**
 * Seals and cancels a batch $1 that is not complete, because of its deadline or not ($2). Its members are canceled afterwards, page by
 * page; one that has none is complete at once. Returns no row when the batch is complete or unknown.
 */
export const CANCEL_BATCH: Statement = {
  name: 'cancel_batch',
  text: `
WITH batched AS (
  UPDATE batch b
     SET sealed_at = coalesce(sealed_at, clock_timestamp()), canceled_at = coalesce(canceled_at, clock_timestamp()),
         is_overdue = CASE WHEN canceled_at IS NULL THEN $2 ELSE is_overdue AND $2 END, deadline_at = NULL,
         completed_at = CASE WHEN done + failed + canceled = total THEN clock_timestamp() END,
         completion_id = CASE WHEN done + failed + canceled = total THEN ${NEW_ID} END
   WHERE id = $1 AND completed_at IS NULL
  RETURNING ${batchColumns}, b.completed_at IS NOT NULL AS is_completed
),${COMPLETION}
SELECT completed.batches AS completed FROM batched, completed`,
};

/**
 * Of the next $4 members of batch $1 after id $2, the open ones that nobody has asked to cancel: all, or with $3 those that wait. Returns the
 * last id read with each; one row without an id when there is none among them, no row when there are no more members.
 */
export const OPEN_MEMBERS: Statement = {
  name: 'open_members',
  text: `
WITH page AS MATERIALIZED (
  SELECT id, status, cancel_requested_at FROM job
   WHERE batch_id = $1 AND batch_id IS NOT NULL AND (batch_id, id) > ($1, $2::uuid) AND id > $2 ORDER BY batch_id, id LIMIT $4
),
final AS (SELECT id FROM page ORDER BY id DESC LIMIT 1)
SELECT page.id, final.id AS place FROM final LEFT JOIN page
    ON page.cancel_requested_at IS NULL AND (page.status = 'waiting' OR (page.status = 'executing' AND NOT $3))`,
};

const VIEW = `id, key, name, queue, total, done, failed, canceled, sealed_at AS "sealedAt", canceled_at AS "canceledAt",
       completed_at AS "completedAt", fin_at AS "finAt", deadline_at AS "deadlineAt", on_complete->>'name' AS "onComplete",
       CASE WHEN on_complete IS NOT NULL THEN completion_id END AS "onCompleteJobId"`;

/** The batches $1. */
export const BATCHES: Statement = {
  name: 'batches',
  text: `SELECT ${VIEW} FROM batch WHERE id = ANY ($1::uuid[])`,
};

/** The state of a batch as people see it. */
const STATUS = `CASE WHEN canceled_at IS NOT NULL THEN 'canceled' WHEN completed_at IS NOT NULL THEN 'complete'
            WHEN sealed_at IS NOT NULL THEN 'running' ELSE 'open' END`;

/** Up to $3 batches older than id $1, newest first; with $2 those of that status, $4 of that key. */
export const NEWEST_BATCHES: Statement = {
  name: 'newest_batches',
  text: `SELECT ${VIEW} FROM batch
          WHERE id < $1 AND ($2::text IS NULL OR ${STATUS} = $2) AND ($4::text IS NULL OR key = $4) ORDER BY id DESC LIMIT $3`,
};

/** Up to $1 batches past their deadline. */
export const OVERDUE_BATCHES: Statement = {
  name: 'overdue_batches',
  text: `SELECT id FROM batch WHERE fin_at IS NULL AND completed_at IS NULL AND deadline_at <= now() ORDER BY id LIMIT $1`,
};

/** Up to $1 canceled batches that are not complete. */
export const CANCELING_BATCHES: Statement = {
  name: 'canceling_batches',
  text: `SELECT id, is_overdue AS "isOverdue" FROM batch
          WHERE fin_at IS NULL AND completed_at IS NULL AND canceled_at IS NOT NULL ORDER BY id LIMIT $1`,
};

/** Up to $1 complete batches of which not every process has been told, with whether they have been so for a minute. */
export const UNTOLD_BATCHES: Statement = {
  name: 'untold_batches',
  text: `SELECT id, completed_at < now() - interval '1 minute' AS "isOld" FROM batch
          WHERE fin_at IS NULL AND completed_at IS NOT NULL ORDER BY id LIMIT $1`,
};

/** Notes that every process has been told of the batches $1. */
export const MARK_FIN: Statement = {
  name: 'mark_fin',
  text: `UPDATE batch SET fin_at = clock_timestamp() WHERE id = ANY ($1::uuid[]) AND fin_at IS NULL`,
};

/** True unless the batch's onComplete job is still to be run in one of those queues: who would leave before it might leave it to nobody. */
const isFollowedUp = (queues: string): string =>
  `(on_complete IS NULL OR NOT EXISTS (SELECT FROM job WHERE job.id = completion_id AND job.status IN ('waiting', 'executing')
                                          AND job.queue = ANY (${queues}::text[])))`;

/** Whether the newest batch of key $1 is complete, and is so since $2 or was made within the last 12 hours; $3 queues as below. */
export const IS_KEY_FINISHED: Statement = {
  name: 'is_key_finished',
  text: `SELECT completed_at IS NOT NULL AND (completed_at >= $2 OR id >= ${HELD_SINCE}) AND ${isFollowedUp('$3')} AS "isFinished"
           FROM batch WHERE key = $1 ORDER BY id DESC LIMIT 1`,
};

/** True for a batch that is of one of those queues, or has members there. */
const isOfQueues = (queues: string): string =>
  `(queue = ANY (${queues}::text[]) OR member_queues && ${queues}::text[])`;

/** Whether a batch of one of the queues $1, or with members there, has completed since $2, none is unfinished, and what follows has been run. */
export const ARE_QUEUES_FINISHED: Statement = {
  name: 'are_queues_finished',
  text: `SELECT coalesce(bool_and(${isFollowedUp('$1')}), false)
            AND NOT EXISTS (SELECT FROM batch WHERE fin_at IS NULL AND completed_at IS NULL AND ${isOfQueues('$1')}) AS "isFinished"
           FROM batch WHERE ${isOfQueues('$1')} AND completed_at >= $2`,
};
