import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The storage law: after its INSERT a job's happy path touches no index. No index below mentions a column that
 * waiting → executing → done changes (status, run, attempt, worker_id, the times), in keys or predicate, so the claim and
 * the settle are HOT updates. `due_at` and `discarded_at` are indexed because the happy path never sets them.
 *
 * Columns are ordered by alignment, widest first, so that a row carries no padding.
 */
const UP = [
  `CREATE TYPE job_status AS ENUM ('waiting', 'executing', 'done', 'failed', 'canceled')`,
  `CREATE TYPE job_lane AS ENUM ('high', 'normal', 'low')`,

  `CREATE TABLE job (
     due_at               timestamptz,
     started_at           timestamptz,
     finished_at          timestamptz,
     discarded_at         timestamptz,
     cancel_requested_at  timestamptz,
     status               job_status NOT NULL DEFAULT 'waiting',
     lane                 job_lane   NOT NULL DEFAULT 'normal',
     run                  integer    NOT NULL DEFAULT 0,
     attempt              integer    NOT NULL DEFAULT 0,
     max_attempts         integer    NOT NULL,
     timeout_ms           integer,
     id                   uuid       NOT NULL,
     worker_id            uuid,
     batch_id             uuid,
     retry_of             uuid,
     queue                text       NOT NULL,
     name                 text       NOT NULL,
     object_id            text,
     schedule             text,
     payload              jsonb      NOT NULL,
     result               jsonb,
     progress             jsonb,
     history              jsonb,
     CONSTRAINT job_pkey PRIMARY KEY (id),
     CONSTRAINT job_attempts CHECK (attempt BETWEEN 0 AND 1000 AND max_attempts BETWEEN 1 AND 1000),
     CONSTRAINT job_finished CHECK ((finished_at IS NOT NULL) = (status IN ('done', 'failed', 'canceled'))),
     CONSTRAINT job_discarded CHECK ((discarded_at IS NOT NULL) = (status IN ('failed', 'canceled')))
   ) PARTITION BY RANGE (id)`,
  `CREATE INDEX job_queue_id ON job (queue, id)`,
  `CREATE INDEX job_object_id ON job (object_id, id) WHERE object_id IS NOT NULL`,
  `CREATE INDEX job_batch_id ON job (batch_id, id) WHERE batch_id IS NOT NULL`,
  `CREATE INDEX job_schedule ON job (schedule, id) WHERE schedule IS NOT NULL`,
  `CREATE INDEX job_due ON job (queue, due_at, id) WHERE due_at IS NOT NULL`,
  `CREATE INDEX job_discarded ON job (queue, discarded_at) WHERE discarded_at IS NOT NULL`,

  `CREATE TABLE job_log (
     at       timestamptz NOT NULL,
     line     integer     NOT NULL,
     run      integer     NOT NULL,
     job_id   uuid        NOT NULL,
     message  text        NOT NULL,
     CONSTRAINT job_log_pkey PRIMARY KEY (job_id, run, line)
   ) PARTITION BY RANGE (job_id)`,

  `CREATE TABLE job_key (
     key         text        NOT NULL,
     job_id      uuid        NOT NULL,
     expires_at  timestamptz,
     CONSTRAINT job_key_pkey PRIMARY KEY (key)
   )`,
  `CREATE INDEX job_key_expires ON job_key (expires_at) WHERE expires_at IS NOT NULL`,
  `COMMENT ON COLUMN job_key.expires_at IS 'null: held until the job has finished'`,

  `CREATE TABLE queue (
     name                   text        NOT NULL,
     paused_at              timestamptz,
     watermark              uuid        NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
     created_at             timestamptz NOT NULL DEFAULT now(),
     CONSTRAINT queue_pkey PRIMARY KEY (name),
     CONSTRAINT queue_name CHECK (name ~ '^[a-z0-9_-]{1,64}$')
   )`,
  `COMMENT ON COLUMN queue.watermark IS 'every open job of the queue with an id up to this one has due_at'`,

  `CREATE TABLE worker (
     id                     uuid        NOT NULL,
     host                   text        NOT NULL,
     pid                    integer     NOT NULL,
     process_started_at     text,
     entry                  text        NOT NULL,
     queues                 text[]      NOT NULL,
     types                  text[]      NOT NULL,
     slots                  jsonb       NOT NULL,
     visibility_timeout_ms  integer     NOT NULL,
     started_at             timestamptz NOT NULL DEFAULT now(),
     seen_at                timestamptz NOT NULL DEFAULT now(),
     stopped_at             timestamptz,
     lost_at                timestamptz,
     CONSTRAINT worker_pkey PRIMARY KEY (id)
   ) WITH (fillfactor = 50)`,
  `COMMENT ON COLUMN worker.process_started_at IS 'with host and pid names one process for good, where the platform tells it'`,

  // Every row is deleted within seconds and every reader scans the table: it is vacuumed by dead rows alone, whatever its size, and fast.
  `CREATE TABLE counter_delta (
     at               timestamptz NOT NULL DEFAULT now(),
     enqueued         integer NOT NULL DEFAULT 0,
     claimed          integer NOT NULL DEFAULT 0,
     returned         integer NOT NULL DEFAULT 0,
     done             integer NOT NULL DEFAULT 0,
     failed           integer NOT NULL DEFAULT 0,
     canceled         integer NOT NULL DEFAULT 0,
     canceled_waiting integer NOT NULL DEFAULT 0,
     reopened_failed  integer NOT NULL DEFAULT 0,
     reopened_canceled integer NOT NULL DEFAULT 0,
     queue            text    NOT NULL,
     name             text    NOT NULL
   ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0)`,
  `COMMENT ON TABLE counter_delta IS 'flows of jobs, appended by each hot statement in its own transaction; canceled counts executing jobs, canceled_waiting waiting ones'`,
  `CREATE TABLE counter_minute (
     minute           timestamptz NOT NULL,
     enqueued         bigint  NOT NULL DEFAULT 0,
     claimed          bigint  NOT NULL DEFAULT 0,
     returned         bigint  NOT NULL DEFAULT 0,
     done             bigint  NOT NULL DEFAULT 0,
     failed           bigint  NOT NULL DEFAULT 0,
     canceled         bigint  NOT NULL DEFAULT 0,
     canceled_waiting bigint  NOT NULL DEFAULT 0,
     reopened_failed  bigint  NOT NULL DEFAULT 0,
     reopened_canceled bigint NOT NULL DEFAULT 0,
     queue            text    NOT NULL,
     name             text    NOT NULL,
     CONSTRAINT counter_minute_pkey PRIMARY KEY (minute, queue, name)
   )`,
  `COMMENT ON TABLE counter_minute IS 'flows per minute; the row at -infinity holds the total since the beginning'`,
];

const DOWN = [
  `DROP TABLE counter_minute, counter_delta, worker, queue, job_key, job_log, job`,
  `DROP TYPE job_lane, job_status`,
];

/** Creates the tables of jobs, keys, queues, workers and counters. Partitions of `job` are made by whoever needs a day. */
export class CreateJobTables1700000000001 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of UP) await queryRunner.query(statement);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await queryRunner.query(statement);
  }
}
