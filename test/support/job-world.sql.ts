import { noFlows } from './job-model.js';

/** The jobs of a queue, in the words of the model. */
export const SHOW_JOBS = `
SELECT id, max_attempts AS "maxAttempts", batch_id IS NOT NULL AS "isMember", status, run, attempt,
       CASE WHEN due_at IS NULL THEN 'none' WHEN due_at <= clock_timestamp() THEN 'past' ELSE 'future' END AS due,
       cancel_requested_at IS NOT NULL AS "isCancelRequested", worker_id AS worker, (result->'run')::int AS result,
       coalesce((SELECT jsonb_agg(jsonb_build_object('run', entry->'run', 'attempt', entry->'attempt', 'outcome', entry->'outcome',
                                                     'worker', entry->'worker') ORDER BY place)
                   FROM jsonb_array_elements(history) WITH ORDINALITY AS h(entry, place)), '[]') AS history
  FROM job WHERE queue = $1`;

/** What the counters of a queue have been told in all. */
export const SHOW_FLOWS = `SELECT ${Object.keys(noFlows())
  .map((flow) => `coalesce(sum(${flow}), 0)::int AS ${flow}`)
  .join(', ')} FROM counter_delta WHERE queue = $1`;

/** A batch with its counts. */
export const SHOW_BATCH = `SELECT total, done, failed, canceled, sealed_at IS NOT NULL AS "isSealed", completed_at IS NOT NULL AS "isComplete"
  FROM batch WHERE id = $1`;

/** Sessions that wait for a table of this database. */
export const SHOW_WAITING = `SELECT count(DISTINCT pid)::int AS waiting FROM pg_locks
  WHERE NOT granted AND locktype = 'relation' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
