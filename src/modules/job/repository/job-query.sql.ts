import type { Statement } from './partition-statement.js';

/**
 * Statements of people who look. Each walks one index from a place onwards and stops at a page or at a number of rows read,
 * whichever comes first, so none depends on the size of the table. Nothing is locked.
 *
 * A walk numbers the rows it reads (`scanned`, from 1). Conditions that its index does not serve are checked afterwards, and the last
 * row comes back even when it does not match (`isMatch` is false), be it the last there is or the last that may be read: in that case its
 * place is where the next page goes on. Both windows go along the walk's own order, so they sort nothing and read one row ahead.
 */

/** Most ids of a walk's first page; every id is below it. */
export const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

const VIEW = `id, name, queue, lane, status, attempt, max_attempts AS "maxAttempts", run, payload, result, history, progress,
       object_id AS "objectId", batch_id AS "batchId", schedule, retry_of AS "retryOf", worker_id AS "workerId", timeout_ms AS "timeoutMs", due_at AS "dueAt",
       started_at AS "startedAt", cancel_requested_at AS "cancelRequestedAt", finished_at AS "finishedAt"`;

const numbered = (order: string): string =>
  `row_number() OVER (ORDER BY ${order})::int AS scanned, lead(id) OVER (ORDER BY ${order}) IS NULL AS "isLast"`;

/** The whole view of jobs $1. */
export const JOBS: Statement = {
  name: 'jobs',
  text: `SELECT ${VIEW} FROM job WHERE id = ANY ($1::uuid[])`,
};

/** The last $2 lines of a job's log, newest first; one row without a line when the job has no lines, none when there is no job. */
export const JOB_LOG: Statement = {
  name: 'job_log',
  text: `
SELECT log.run, log.line, log.at, log.message
  FROM job LEFT JOIN LATERAL (
       SELECT run, line, at, message FROM job_log WHERE job_id = $1 ORDER BY run DESC, line DESC LIMIT $2) AS log ON true
 WHERE job.id = $1`,
};

/** What the job's last failed run said. */
const LAST_ERROR = `history->-1->'error'->>'message'`;

/** $3 states, $4 name, $5 queue, $6 object, $7 batch, $8 a pattern of its last error: each null for any. */
const MATCHES = `($3::job_status[] IS NULL OR status = ANY ($3::job_status[])) AND ($4::text IS NULL OR name = $4)
        AND ($5::text IS NULL OR queue = $5) AND ($6::text IS NULL OR "objectId" = $6) AND ($7::uuid IS NULL OR "batchId" = $7)
        AND ($8::text IS NULL OR coalesce(${LAST_ERROR} ILIKE $8, false))`;

/**
 * The rows with that value and a smaller id, as bounds of an index on both columns. Written with `=`, the walk could as well go by
 * primary key and leave out what has another value, which the planner prefers for common values because ids lie in the table's order;
 * then a value that became rare would be looked for among every job there is. Only the index on both columns has this order.
 */
const within = (column: string, value: string): string =>
  `(${column}, id) < (${value}, $9::uuid) AND (${column}, id) >= (${value}, $10::uuid)`;

/** Walks by id, newest first, below $9 and not below $10, which prune partitions: all jobs, a queue's ($5), an object's ($6) or a batch's ($7). $1: most rows read; $2: most rows answered. */
const newestById = (columns: string, where: string, order: string): string => `
SELECT *, ${MATCHES} AS "isMatch"
  FROM (SELECT ${columns}, ${numbered(order)}
          FROM job WHERE ${where} id < $9 AND id >= $10 ORDER BY ${order} LIMIT $1) AS walk
 WHERE scanned = $1 OR "isLast" OR (${MATCHES})
 ORDER BY ${order.replace('object_id', '"objectId"').replace('batch_id', '"batchId"')} LIMIT $2`;

/**
 * Walks failed and canceled jobs by (queue, discarded_at), newest finished first, below the place ($9 id, $10 time) and not before $12: one walk
 * for each of the queues $11, merged. What comes after the row with which a queue's walk had to end ($1) is not all there.
 */
const newestDiscarded = (columns: string): string => `
SELECT found.* FROM unnest($11::text[]) AS wanted(queue) CROSS JOIN LATERAL (
  SELECT *, ${MATCHES} AS "isMatch"
    FROM (SELECT ${columns}, discarded_at, discarded_at::text AS "discardedAt",
                 ${numbered('discarded_at DESC, id DESC')}
            FROM job
           WHERE job.queue = wanted.queue AND discarded_at IS NOT NULL AND discarded_at <= $10::timestamptz
             AND discarded_at >= $12::timestamptz AND (discarded_at, id) < ($10::timestamptz, $9::uuid)
           ORDER BY discarded_at DESC, id DESC LIMIT $1) AS walk
   WHERE scanned = $1 OR "isLast" OR (${MATCHES})
   ORDER BY discarded_at DESC, id DESC LIMIT $2) AS found
 ORDER BY found.discarded_at DESC, found.id DESC LIMIT $2 + cardinality($11::text[])`;

/** The walks through finished and other jobs, each with its index. */
export interface WalkStatements {
  /** By primary key. */
  readonly newest: Statement;
  /** By (queue, id). */
  readonly newestOfQueue: Statement;
  /** By (object_id, id). */
  readonly newestOfObject: Statement;
  /** By (batch_id, id). */
  readonly newestOfBatch: Statement;
  /** By (queue, discarded_at). */
  readonly newestDiscarded: Statement;
}

function walksFor(what: string, columns: string): WalkStatements {
  return {
    newest: { name: `newest_${what}`, text: newestById(columns, '', 'id DESC') },
    newestOfQueue: {
      name: `newest_${what}_of_queue`,
      text: newestById(columns, `${within('queue', '$5')} AND`, 'queue DESC, id DESC'),
    },
    newestOfObject: {
      name: `newest_${what}_of_object`,
      text: newestById(
        columns,
        `object_id IS NOT NULL AND ${within('object_id', '$6')} AND`,
        'object_id DESC, id DESC',
      ),
    },
    newestOfBatch: {
      name: `newest_${what}_of_batch`,
      text: newestById(
        columns,
        `batch_id IS NOT NULL AND ${within('batch_id', '$7::uuid')} AND`,
        'batch_id DESC, id DESC',
      ),
    },
    newestDiscarded: { name: `newest_discarded_${what}`, text: newestDiscarded(columns) },
  };
}

/** Walks that answer whole jobs. */
export const JOB_WALKS = walksFor('jobs', VIEW);
/** Walks that answer ids, and leave large payloads where they are. */
export const ID_WALKS = walksFor(
  'ids',
  'id, name, queue, status, history, object_id AS "objectId", batch_id AS "batchId"',
);

/** $3 states, $4 name, $5 object, $7 a pattern of its last error, $8 and $9 ids it lies between: jobs of a queue ($6) that nobody has asked to cancel. */
const CANCELABLE = `status = ANY ($3::job_status[]) AND cancel_requested_at IS NULL AND ($4::text IS NULL OR name = $4)
        AND ($5::text IS NULL OR object_id = $5) AND ($7::text IS NULL OR coalesce(${LAST_ERROR} ILIKE $7, false))
        AND id >= $8::uuid AND id < $9::uuid`;
/** The rows of a queue with a greater id, by (queue, id) as above. */
const above = (queue: string, id: string): string =>
  `(queue, id) > (${queue}, ${id}) AND (queue, id) <= (${queue}, '${LAST_ID}'::uuid) AND id > ${id}`;

const CANCELABLE_COLUMNS = 'id, queue, name, status, history, object_id, cancel_requested_at';

/** Walks a queue's jobs above its watermark and above $10, by (queue, id): with those that have due_at, every open job there is. */
export const CANCELABLE_ABOVE: Statement = {
  name: 'cancelable_above',
  text: `
SELECT id, scanned, ${CANCELABLE} AS "isMatch"
  FROM (SELECT ${CANCELABLE_COLUMNS}, ${numbered('queue, id')}
          FROM job WHERE ${above('$6', '$10::uuid')} ORDER BY queue, id LIMIT $1) AS walk
 WHERE scanned = $1 OR "isLast" OR (${CANCELABLE})
 ORDER BY queue, id LIMIT $2`,
};

/** Walks a queue's jobs with due_at up to its watermark ($12), after the place ($10 id, $11 time), by (queue, due_at). */
export const CANCELABLE_DUE: Statement = {
  name: 'cancelable_due',
  text: `
SELECT id, "dueAt", scanned, ${CANCELABLE} AND id <= $12 AS "isMatch"
  FROM (SELECT ${CANCELABLE_COLUMNS}, due_at, due_at::text AS "dueAt", ${numbered('due_at, id')}
          FROM job
         WHERE queue = $6 AND due_at IS NOT NULL AND due_at >= $11::timestamptz AND (due_at, id) > ($11::timestamptz, $10::uuid)
         ORDER BY due_at, id LIMIT $1) AS walk
 WHERE scanned = $1 OR "isLast" OR (${CANCELABLE} AND id <= $12)
 ORDER BY due_at, id LIMIT $2`,
};

/**
 * For each of the queues $1 with the watermarks $2: its first fresh job that waits, among the first $3 above the watermark (or, when
 * they are all past waiting, the last of them, with `isWaiting` false), and since when its first due job could run.
 */
export const OLDEST_WAITING: Statement = {
  name: 'oldest_waiting',
  text: `
SELECT wanted.name AS queue, fresh.id AS "freshId", fresh."isWaiting", due.due_at AS "dueAt"
  FROM unnest($1::text[], $2::uuid[]) AS wanted(name, watermark)
  LEFT JOIN LATERAL (
    SELECT id, status = 'waiting' AND due_at IS NULL AS "isWaiting"
      FROM (SELECT queue, id, status, due_at, row_number() OVER (ORDER BY queue, id) AS scanned
              FROM job WHERE ${above('wanted.name', 'wanted.watermark')} ORDER BY queue, id LIMIT $3) AS walk
     WHERE scanned = $3 OR (status = 'waiting' AND due_at IS NULL)
     ORDER BY queue, id LIMIT 1) AS fresh ON true
  LEFT JOIN LATERAL (
    SELECT due_at FROM job WHERE queue = wanted.name AND due_at <= now() AND status = 'waiting' ORDER BY due_at LIMIT 1) AS due ON true`,
};
