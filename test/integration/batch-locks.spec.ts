import { afterAll, beforeAll, expect, it } from 'vitest';
import { IdGenerator } from '../../src/kernel/ids.js';
import { controlQuery, insertBatch, type NewJob } from '../../src/modules/job/index.js';
import { insertMembers } from '../../src/modules/job/repository/batch.repository.js';
import type { Query } from '../../src/modules/job/repository/query.js';
import { JobTables } from '../support/job-tables.js';

let tables: JobTables;

beforeAll(async () => {
  tables = await JobTables.open();
});
afterAll(() => tables.close());

/** Whether another transaction holds the row of that batch, as a settle of its members would find. */
async function isLocked(id: string): Promise<boolean> {
  const text = 'SELECT id FROM batch WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED';
  return (await tables.test.query(text, [id])).length === 0;
}

it('a batch is locked by who adds to it after their last insert, however many there are', async () => {
  const ids = new IdGenerator(tables.database.clock);
  const id = ids.next();
  const job = (): NewJob => ({
    id: ids.next(),
    queue: 'q',
    name: 'job',
    lane: 'normal',
    payload: '{}',
    maxAttempts: 1,
    batchId: id,
  });
  await insertBatch(tables.query, {
    id,
    name: 'job',
    queue: 'q',
    deadlineMs: 60_000,
    isDeadlineDefault: true,
  });
  const heldAtInserts: boolean[] = [];
  await tables.database.control.transaction(async (queries) => {
    const query = controlQuery(queries);
    const watched: Query = async (statement, values) => {
      if (statement.name.startsWith('insert')) heldAtInserts.push(await isLocked(id));
      return query(statement, values);
    };
    await insertMembers(watched, [[job(), job()], [job()], [job()]]);
    // The control: it is locked by now.
    expect(await isLocked(id)).toBe(true);
  });
  expect(heldAtInserts).toEqual([false, false, false]);
  expect(await tables.test.query('SELECT total FROM batch WHERE id = $1', [id])).toEqual([{ total: 4 }]);
});
