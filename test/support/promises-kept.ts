import { expect } from 'vitest';
import type { JobView } from '../../src/modules/job/index.js';
import { findJobs } from '../../src/modules/job/repository/job-query.repository.js';
import type { OutboxLine } from '../fixtures/workload/outbox.js';
import type { TestDatabase } from './database.js';
import { begun, expectWholeRecord } from './outbox.js';
import { nothingIsOpen } from './fault-load.js';

type Query = TestDatabase['query'];

/** Waits until nothing is open and asserts that the tables hold all that was accepted, and of each run one outcome. */
export async function expectPromisesKept(
  query: Query,
  accepted: readonly string[],
  outbox: () => Promise<readonly OutboxLine[]>,
): Promise<void> {
  await nothingIsOpen(query);
  await assertPromises(query, accepted, await outbox());
  await assertItWouldTell(query, accepted, await outbox());
}

async function assertPromises(
  query: Query,
  accepted: readonly string[],
  outbox: readonly OutboxLine[],
): Promise<void> {
  const jobs = await allJobs(query);
  const known = new Set(jobs.map(({ id }) => id));
  expect(accepted.filter((id) => !known.has(id))).toEqual([]);
  for (const job of jobs) expectWholeRecord(job, outbox);
  const runs = begun(outbox);
  expect(runs.filter((run, index) => runs.indexOf(run) !== index)).toEqual([]);
  const [counted] = await query<{ done: number; failed: number }>(
    `SELECT sum(done)::int AS done, sum(failed)::int AS failed FROM (
       SELECT done, failed FROM counter_delta UNION ALL
       SELECT done, failed FROM counter_minute WHERE minute = '-infinity') AS flows`,
  );
  const ended = (status: string): number => jobs.filter((job) => job.status === status).length;
  expect(counted).toEqual({ done: ended('done'), failed: ended('failed') });
}

/** The control: an outcome that was recorded a second time would be seen. */
async function assertItWouldTell(
  query: Query,
  accepted: readonly string[],
  outbox: readonly OutboxLine[],
): Promise<void> {
  await query(`INSERT INTO counter_delta (done, queue, name) SELECT 1, queue, name FROM job LIMIT 1`);
  await expect(assertPromises(query, accepted, outbox)).rejects.toThrow();
}

async function allJobs(query: Query): Promise<JobView[]> {
  const ids = await query<{ id: string }>('SELECT id FROM job ORDER BY id');
  return findJobs(
    (statement, values) => query(statement.text, values),
    ids.map(({ id }) => id),
  );
}
