import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  FIRST_ID,
  cancelJobs,
  controlQuery,
  insertKeyedJobs,
  reopenJobs,
  type NewJob,
  type Query,
} from '../../src/modules/job/index.js';
import { idAgo, JobTables } from '../support/job-tables.js';

const KEY = 'send one at a time';
const KEPT = { failed: FIRST_ID, canceled: FIRST_ID };

let tables: JobTables;
beforeAll(async () => {
  tables = await JobTables.open();
});
afterAll(() => tables.close());

async function enqueueKeyed(): Promise<string> {
  const id = idAgo(0);
  const dedupeKey = { key: KEY, heldMs: null };
  const job: NewJob = {
    id,
    queue: 'mail',
    name: 'send',
    lane: 'normal',
    payload: '{}',
    maxAttempts: 1,
    dedupeKey,
  };
  const [outcome] = await tables.step((query) => insertKeyedJobs(query, [job]));
  expect(outcome?.kind).toBe('stored');
  return id;
}

/** Retries the job, and does `meanwhile` once its state has been read. */
function retry(id: string, meanwhile: () => Promise<unknown>): Promise<readonly object[]> {
  return tables.database.control.transaction((queries) => {
    const query: Query = async (statement, values) => {
      const rows = await controlQuery(queries)(statement, values);
      if (statement.name === 'states') await meanwhile();
      return rows as never;
    };
    return reopenJobs(query, [id], KEPT, () => KEY);
  });
}

it('a retry leaves a job that ends under its hands, and whose key another job takes, as it is', async () => {
  await tables.addQueue('mail');
  const first = await enqueueKeyed();
  let second = '';
  const reopened = await retry(first, async () => {
    await cancelJobs(tables.query, [first]);
    second = await enqueueKeyed();
  });
  expect(reopened).toEqual([]);
  expect([(await tables.job(first)).status, (await tables.job(second)).status]).toEqual([
    'canceled',
    'waiting',
  ]);
});
