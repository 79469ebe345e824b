import { countIntoBatches, countOutOfBatches } from './batch.sql.js';

/**
 * Statements of people: cancel and retry by hand. They address `job` by id, so PostgreSQL prunes to the ids' partitions; an UPDATE is told
 * the ids once more, because a join prunes nothing. Each changes a row only in the state it names, and counts what it changed in the same
 * statement.
 */

/**
 * Cancels jobs $1: waiting ones end canceled, executing ones are marked for their worker to abort, unless only waiting ones are meant ($2).
 * Locks the rows in id order and waits for a claim or settle under way. Returns id and the state each is in, and the batches this completed; ids that are not open are
 * missing.
 */
export const CANCEL = {
  name: 'cancel',
  text: `
WITH picked AS MATERIALIZED (
  SELECT id, status FROM job WHERE id = ANY ($1::uuid[]) AND (status = 'waiting' OR (status = 'executing' AND NOT $2::boolean))
   ORDER BY id FOR NO KEY UPDATE
),
changed AS (
  UPDATE job
     SET cancel_requested_at = coalesce(job.cancel_requested_at, now()),
         status = CASE WHEN picked.status = 'waiting' THEN 'canceled' ELSE job.status END,
         finished_at = CASE WHEN picked.status = 'waiting' THEN clock_timestamp() END,
         discarded_at = CASE WHEN picked.status = 'waiting' THEN clock_timestamp() END,
         due_at = CASE WHEN picked.status = 'executing' THEN job.due_at END
    FROM picked WHERE job.id = picked.id AND job.id = ANY ($1::uuid[])
  RETURNING job.id, job.queue, job.name, job.batch_id, job.status
),
counted AS (
  INSERT INTO counter_delta (queue, name, canceled_waiting)
  SELECT queue, name, count(*) FROM changed WHERE status = 'canceled' GROUP BY queue, name
),${countIntoBatches('changed')}
SELECT changed.id, changed.queue, changed.status, completed.batches AS completed FROM changed, completed`,
};

/**
 * Returns failed and canceled jobs $1 to waiting, with all their attempts before them; failed ones with ids below $2 and canceled ones below
 * $3 are past their retention and left. The run number stays, so that no earlier run can settle the new one. Returns id, queue and lane for
 * the tickets.
 */
export const REOPEN = {
  name: 'reopen',
  text: `
WITH picked AS MATERIALIZED (
  SELECT id, status FROM job WHERE id = ANY ($1::uuid[]) AND ((status = 'failed' AND id >= $2::uuid) OR (status = 'canceled' AND id >= $3::uuid))
   ORDER BY id FOR NO KEY UPDATE
),
changed AS (
  UPDATE job
     SET status = 'waiting', attempt = 0, due_at = clock_timestamp(), finished_at = NULL, discarded_at = NULL, cancel_requested_at = NULL,
         result = NULL, progress = NULL
    FROM picked WHERE job.id = picked.id AND job.id = ANY ($1::uuid[])
  RETURNING job.id, job.queue, job.name, job.lane, job.attempt, job.batch_id, picked.status AS was
),
counted AS (
  INSERT INTO counter_delta (queue, name, reopened_failed, reopened_canceled)
  SELECT queue, name, count(*) FILTER (WHERE was = 'failed'), count(*) FILTER (WHERE was = 'canceled') FROM changed GROUP BY queue, name
),${countOutOfBatches('changed')}
SELECT id, queue, lane, attempt FROM changed`,
};

/** Where jobs $1 stand, and how far their runs have come. */
export const STANDINGS = {
  name: 'standings',
  text: `SELECT id, status, run, attempt, progress FROM job WHERE id = ANY ($1::uuid[])`,
};

/** The state of jobs $1. */
export const STATES = {
  name: 'states',
  text: `SELECT id, name, queue, status, object_id AS "objectId", batch_id AS "batchId" FROM job WHERE id = ANY ($1::uuid[])`,
};
