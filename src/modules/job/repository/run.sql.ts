import { countIntoBatches } from './batch.sql.js';
import { partitionStatement, type Statement } from './partition-statement.js';

/** Most lines a job's log keeps, over all its runs: enough to follow any one job, too few to make the log the bulk of the database. */
export const MOST_LOG_LINES = 1_000;

/**
 * Claims waiting jobs for one worker: $1 ids, $2 worker, $3 the names it can run, $4 whether jobs that an attempt has been charged for are
 * meant, or those that none has: each kind has slots of its own. Locks the rows it takes and skips rows that anybody else has locked; ids
 * that are not waiting, not due, of another name or the other kind are left alone. Returns what was claimed.
 * The locking SELECT comes first because UPDATE alone has no SKIP LOCKED and would wait for a stranger. The UPDATE goes straight to the row
 * versions it has locked. A job that the watermark passed between the statement's snapshot and its lock, and that so has due_at now, is therefore
 * not claimed here although it waits: it is found by that, like any job whose ticket came to nothing.
 */
export const CLAIM = partitionStatement(
  'claim',
  `
WITH picked AS MATERIALIZED (
  SELECT ctid FROM {job}
   WHERE id = ANY ($1::uuid[]) AND status = 'waiting' AND (due_at IS NULL OR due_at <= now()) AND name = ANY ($3::text[])
     AND (attempt > 0) = $4
     FOR NO KEY UPDATE SKIP LOCKED
),
claimed AS (
  UPDATE {job} AS job
     SET status = 'executing', run = run + 1, attempt = attempt + 1, worker_id = $2, started_at = clock_timestamp(), progress = NULL
    FROM picked WHERE job.ctid = picked.ctid
  RETURNING job.id, job.queue, job.name, job.payload, job.run, job.attempt, job.max_attempts, job.timeout_ms, job.object_id, job.batch_id,
            job.due_at, job.trace, job.started_at
),
counted AS (
  INSERT INTO counter_delta (queue, name, claimed) SELECT queue, name, count(*) FROM claimed GROUP BY queue, name
)
SELECT id, queue, name, payload, run, attempt, max_attempts AS "maxAttempts", timeout_ms AS "timeoutMs", object_id AS "objectId",
       batch_id AS "batchId", due_at AS "dueAt", trace, started_at AS "startedAt"
  FROM claimed`,
);

/** Of these ids ($1), those that wait, are due and bear a name that is not among $2: a worker gives their ticket back. */
export const FOREIGN = partitionStatement(
  'foreign',
  `SELECT id FROM {job}
    WHERE id = ANY ($1::uuid[]) AND status = 'waiting' AND (due_at IS NULL OR due_at <= now()) AND NOT name = ANY ($2::text[])`,
);

/** Locks those of these rows ($1 ids) that nobody else has locked, and returns their ids. */
export const LOCK_FREE = partitionStatement(
  'lock_free',
  `SELECT id FROM {job} WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED`,
);

/**
 * True of every run there can be, and makes the planner expect hardly any: it looks each up by primary key. Without it a statement that
 * is prepared while its partition is new and nearly empty is planned to read all of that partition, and keeps that plan as it grows.
 */
const FEW = 'i.run BETWEEN 0 AND 2147483647';

/** One text for runs that are no members of a batch, which pays nothing for batches, and one for those among which some are. */
interface SettleStatements {
  readonly plain: (day: number) => Statement;
  readonly members: (day: number) => Statement;
}

/** @param answer reads `settled`; where some are members, the batches that were completed are added to each of its rows */
function settleStatements(name: string, changing: string, answer: string): SettleStatements {
  return {
    plain: partitionStatement(name, `${changing}\n${answer}`),
    members: partitionStatement(
      `${name}_members`,
      `${changing},${countIntoBatches('settled')}\nSELECT answer.*, completed.batches AS completed FROM (${answer}) AS answer, completed`,
    ),
  };
}

/**
 * Records runs that succeeded: $1 ids, $2 runs, $3 results as one JSON array, $4 worker. Applies only to (id, run, worker,
 * executing): the fence. Returns one row with the ids it applied to, or NULL for all of them, which it is nearly always: a row a job would be
 * read for nothing. An id that is missing was no longer this worker's.
 */
export const SETTLE_SUCCEEDED = settleStatements(
  'settle_succeeded',
  `
WITH input AS (
  SELECT * FROM ROWS FROM (unnest($1::uuid[], $2::int[]), jsonb_array_elements($3::jsonb)) AS i(id, run, result) WHERE ${FEW}
),
settled AS (
  UPDATE {job} AS job
     SET status = 'done', finished_at = clock_timestamp(), due_at = NULL, result = nullif(i.result, 'null')
    FROM input i
   WHERE job.id = i.id AND job.run = i.run AND job.worker_id = $4 AND job.status = 'executing'
  RETURNING job.id, job.queue, job.name, job.batch_id, job.status
),
counted AS (
  INSERT INTO counter_delta (queue, name, done) SELECT queue, name, count(*) FROM settled GROUP BY queue, name
)`,
  `SELECT CASE WHEN count(*) < cardinality($1::uuid[]) THEN coalesce(array_agg(id), '{}') END AS ids FROM settled`,
);

/** A job that would return to waiting, but whose cancel has been requested, ends canceled. */
const NEXT_STATUS = `(CASE WHEN i.status = 'waiting' AND job.cancel_requested_at IS NOT NULL THEN 'canceled' ELSE i.status END)`;

/**
 * Records runs that ended otherwise: $1 ids, $2 runs, $3 next states, $4 delays in ms of those that wait again, $5 whether the
 * attempt is taken back, $6 history entries as one JSON array, $7 worker. The same fence. Whatever returns to waiting gets due_at;
 * whatever ends loses it. History keeps the last 20 entries. Returns ids and the states they are in.
 */
export const SETTLE_OTHERS = settleStatements(
  'settle_others',
  `
WITH input AS (
  SELECT * FROM ROWS FROM (unnest($1::uuid[], $2::int[], $3::job_status[], $4::float8[], $5::boolean[]), jsonb_array_elements($6::jsonb))
           AS i(id, run, status, delay_ms, is_refunded, entry) WHERE ${FEW}
),
settled AS (
  UPDATE {job} AS job
     SET status = ${NEXT_STATUS},
         due_at = CASE WHEN ${NEXT_STATUS} = 'waiting' THEN clock_timestamp() + i.delay_ms * interval '1 ms' END,
         finished_at = CASE WHEN ${NEXT_STATUS} <> 'waiting' THEN clock_timestamp() END,
         discarded_at = CASE WHEN ${NEXT_STATUS} IN ('failed', 'canceled') THEN clock_timestamp() END,
         attempt = attempt - i.is_refunded::int,
         history = CASE WHEN jsonb_array_length(coalesce(job.history, '[]')) < 20 THEN coalesce(job.history, '[]') ELSE job.history - 0 END
                   || jsonb_build_array(i.entry)
    FROM input i
   WHERE job.id = i.id AND job.run = i.run AND job.worker_id = $7 AND job.status = 'executing'
  RETURNING job.id, job.queue, job.name, job.batch_id, job.status
),
counted AS (
  INSERT INTO counter_delta (queue, name, returned, done, failed, canceled)
  SELECT queue, name, count(*) FILTER (WHERE status = 'waiting'), count(*) FILTER (WHERE status = 'done'),
         count(*) FILTER (WHERE status = 'failed'), count(*) FILTER (WHERE status = 'canceled')
    FROM settled GROUP BY queue, name
)`,
  'SELECT id, status FROM settled',
);

/** Reads jobs a worker holds or has tried to settle ($1), by primary key: who has them now, and whether their cancel is wanted. */
export const HELD = partitionStatement(
  'held',
  `SELECT id, run, status, worker_id AS "workerId", cancel_requested_at IS NOT NULL AS "isCancelRequested" FROM {job} WHERE id = ANY ($1::uuid[])`,
);

/** Reads in full the jobs among $1 that worker $2 is executing: those a claim took whose answer was lost. */
export const CLAIMED_BY = partitionStatement(
  'claimed_by',
  `SELECT id, queue, name, payload, run, attempt, max_attempts AS "maxAttempts", timeout_ms AS "timeoutMs", object_id AS "objectId",
          batch_id AS "batchId", due_at AS "dueAt", trace, started_at AS "startedAt"
     FROM {job} WHERE id = ANY ($1::uuid[]) AND worker_id = $2 AND status = 'executing'`,
);

/** Shows progress: $1 ids, $2 runs, $3 progress values as one JSON array, $4 worker. Fenced; skips rows that anybody has locked. */
export const SHOW_PROGRESS = partitionStatement(
  'show_progress',
  `
WITH input AS (SELECT * FROM ROWS FROM (unnest($1::uuid[], $2::int[]), jsonb_array_elements($3::jsonb)) AS i(id, run, progress) WHERE ${FEW}),
picked AS MATERIALIZED (
  SELECT job.id, i.progress FROM {job} AS job JOIN input i ON job.id = i.id AND job.run = i.run
   WHERE job.worker_id = $4 AND job.status = 'executing' FOR NO KEY UPDATE OF job SKIP LOCKED
)
UPDATE {job} AS job SET progress = picked.progress FROM picked WHERE job.id = picked.id`,
);

/**
 * Appends log lines: $1 job ids, $2 runs, $3 line numbers, $4 times, $5 messages. A line already there is left alone. Lines are numbered
 * from 1 within a run, so what a job holds is this run's number and the lines of its earlier runs, which alone are counted; the 1,000th
 * says that those after it are dropped.
 */
export const APPEND_LOG = partitionStatement(
  'append_log',
  `
WITH input AS (SELECT * FROM unnest($1::uuid[], $2::int[], $3::int[], $4::timestamptz[], $5::text[]) AS i(job_id, run, line, at, message)),
earlier AS (
  SELECT r.job_id, r.run, (SELECT count(*) FROM {job_log} l WHERE l.job_id = r.job_id AND l.run < r.run) AS lines
    FROM (SELECT DISTINCT job_id, run FROM input WHERE run > 1) r
)
INSERT INTO {job_log} (job_id, run, line, at, message)
SELECT i.job_id, i.run, i.line, i.at,
       CASE WHEN i.line + coalesce(e.lines, 0) < ${MOST_LOG_LINES} THEN i.message ELSE 'more lines were dropped: a job keeps ${MOST_LOG_LINES}' END
  FROM input i LEFT JOIN earlier e USING (job_id, run)
 WHERE i.line + coalesce(e.lines, 0) <= ${MOST_LOG_LINES}
    ON CONFLICT DO NOTHING`,
);
