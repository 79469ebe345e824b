import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { defineJob, type JobOptions, type PayloadInput } from '../../src/modules/job/index.js';
import type { JobService } from '../../src/modules/job/index.js';
import { handlerOf } from '../support/handlers.js';
import { rookeryScene, startApp, type RookeryApp } from '../support/rookery-app.js';

const scene = rookeryScene();
const Mail = defineJob({
  name: 'mail',
  queue: 'post',
  lane: 'low',
  maxAttempts: 7,
  payload: z.object({ to: z.email(), copies: z.number().int().default(1), at: z.string().optional() }),
});

let app: RookeryApp;
let jobs: JobService;
beforeAll(async () => {
  app = await startApp({ databaseUrl: scene.database.url, types: [Mail], hasWorker: false });
  ({ jobs } = app);
});
afterAll(() => app.stop());

const countJobs = async () => (await scene.query<{ n: number }>('SELECT count(*)::int AS n FROM job'))[0]?.n;
const refusal = async (asked: Promise<unknown>) =>
  asked.then(
    () => 'stored',
    (error: { code?: string; details?: { issues?: { path: string }[] } }) => ({
      code: error.code,
      paths: error.details?.issues?.map(({ path }) => path),
    }),
  );

describe('enqueue', () => {
  it('stores the validated payload with the type’s defaults, durably, and offers its ticket', async () => {
    const { id, status, isRepeat } = await jobs.enqueue(Mail, { to: 'a@example.org' });
    expect({ status, isRepeat }).toEqual({ status: 'waiting', isRepeat: false });
    expect(await scene.job(id)).toMatchObject({
      name: 'mail',
      queue: 'post',
      lane: 'low',
      status: 'waiting',
      run: 0,
      attempt: 0,
      maxAttempts: 7,
      payload: { to: 'a@example.org', copies: 1 },
      dueAt: null,
      timeoutMs: null,
    });
    expect(app.transport.offers.at(-1)).toEqual({ queue: 'post', lane: 'low', ids: [id] });
  });

  it('takes the payload’s type from its schema', () => {
    expectTypeOf<PayloadInput<typeof Mail>>().toEqualTypeOf<{
      to: string;
      copies?: number | undefined;
      at?: string | undefined;
    }>();
    // @ts-expect-error a number is no address
    const wrong = () => jobs.enqueue(Mail, { to: 1 });
    expect(wrong).toBeDefined();
  });

  it('lets the job say its lane, attempts, timeout and object', async () => {
    const options = { lane: 'high', maxAttempts: 2, timeout: '1.5s', objectId: 'o-1' } as const;
    const { id } = await jobs.enqueue(Mail, { to: 'a@example.org' }, options);
    expect(await scene.job(id)).toMatchObject({
      lane: 'high',
      maxAttempts: 2,
      timeoutMs: 1_500,
      objectId: 'o-1',
    });
  });

  it('stores a delayed job with its due time and offers no ticket', async () => {
    const before = app.transport.offers.length;
    const runAt = new Date(app.database.clock.now() + 3_600_000);
    const delayed = await jobs.enqueue(Mail, { to: 'a@example.org' }, { delay: '1h' });
    const planned = await jobs.enqueue(Mail, { to: 'a@example.org' }, { runAt });
    const dueAt = Date.parse((await scene.job(delayed.id)).dueAt ?? '');
    expect(dueAt - Date.parse((await scene.job(delayed.id)).createdAt)).toBeGreaterThanOrEqual(3_600_000 - 5);
    expect((await scene.job(planned.id)).dueAt).toBe(runAt.toISOString());
    expect(app.transport.offers).toHaveLength(before);
  });

  it('takes a time in the past as at once', async () => {
    const { id } = await jobs.enqueue(Mail, { to: 'a@example.org' }, { runAt: new Date(0) });
    expect((await scene.job(id)).dueAt).toBeNull();
  });

  it('names each failing path of a payload, and stores nothing', async () => {
    const before = await countJobs();
    const bad = { to: 'nobody', copies: 'many' } as never;
    expect(await refusal(jobs.enqueue(Mail, bad))).toEqual({
      code: 'invalid_payload',
      paths: ['payload.to', 'payload.copies'],
    });
    expect(await countJobs()).toBe(before);
  });

  it.each([
    ['lane', { lane: 'fast' }],
    ['maxAttempts', { maxAttempts: 0 }],
    ['maxAttempts', { maxAttempts: 1e9 }],
    ['maxAttempts', { maxAttempts: 1.5 }],
    ['timeout', { timeout: 0 }],
    ['timeout', { timeout: '25d' }],
    ['timeout', { timeout: 'soon' }],
    ['delay', { delay: -1 }],
    ['delay', { delay: '4000d' }],
    ['runAt', { runAt: new Date(Number.NaN) }],
    ['runAt', { delay: 1, runAt: new Date(0) }],
    ['objectId', { objectId: '' }],
    ['objectId', { objectId: 'x'.repeat(513) }],
    ['objectId', { objectId: 'a\u0000b' }],
    ['objectId', { objectId: '\ud800' }],
    ['retryOf', { retryOf: '42' }],
    ['Idempotency-Key', { idempotencyKey: '' }],
    ['Idempotency-Key', { idempotencyKey: 'x'.repeat(256) }],
  ])('refuses a bad %s: %o', async (path, options) => {
    const asked = jobs.enqueue(Mail, { to: 'a@example.org' }, options as JobOptions);
    expect(await refusal(asked)).toEqual({ code: 'invalid_request', paths: [path] });
  });

  it('tells an unknown name and the names there are', async () => {
    await expect(jobs.enqueueByName('male', {})).rejects.toMatchObject({
      code: 'unknown_job_name',
      details: { known: ['mail'] },
    });
  });

  it('lets prepare change payload and options before the job is stored, and refuse it', async () => {
    const Prepared = defineJob({
      name: 'prepared',
      payload: z.object({ user: z.string() }),
      prepare: (payload, options) => {
        if (payload.user === 'nobody') throw new Error('there is no such user');
        return {
          payload: { user: payload.user.toUpperCase() },
          options: { ...options, objectId: payload.user },
        };
      },
    });
    const { id } = await jobs.enqueue(Prepared, { user: 'ada' }, { lane: 'high' });
    expect(await scene.job(id)).toMatchObject({ payload: { user: 'ADA' }, objectId: 'ada', lane: 'high' });
    await expect(jobs.enqueue(Prepared, { user: 'nobody' })).rejects.toThrow('there is no such user');
  });
});

describe('enqueueMany', () => {
  const items = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ payload: { to: `n${n}@example.org` } }));

  it('stores all jobs and answers their ids in order; 1,300 of them in one transaction', async () => {
    const offered = app.transport.offeredIds.length;
    const ids = await jobs.enqueueMany(Mail, items(1_300));
    expect(ids).toEqual(ids.toSorted());
    const rows = await scene.query<{ id: string; to: string; transaction: string }>(
      `SELECT id, payload ->> 'to' AS to, xmin::text AS transaction FROM job WHERE id = ANY ($1) ORDER BY id`,
      [ids],
    );
    expect(rows.map(({ to }) => to)).toEqual(items(1_300).map(({ payload }) => payload.to));
    expect(new Set(rows.map(({ transaction }) => transaction)).size).toBe(1);
    expect(app.transport.offeredIds.slice(offered)).toEqual(ids);
  });

  it('gives few jobs a ticket each and many jobs tickets of 25', async () => {
    const sizes = async (count: number) => {
      const before = app.transport.offers.length;
      await jobs.enqueueMany(Mail, items(count));
      return app.transport.offers.slice(before).map(({ ids }) => ids.length);
    };
    expect(await sizes(50)).toEqual(Array(50).fill(1));
    expect(await sizes(60)).toEqual([25, 25, 10]);
  });

  it('stores nothing when one job is invalid, and names every bad one by its place', async () => {
    const before = await countJobs();
    const mixed = [
      ...items(2),
      { payload: { to: 'x' } },
      { payload: { to: 'a@example.org' }, maxAttempts: 0 },
    ];
    expect(await refusal(jobs.enqueueMany(Mail, mixed))).toEqual({
      code: 'invalid_payload',
      paths: ['[2].payload.to', '[3].maxAttempts'],
    });
    expect(await countJobs()).toBe(before);
  });

  it('takes none for an answer', async () => {
    expect(await jobs.enqueueMany(Mail, [])).toEqual([]);
  });

  it('stores jobs of several types, queues and lanes in one statement, each as it asked', async () => {
    const Other = defineJob({ name: 'other', payload: z.object({}) });
    const requests = [
      { type: Mail, payload: { to: 'a@example.org' }, options: { timeout: 'none' as const } },
      { type: Other, payload: {}, options: { objectId: 'with "quotes", {braces} and \\' } },
      { type: Other, payload: {}, options: { lane: 'high' as const, delay: '1h' } },
    ];
    const ids = await jobs.enqueueRequests(requests);
    const found = [];
    for (const id of ids) found.push(await scene.job(id));
    expect(found).toMatchObject([
      { name: 'mail', queue: 'post', lane: 'low', timeoutMs: 0, objectId: null },
      {
        name: 'other',
        queue: 'other',
        lane: 'normal',
        timeoutMs: null,
        objectId: 'with "quotes", {braces} and \\',
      },
      { lane: 'high' },
    ]);
    expect(found.map(({ dueAt }) => dueAt === null)).toEqual([true, true, false]);
  });
});

describe('ids', () => {
  it('rise in the order of the calls, across single and bulk enqueues', async () => {
    const answers = await Promise.all(
      Array.from({ length: 300 }, async () => jobs.enqueue(Mail, { to: 'a@example.org' })),
    );
    const ids = answers.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted());
  });

  it.each([1, 2])(
    'more than a day off the database’s clock are refused as clock_skew, %i in a statement',
    async (count) => {
      const skewed = await scene.start({ types: [Mail], hasWorker: false });
      const { clock } = skewed.database;
      const now = clock.now();
      // The clock as it would be had the database been two days behind when it was last asked.
      clock.synchronize(now - 2 * 86_400_000, now - clock.offset, now - clock.offset);
      const before = await countJobs();
      const asked = Array.from({ length: count }, () => skewed.jobs.enqueue(Mail, { to: 'a@example.org' }));
      const answers = await Promise.allSettled(asked);
      expect(answers).toMatchObject(
        asked.map(() => ({ status: 'rejected', reason: { code: 'clock_skew' } })),
      );
      expect(await countJobs()).toBe(before);
    },
  );
});

describe('a full circle', () => {
  it('runs what another process enqueued', async () => {
    await scene.query('DELETE FROM job');
    const { id } = await jobs.enqueue(Mail, { to: 'a@example.org', copies: 3 });
    await scene.start({ handlers: [handlerOf(Mail, ({ copies }) => copies)] });
    expect(await scene.reaches(id, 'done')).toMatchObject({ result: 3 });
  });
});
