import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Lets an operator ask a worker to finish what it holds and take nothing more; the worker reads it with each heartbeat. */
export class AddWorkerDrain1700000000004 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE worker ADD COLUMN drain_requested_at timestamptz');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE worker DROP COLUMN drain_requested_at');
  }
}
