import { Client } from 'pg';
import { DataSource, type MigrationInterface, type QueryRunner } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Database, type DatabaseOptions, type MigrationClass } from '../../src/modules/database/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

let testDatabase: TestDatabase;
let databases: Database[];

beforeEach(async () => {
  testDatabase = await createTestDatabase({ isEmpty: true });
  databases = [];
});

afterEach(async () => {
  await Promise.all(databases.map((database) => database.close()));
  await testDatabase.drop();
});

const log = { log: () => undefined, warn: () => undefined };

function database(schema: string, options: Partial<DatabaseOptions> = {}): Database {
  const made = new Database({ settings: { url: testDatabase.url, schema, folder: '' }, log, ...options });
  databases.push(made);
  return made;
}

/** Slow enough that all processes meet in it, and impossible to run twice. */
class CreateNest1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE nest (id int)`);
    await runner.query(`SELECT pg_sleep(0.3)`);
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE nest`);
  }
}

class AddEggs1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE egg (id int)`);
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE egg`);
  }
}

class BreakNest1700000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE twig (id int)`);
    await runner.query(`CREATE TABLE nest (id int)`);
  }
  async down(): Promise<void> {}
}

class PaintEggs1700000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE egg ADD COLUMN colour text`);
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE egg DROP COLUMN colour`);
  }
}

function applied(schema: string): Promise<{ name: string }[]> {
  return testDatabase.query(`SELECT name FROM "${schema}".rookery_migration ORDER BY id`);
}

async function session(name: string): Promise<Client> {
  const client = new Client({ connectionString: testDatabase.url, application_name: name });
  await client.connect();
  return client;
}

const tables = (schema: string) =>
  testDatabase.query<{ name: string }>(
    `SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = $1 ORDER BY 1`,
    [schema],
  );

describe('migrations at boot', () => {
  it('run once when many processes start together on an empty database', async () => {
    const migrations = [CreateNest1700000000001, AddEggs1700000000002];
    const together = Array.from({ length: 6 }, () => database('public', { migrations }));
    await Promise.all(together.map((one) => one.open()));
    expect(await applied('public')).toEqual([
      { name: 'CreateNest1700000000001' },
      { name: 'AddEggs1700000000002' },
    ]);
  });

  it('would meet each other without the lock: the control', async () => {
    const racers = [1, 2, 3].map(() => {
      const settings = { url: testDatabase.url, migrations: [CreateNest1700000000001] };
      return new DataSource({ type: 'postgres', migrationsTableName: 'rookery_migration', ...settings });
    });
    await Promise.all(racers.map((racer) => racer.initialize()));
    const outcomes = await Promise.allSettled(racers.map((racer) => racer.runMigrations()));
    await Promise.all(racers.map((racer) => racer.destroy()));
    expect(outcomes.filter(({ status }) => status === 'rejected')).not.toHaveLength(0);
  });

  it('make the schema they are told to use, whatever its name, and leave public alone', async () => {
    const opened = database('My nest', { migrations: [AddEggs1700000000002] });
    await opened.open();
    expect(await tables('My nest')).toEqual([{ name: 'egg' }, { name: 'rookery_migration' }]);
    expect(await tables('public')).toEqual([]);
    await expect(opened.control.query('SELECT * FROM egg')).resolves.toEqual([]);
    await expect(opened.dataSource.query('SELECT * FROM egg')).resolves.toEqual([]);
    expect(opened.qualified('egg')).toBe('"My nest"."egg"');
  });

  it('are only those the schema still lacks', async () => {
    await database('public', { migrations: [CreateNest1700000000001] }).open();
    await database('public', { migrations: [CreateNest1700000000001, AddEggs1700000000002] }).open();
    expect(await tables('public')).toEqual([
      { name: 'egg' },
      { name: 'nest' },
      { name: 'rookery_migration' },
    ]);
  });

  it('wait for who holds a table without making others wait, and say for whom', async () => {
    await database('public', { migrations: [AddEggs1700000000002] }).open();
    const dump = await session('a dump');
    await dump.query('BEGIN');
    await dump.query('SELECT * FROM egg');
    const lines: string[] = [];
    const migrating = database('public', {
      migrations: [AddEggs1700000000002, PaintEggs1700000000004],
      log: { ...log, log: (line) => void lines.push(line) },
    }).open();
    await expect.poll(() => lines).toContainEqual(expect.stringMatching(/ waits for .*\(a dump\)/));
    const others = await session('others');
    await others.query(`SET lock_timeout = '1s'`);
    for (let n = 0; n < 50; n++) await others.query('INSERT INTO egg VALUES (1)');
    await dump.query('COMMIT');
    await migrating;
    expect(await testDatabase.query('SELECT DISTINCT colour FROM egg')).toEqual([{ colour: null }]);
    await Promise.all([dump.end(), others.end()]);
  });

  it('leave nothing of one that fails, and the boot fails with its reason', async () => {
    const migrations: MigrationClass[] = [CreateNest1700000000001, BreakNest1700000000003];
    await expect(database('public', { migrations }).open()).rejects.toMatchObject({
      code: 'database_unavailable',
      message: expect.stringContaining('relation "nest" already exists') as string,
    });
    expect(await tables('public')).toEqual([{ name: 'nest' }, { name: 'rookery_migration' }]);
  });
});

describe('a schema newer than the code', () => {
  it('is refused with schema_newer before anything is written', async () => {
    const newer = database('public', { migrations: [CreateNest1700000000001, AddEggs1700000000002] });
    await newer.open();
    const before = await applied('public');
    const older: MigrationClass[] = [CreateNest1700000000001, BreakNest1700000000003];
    await expect(database('public', { migrations: older }).open()).rejects.toMatchObject({
      code: 'schema_newer',
      details: { unknown: ['AddEggs1700000000002'] },
      message: expect.stringMatching(/Start a Rookery at least as new/) as string,
    });
    expect(await applied('public')).toEqual(before);
    expect(await tables('public')).toHaveLength(3);
  });
});
