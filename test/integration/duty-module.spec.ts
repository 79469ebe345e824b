import 'reflect-metadata';
import { Test } from '@nestjs/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RookeryModule, defineConfig } from '../../src/index.js';
import { Health } from '../../src/kernel/health.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';

let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

const DUTIES = [
  'partition keeper',
  'stager',
  'rescuer',
  'auditor',
  'counter folder',
  'key sweeper',
  'batch closer',
  'pruner',
];

async function heldLocks(): Promise<number> {
  const [row] = await database.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_locks WHERE locktype = 'advisory' AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND pid IN (SELECT pid FROM pg_stat_activity WHERE application_name LIKE '%duties')`,
  );
  return row?.count ?? 0;
}

it.each(['scheduler', 'worker', 'all'] as const)(
  'an application of entry %s holds the duties from its boot to its end',
  async (entry) => {
    const config = defineConfig({ database: { url: database.url }, http: { port: 0 } }, {});
    const app = await Test.createTestingModule({
      imports: [RookeryModule.forRoot({ entry, config })],
    }).compile();
    app.useLogger(false);
    await app.init();
    await eventually(async () => (await heldLocks()) === DUTIES.length);
    expect(app.get(Health).report()['duties']?.detail).toBe(`holds ${DUTIES.join(', ')}`);
    await eventually(async () => {
      const [row] = await database.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM pg_inherits WHERE inhparent = 'job'::regclass`,
      );
      return (row?.count ?? 0) >= 15;
    });
    await app.close();
    expect(await heldLocks()).toBe(0);
  },
);
