import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What an operator has set for a queue in place of what the processes were configured with; an empty object where nobody has. */
export class AddQueueSettings1700000000006 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE queue ADD COLUMN settings jsonb NOT NULL DEFAULT '{}'`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE queue DROP COLUMN settings');
  }
}
