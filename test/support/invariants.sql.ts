import type { Accepted, CheckOptions, Rule } from './invariants.js';

/** One rule: a statement that answers a row in words for each breach of it. */
export interface RuleStatement {
  readonly rule: Rule;
  readonly text: string;
  /** What it is asked with; nothing when absent. */
  readonly values?: (
    accepted: readonly Accepted[],
    options: CheckOptions,
  ) => readonly unknown[] | 'not asked';
}

/** Entries a history keeps. */
const KEPT = 20;

/**
 * An enqueue that meets a database that is away is repeated for 15 s under the id it has: so much less than the window, and some time for
 * the statement, may lie between the ids of two jobs that were stored the whole window apart.
 */
const LATE_MS = 30_000;

/** The time a job's id carries, in ms. */
const madeMs = (id: string): string =>
  `('x' || substr(replace(${id}::text, '-', ''), 1, 12))::bit(48)::bigint`;

const ACCEPTED = `
SELECT format('job %s was accepted and is not there', told.id) AS what
  FROM unnest($1::uuid[]) AS told(id) WHERE NOT EXISTS (SELECT FROM job WHERE job.id = told.id)`;

/** Of two answers for one key that differ, at least one is not the key's. */
const IDEMPOTENCY = `
SELECT format('Idempotency-Key %s was answered with job %s, and names %s', told.key, told.id, coalesce(k.job_id::text, 'none')) AS what
  FROM unnest($1::text[], $2::uuid[]) AS told(key, id) LEFT JOIN job_key k ON k.key = 'idempotency:' || told.key
 WHERE k.job_id IS DISTINCT FROM told.id`;

const OPEN = `
SELECT format('job %s (%s) is still %s: run %s, attempt %s of %s, due %s', id, name, status, run, attempt, max_attempts,
              coalesce(due_at::text, 'at once')) AS what
  FROM job WHERE status IN ('waiting', 'executing')`;

/** Each run that has ended is in the history once and in order, but for the succeeding one; and no run that has not begun. */
const RECORD = `
SELECT format('job %s (%s) is %s in run %s, and its history has the runs %s', job.id, job.name, job.status, job.run, told.runs) AS what
  FROM job
 CROSS JOIN LATERAL (SELECT coalesce(array_agg((e.entry->>'run')::int ORDER BY e.place), '{}') AS runs
                       FROM jsonb_array_elements(coalesce(job.history, '[]')) WITH ORDINALITY AS e(entry, place)) AS told
 CROSS JOIN LATERAL (SELECT CASE WHEN job.status = 'executing' OR (job.status = 'done' AND NOT job.run = ANY (told.runs))
                                 THEN job.run - 1 ELSE job.run END AS run) AS last
 WHERE told.runs <> ARRAY(SELECT generate_series(greatest(1, last.run - ${KEPT - 1}), last.run))`;

/** Who ran a job is known, and the last run's entry names who had it last. */
const WORKER = `
SELECT format('job %s (%s): %s', job.id, job.name, wrong.what) AS what
  FROM job
 CROSS JOIN LATERAL (
   SELECT 'is ' || job.status || ' after run ' || job.run || ' of no worker' AS what WHERE job.run > 0 AND job.worker_id IS NULL
   UNION ALL
   SELECT format('worker %s is unknown', ran.id) FROM (
     SELECT job.worker_id AS id UNION SELECT (e->>'worker')::uuid FROM jsonb_array_elements(coalesce(job.history, '[]')) AS e) AS ran
    WHERE ran.id IS NOT NULL AND NOT EXISTS (SELECT FROM worker WHERE worker.id = ran.id)
   UNION ALL
   SELECT format('run %s was recorded by worker %s, and belonged to %s', job.run, e->>'worker', job.worker_id)
     FROM jsonb_array_elements(coalesce(job.history, '[]')) AS e
    WHERE (e->>'run')::int = job.run AND (e->>'worker')::uuid IS DISTINCT FROM job.worker_id) AS wrong`;

/**
 * No run beyond the limit, and each charged unless it was taken back. How often a job that was returned by hand has run is not known from its
 * row, so of a type of which one was, nobody can tell that a charge is missing.
 */
const ATTEMPTS = `
SELECT format('job %s (%s) has been charged %s attempts of %s in %s runs, %s of them taken back', job.id, job.name,
              greatest(job.attempt, told.attempt), job.max_attempts, job.run, told.refunded) AS what
  FROM job
 CROSS JOIN LATERAL (SELECT coalesce(max((e->>'attempt')::int), 0) AS attempt,
                            count(*) FILTER (WHERE e->>'outcome' IN ('interrupted', 'snoozed')) AS refunded
                       FROM jsonb_array_elements(coalesce(job.history, '[]')) AS e) AS told
 WHERE greatest(job.attempt, told.attempt) > job.max_attempts OR job.attempt > job.run - told.refunded
    OR (job.attempt < job.run - told.refunded AND job.run <= ${KEPT}
        AND NOT EXISTS (SELECT FROM counters c WHERE c.queue = job.queue AND c.name = job.name AND c.reopened > 0))`;

const FLOWS = `enqueued, claimed, returned, done, failed, canceled, canceled_waiting, reopened_failed, reopened_canceled`;
const SUMS = FLOWS.split(', ')
  .map((flow) => `sum(${flow}) AS ${flow}`)
  .join(', ');

/** What the statements that changed the jobs of a queue and type have counted. */
const COUNTERS = `
WITH flows AS (
  SELECT queue, name, ${SUMS}
    FROM (SELECT queue, name, ${FLOWS} FROM counter_minute WHERE minute = '-infinity'
          UNION ALL SELECT queue, name, ${FLOWS} FROM counter_delta) AS flow GROUP BY queue, name
),
counters AS (
  SELECT queue, name, reopened_failed + reopened_canceled AS reopened, enqueued AS jobs, claimed AS runs,
         enqueued + returned + reopened_failed + reopened_canceled - claimed - canceled_waiting AS waiting,
         claimed - returned - done - failed - canceled AS executing, done, failed - reopened_failed AS failed,
         canceled + canceled_waiting - reopened_canceled AS canceled
    FROM flows
)`;

const STATES = ['jobs', 'runs', 'waiting', 'executing', 'done', 'failed', 'canceled'];

/** Counters are appended by the statements that record outcomes: a second one, or one too few, is a difference. */
const COUNTED = `${COUNTERS},
found AS (
  SELECT queue, name, count(*) AS jobs, sum(run) AS runs, ${STATES.slice(2)
    .map((state) => `count(*) FILTER (WHERE status = '${state}') AS ${state}`)
    .join(', ')}
    FROM job GROUP BY queue, name
)
SELECT format('%s in queue %s: %s %s by the counters, %s in the table', name, queue, coalesce(pair.told, 0), pair.of, coalesce(pair.there, 0)) AS what
  FROM counters FULL JOIN found USING (queue, name)
 CROSS JOIN LATERAL (VALUES ${STATES.map((state) => `('${state}', counters.${state}, found.${state})`).join(', ')}) AS pair(of, told, there)
 WHERE coalesce(pair.told, 0) <> coalesce(pair.there, 0)`;

const FINDABLE = `
SELECT format('job %s (%s) is %s, behind its queue''s watermark %s and without due_at', job.id, job.name, job.status, queue.watermark) AS what
  FROM job LEFT JOIN queue ON queue.name = job.queue
 WHERE job.status IN ('waiting', 'executing') AND job.due_at IS NULL AND (queue.name IS NULL OR job.id <= queue.watermark)`;

const KEYS = `
SELECT format('key %s is held by job %s, which is not there', key, job_id) AS what
  FROM job_key WHERE (expires_at IS NULL OR expires_at > now()) AND NOT EXISTS (SELECT FROM job WHERE job.id = job_key.job_id)`;

/** $1 names, $2 windows in ms, null for types that know no second job while one is open. A batch takes an objectId of a type once. */
const DEDUPE = `
SELECT format('jobs %s and %s of %s are both for %L, %s ms apart within a window of %s ms', earlier, id, name, object_id,
              ${madeMs('id')} - ${madeMs('earlier')}, window_ms) AS what
  FROM (SELECT job.id, job.name, job.object_id, dedupe.window_ms, lag(job.id) OVER (PARTITION BY job.name, job.object_id ORDER BY job.id) AS earlier
          FROM job JOIN unnest($1::text[], $2::bigint[]) AS dedupe(name, window_ms) USING (name)
         WHERE job.object_id IS NOT NULL) AS pair
 WHERE ${madeMs('id')} - ${madeMs('earlier')} < window_ms - ${LATE_MS}
UNION ALL
SELECT format('jobs %s of %s are open and all for %L', array_agg(job.id), job.name, job.object_id)
  FROM job JOIN unnest($1::text[], $2::bigint[]) AS dedupe(name, window_ms) USING (name)
 WHERE dedupe.window_ms IS NULL AND job.object_id IS NOT NULL AND job.status IN ('waiting', 'executing')
 GROUP BY job.name, job.object_id HAVING count(*) > 1
UNION ALL
SELECT format('jobs %s of %s are members of batch %s and all for %L', array_agg(id), name, batch_id, object_id)
  FROM job WHERE batch_id IS NOT NULL AND object_id IS NOT NULL GROUP BY batch_id, name, object_id HAVING count(*) > 1`;

/** An interval that makes up for all it missed leaves out no nominal time. */
const SCHEDULE = `
SELECT format('schedule %s fired at %s with job %s, which is not there', schedule, fire_at, job_id) AS what
  FROM schedule_fire WHERE NOT EXISTS (SELECT FROM job WHERE job.id = schedule_fire.job_id)
UNION ALL
SELECT format('job %s of schedule %s belongs to %s fires', job.id, job.schedule, count(fire.job_id))
  FROM job JOIN schedule ON schedule.name = job.schedule
  LEFT JOIN schedule_fire fire ON fire.job_id = job.id AND fire.schedule = job.schedule
 GROUP BY job.id, job.schedule HAVING count(fire.job_id) <> 1
UNION ALL
SELECT format('schedule %s fired at %s and next at %s, with %s ms between its times', step.name, earlier, fire_at, every_ms)
  FROM (SELECT schedule.name, schedule.every_ms, fire.fire_at, lag(fire.fire_at) OVER (PARTITION BY schedule.name ORDER BY fire.fire_at) AS earlier
          FROM schedule JOIN schedule_fire fire ON fire.schedule = schedule.name AND NOT fire.is_manual
         WHERE schedule.every_ms IS NOT NULL AND schedule.catch_up ? 'all') AS step
 WHERE fire_at - earlier <> every_ms * interval '1 ms'
UNION ALL
SELECT format('schedule %s says it fired last at %s, and did at %s', schedule.name, schedule.last_fire_at, max(fire.fire_at))
  FROM schedule LEFT JOIN schedule_fire fire ON fire.schedule = schedule.name AND NOT fire.is_manual
 GROUP BY schedule.name, schedule.last_fire_at HAVING schedule.last_fire_at IS DISTINCT FROM max(fire.fire_at)`;

/** A batch that is complete stays so when members are returned by hand, which alone may take them out of its counts again. */
const BATCH = `${COUNTERS},
members AS MATERIALIZED (
  SELECT batch_id, count(*) AS total, count(*) FILTER (WHERE status = 'done') AS done, count(*) FILTER (WHERE status = 'failed') AS failed,
         count(*) FILTER (WHERE status = 'canceled') AS canceled
    FROM job WHERE batch_id IS NOT NULL GROUP BY batch_id
),
followers AS MATERIALIZED (
  SELECT payload->'batch'->>'id' AS batch_id, queue, name, count(*) AS jobs, array_agg(id) AS ids FROM job WHERE payload ? 'batch' GROUP BY 1, 2, 3
)
SELECT format('batch %s (%s) %s', batch.id, batch.name, wrong.what) AS what
  FROM batch
  LEFT JOIN members AS known ON known.batch_id = batch.id
  LEFT JOIN followers ON followers.batch_id = batch.id::text AND followers.queue = batch.on_complete->>'queue' AND followers.name = batch.on_complete->>'name'
 CROSS JOIN LATERAL (SELECT coalesce(known.total, 0) AS total, coalesce(known.done, 0) AS done, coalesce(known.failed, 0) AS failed,
                            coalesce(known.canceled, 0) AS canceled) AS members
 CROSS JOIN LATERAL (SELECT coalesce(followers.jobs, 0) AS jobs, coalesce((batch.completion_id = ANY (followers.ids))::int, 0) AS own) AS following
 CROSS JOIN LATERAL (
   SELECT format('counts %s members: %s done, %s failed, %s canceled; it has %s: %s, %s, %s', batch.total, batch.done, batch.failed, batch.canceled,
                 members.total, members.done, members.failed, members.canceled) AS what
    WHERE (batch.total, batch.done, batch.failed, batch.canceled) <> (members.total, members.done, members.failed, members.canceled)
   UNION ALL
   SELECT 'is complete and not sealed' WHERE batch.completed_at IS NOT NULL AND batch.sealed_at IS NULL
   UNION ALL
   SELECT 'is sealed with all members in, and not complete'
    WHERE batch.completed_at IS NULL AND batch.sealed_at IS NOT NULL AND batch.done + batch.failed + batch.canceled = batch.total
   UNION ALL
   SELECT 'is complete while members are open'
    WHERE batch.completed_at IS NOT NULL AND batch.done + batch.failed + batch.canceled < batch.total
      AND NOT EXISTS (SELECT FROM counters JOIN job USING (queue, name) WHERE job.batch_id = batch.id AND reopened > 0)
   UNION ALL
   SELECT format('has %s onComplete jobs, %s of them its own', following.jobs, following.own)
    WHERE batch.on_complete IS NOT NULL
      AND (following.jobs, following.own) <> ((batch.completed_at IS NOT NULL)::int, (batch.completed_at IS NOT NULL)::int)) AS wrong`;

export const RULES: readonly RuleStatement[] = [
  { rule: 'accepted', text: ACCEPTED, values: (accepted) => [accepted.map(({ id }) => id)] },
  {
    rule: 'idempotency',
    text: IDEMPOTENCY,
    values: (accepted) => {
      const keyed = accepted.filter(({ idempotencyKey }) => idempotencyKey !== undefined);
      return [keyed.map(({ idempotencyKey }) => idempotencyKey), keyed.map(({ id }) => id)];
    },
  },
  { rule: 'open', text: OPEN, values: (_, { isOver }) => (isOver ? [] : 'not asked') },
  { rule: 'record', text: RECORD },
  { rule: 'worker', text: WORKER },
  { rule: 'attempts', text: `${COUNTERS}${ATTEMPTS}` },
  { rule: 'counters', text: COUNTED },
  { rule: 'findable', text: FINDABLE },
  { rule: 'keys', text: KEYS },
  {
    rule: 'dedupe',
    text: DEDUPE,
    values: (_, { dedupe = {} }) => [
      Object.keys(dedupe),
      Object.values(dedupe).map((rule) => (rule === 'until finished' ? null : rule)),
    ],
  },
  { rule: 'schedule', text: SCHEDULE },
  { rule: 'batch', text: BATCH },
];

/** Every job with what is held against the outbox: who ended each run, by the pid of that worker's process. */
export const TOLD_JOBS = `
SELECT job.id, job.name, job.status, job.run, job.attempt, worker.pid,
       coalesce((SELECT jsonb_agg(jsonb_build_object('run', e->'run', 'attempt', e->'attempt', 'outcome', e->'outcome', 'pid', w.pid))
                   FROM jsonb_array_elements(job.history) AS e LEFT JOIN worker w ON w.id = (e->>'worker')::uuid), '[]') AS history
  FROM job LEFT JOIN worker ON worker.id = job.worker_id`;
