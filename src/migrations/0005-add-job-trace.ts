import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The trace a job was enqueued in, as a W3C traceparent, so that its runs go on in it; NULL where nobody traces, which costs no space. */
export class AddJobTrace1700000000005 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE job ADD COLUMN trace text');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE job DROP COLUMN trace');
  }
}
