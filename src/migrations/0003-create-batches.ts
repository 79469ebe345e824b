import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The row of a batch is hot while its members end: every settle statement with members updates it. No index mentions what those
 * updates change, and the page is nearly empty, so that they are HOT.
 */
const UP = [
  `CREATE TABLE batch (
     sealed_at            timestamptz,
     canceled_at          timestamptz,
     completed_at         timestamptz,
     fin_at               timestamptz,
     deadline_at          timestamptz,
     id                   uuid    NOT NULL,
     completion_id        uuid,
     total                integer NOT NULL DEFAULT 0,
     done                 integer NOT NULL DEFAULT 0,
     failed               integer NOT NULL DEFAULT 0,
     canceled             integer NOT NULL DEFAULT 0,
     is_deadline_default  boolean NOT NULL,
     is_overdue           boolean NOT NULL DEFAULT false,
     name                 text    NOT NULL,
     queue                text    NOT NULL,
     member_queues        text[]  NOT NULL DEFAULT '{}',
     key                  text,
     on_complete          jsonb,
     CONSTRAINT batch_pkey PRIMARY KEY (id),
     CONSTRAINT batch_counts CHECK (done >= 0 AND failed >= 0 AND canceled >= 0 AND done + failed + canceled <= total)
   ) WITH (fillfactor = 20)`,
  `CREATE INDEX batch_key ON batch (key, id) WHERE key IS NOT NULL`,
  `CREATE INDEX batch_unfinished ON batch (id) WHERE fin_at IS NULL`,
  `COMMENT ON COLUMN batch.member_queues IS 'each queue that a member was born in; queue is that of the type the batch is of'`,
  `COMMENT ON COLUMN batch.completion_id IS 'set by the one statement that completed the batch; the id of its onComplete job, where it has one'`,
  `COMMENT ON COLUMN batch.fin_at IS 'when every process had been told that the batch is complete'`,
  `COMMENT ON COLUMN batch.is_deadline_default IS 'true: the deadline is for sealing; false: for completing'`,
  `COMMENT ON COLUMN batch.is_overdue IS 'canceled by its deadline: its executing members go on'`,
];

const DOWN = [`DROP TABLE batch`];

/** Creates the table of batches. Their members are found by `job.batch_id`. */
export class CreateBatches1700000000003 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of UP) await queryRunner.query(statement);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await queryRunner.query(statement);
  }
}
