import { expect, it } from 'vitest';
import { z } from 'zod';
import { defineJob } from '../../src/modules/job/index.js';
import { handlerOf, Tally } from '../support/handlers.js';
import { rookeryScene } from '../support/rookery-app.js';

const scene = rookeryScene();
const JOBS = 10_000;
const Noop = defineJob({ name: 'noop', payload: z.object({ n: z.number() }) });
const config = { defaults: { concurrency: 500, maxBatchSize: 500, pollInterval: '10s' } } as const;

interface Updates {
  readonly inserted: number;
  readonly updated: number;
  readonly hot: number;
}

/** What has happened to the partitions of `job`; sessions report when they end, so the apps must have stopped. */
async function updates(): Promise<Updates> {
  const [row] = await scene.query<{ inserted: number; updated: number; hot: number }>(
    `SELECT sum(n_tup_ins)::int AS inserted, sum(n_tup_upd)::int AS updated, sum(n_tup_hot_upd)::int AS hot
       FROM pg_stat_user_tables WHERE relid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'job'::regclass)`,
  );
  if (!row) throw new Error('job has no partitions');
  return row;
}

/** The size of every index in pages: those that each job is in, and all others. */
const indexPages = () =>
  scene.query<{ ofEachJob: number; others: number }>(
    `SELECT sum(pages) FILTER (WHERE name ~ '(pkey|queue_id_idx)$')::int AS "ofEachJob", sum(pages) FILTER (WHERE name !~ '(pkey|queue_id_idx)$')::int AS others
       FROM (SELECT indexrelid::regclass::text AS name, pg_relation_size(indexrelid) / 8192 AS pages FROM pg_index
      WHERE indrelid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'job'::regclass)) AS i`,
  );

it('drains a backlog of 10,000 jobs with two HOT updates a job, ≥ 99 % of them, and leaves the indexes as they are', async () => {
  const producer = await scene.start({ types: [Noop], hasWorker: false });
  await producer.jobs.enqueueMany(
    Noop,
    Array.from({ length: JOBS }, (_, n) => ({ payload: { n } })),
  );
  await producer.stop();
  const [sizes] = await indexPages();
  const before = await updates();
  const runs = new Tally();
  const worker = await scene.start({ handlers: [handlerOf(Noop, () => runs.add())], config });
  await runs.reaches(JOBS);
  await worker.stop();
  const after = await updates();
  expect(await scene.query('SELECT status, count(*)::int AS n FROM job GROUP BY status')).toEqual([
    { status: 'done', n: JOBS },
  ]);
  expect(after.updated - before.updated).toBe(2 * JOBS);
  expect((after.hot - before.hot) / (after.updated - before.updated)).toBeGreaterThanOrEqual(0.99);
  const [grown] = await indexPages();
  expect(grown?.others).toBe(sizes?.others);
  // An entry for each update would make it three times the size.
  expect(grown?.ofEachJob).toBeLessThan(1.1 * (sizes?.ofEachJob ?? 0));
});

it('keeps ≥ 96 % of the updates HOT while jobs are enqueued one by one', async () => {
  const before = await updates();
  const runs = new Tally();
  const { jobs, stop } = await scene.start({ handlers: [handlerOf(Noop, () => runs.add())], config });
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < JOBS) await jobs.enqueue(Noop, { n: next++ });
  };
  await Promise.all(Array.from({ length: 200 }, caller));
  await runs.reaches(JOBS);
  await stop();
  const after = await updates();
  expect(after.inserted - before.inserted).toBe(JOBS);
  expect(after.updated - before.updated).toBe(2 * JOBS);
  expect((after.hot - before.hot) / (after.updated - before.updated)).toBeGreaterThanOrEqual(0.96);
});

it('would show it if a job touched an index: a failed attempt sets due_at, and is not HOT', async () => {
  const before = await updates();
  const runs = new Tally();
  const handler = handlerOf(Noop, () => {
    runs.add();
    throw new Error('no');
  });
  const { jobs, stop } = await scene.start({ handlers: [handler], config });
  await jobs.enqueueMany(
    Noop,
    Array.from({ length: 100 }, (_, n) => ({ payload: { n }, maxAttempts: 2 })),
  );
  await runs.reaches(100);
  await stop();
  const after = await updates();
  expect(after.hot - before.hot).toBeLessThanOrEqual(after.updated - before.updated - 100);
});
