import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Database } from '../../src/modules/database/index.js';
import { DAY_MS, Partitions, daySuffix, startOfDay } from '../../src/modules/job/index.js';
import { idAgo } from '../support/job-tables.js';
import { Import, RestApp } from '../support/rest-app.js';

let rest: RestApp;

beforeAll(async () => {
  rest = await RestApp.boot({ settings: { retention: { finished: '14d', failed: '30d' } } });
});
afterAll(() => rest.close());

const suffixOf = (daysAgo: number): string => daySuffix(startOfDay(Date.now() - daysAgo * DAY_MS));

/** A job that was made that many days ago and has ended so. */
async function ended(daysAgo: number, status: 'done' | 'failed' | 'canceled'): Promise<string> {
  const partitions = rest.app.get(Partitions);
  await partitions.ensure(startOfDay(rest.app.get(Database).clock.now() - daysAgo * DAY_MS));
  const id = idAgo(daysAgo * DAY_MS);
  await rest.database.query(
    `INSERT INTO job (id, queue, name, status, max_attempts, payload, finished_at, discarded_at, object_id)
     VALUES ($1, 'import', 'import', $2::job_status, 1, '{}', now(), CASE WHEN $2 <> 'done' THEN now() END, 'x')`,
    [id, status],
  );
  return id;
}

describe('a job past its retention', () => {
  it.each([
    ['failed', 40],
    ['canceled', 20],
  ] as const)('that was %s answers a retry by 410 expired, and stays as it is', async (status, daysAgo) => {
    const id = await ended(daysAgo, status);
    const { status: code, body } = await rest.post(`/job/${id}/retry`);
    expect(code).toBe(410);
    expect(body).toMatchObject({ code: 'expired', id, title: 'The job is past its retention' });
    expect(body['detail']).toMatch(
      /was made .*Z, longer ago than (failed|canceled) jobs are kept; enqueue a import/,
    );
    expect((await rest.post('/job/retry', { ids: [id] })).body).toMatchObject({ matched: 1, changed: 0 });
    expect((await rest.get(`/job/${id}`)).body['status']).toBe(status);
    // It takes no key either: another job of its object may run.
    expect((await rest.jobs.enqueue(Import, {}, { objectId: 'x' })).status).toBe('waiting');
    await rest.database.query('TRUNCATE job_key');
  });

  it('is told apart from one that cannot be retried anyway', async () => {
    const id = await ended(40, 'done');
    expect((await rest.post(`/job/${id}/retry`)).body['code']).toBe('not_retryable');
  });

  it.each([
    ['failed', 20],
    ['canceled', 5],
    ['failed', 29],
  ] as const)('that was %s %i days ago is not one, and is retried', async (status, daysAgo) => {
    const id = await ended(daysAgo, status);
    const answer = await rest.post(`/job/${id}/retry`);
    expect([answer.status, answer.body['status']]).toEqual([200, 'waiting']);
    await rest.database.query('DELETE FROM job WHERE id = $1', [id]);
    await rest.database.query('TRUNCATE job_key');
  });
});

describe('a job whose day has been dropped', () => {
  it('is no such job to every call', async () => {
    const id = await ended(50, 'failed');
    await rest.get(`/job/${id}`);
    await rest.database.query(`ALTER TABLE job DETACH PARTITION job_${suffixOf(50)}`);
    await rest.database.query(`DROP TABLE job_${suffixOf(50)}`);
    const answers = [
      await rest.get(`/job/${id}`),
      await rest.get(`/job/${id}/status?wait=1s`),
      await rest.get(`/job/${id}/log`),
      await rest.post(`/job/${id}/cancel`),
      await rest.post(`/job/${id}/retry`),
    ];
    for (const { status, body } of answers) expect([status, body['code']]).toEqual([404, 'no_such_job']);
    for (const path of ['/job/retry', '/job/cancel'])
      expect((await rest.post(path, { ids: [id] })).body).toMatchObject({ matched: 0, changed: 0 });
  });

  it('does not keep jobs from being enqueued, now or for later', async () => {
    for (const options of [
      {},
      { delay: '20d' },
      { runAt: new Date(Date.now() + 400 * DAY_MS).toISOString() },
    ]) {
      const { status } = await rest.post('/job', { name: 'paint', payload: {}, ...options });
      expect(status).toBe(201);
    }
  });
});
