import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = [
  `CREATE TABLE schedule (
     name          text        NOT NULL,
     source        text        NOT NULL,
     cron          text,
     every_ms      bigint,
     time_zone     text        NOT NULL DEFAULT 'UTC',
     job           text        NOT NULL,
     payload       jsonb       NOT NULL,
     catch_up      jsonb       NOT NULL,
     jitter_ms     integer     NOT NULL DEFAULT 0,
     start_at      timestamptz,
     end_at        timestamptz,
     anchor_at     timestamptz NOT NULL,
     paused_at     timestamptz,
     declared_at   timestamptz,
     orphaned_at   timestamptz,
     last_fire_at  timestamptz,
     next_fire_at  timestamptz,
     error         text,
     updated_at    timestamptz NOT NULL DEFAULT now(),
     CONSTRAINT schedule_pkey PRIMARY KEY (name),
     CONSTRAINT schedule_source CHECK (source IN ('code', 'api')),
     CONSTRAINT schedule_timing CHECK ((cron IS NULL) <> (every_ms IS NULL))
   )`,
  `CREATE INDEX schedule_next_fire ON schedule (next_fire_at) WHERE next_fire_at IS NOT NULL`,
  `COMMENT ON COLUMN schedule.anchor_at IS 'what the fires of every_ms are counted from'`,
  `COMMENT ON COLUMN schedule.declared_at IS 'when a process last said that its code has this schedule'`,
  `COMMENT ON COLUMN schedule.orphaned_at IS 'since when no process that fires schedules has it in its code'`,
  `COMMENT ON COLUMN schedule.next_fire_at IS 'the oldest nominal time that has not been fired; null when there is none left'`,
  `CREATE TABLE schedule_fire (
     fire_at    timestamptz NOT NULL,
     fired_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
     job_id     uuid        NOT NULL,
     is_manual  boolean     NOT NULL DEFAULT false,
     schedule   text        NOT NULL,
     CONSTRAINT schedule_fire_pkey PRIMARY KEY (schedule, fire_at)
   )`,
  `CREATE INDEX schedule_fire_fired ON schedule_fire (fired_at)`,
];

const DOWN = [`DROP TABLE schedule_fire, schedule`];

/** Creates the tables of schedules and their fires: a nominal time fires once because it has one row. */
export class CreateSchedules1700000000002 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of UP) await queryRunner.query(statement);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await queryRunner.query(statement);
  }
}
