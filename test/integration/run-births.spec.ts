import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Metrics } from '../../src/kernel/metrics.js';
import { JobEndings, defineJob, type JobContext, type JobEnding } from '../../src/modules/job/index.js';
import { eventually } from '../support/eventually.js';
import { gate, handlerOf, Tally } from '../support/handlers.js';
import { rookeryScene, type AppOptions, type RookeryApp } from '../support/rookery-app.js';

const scene = rookeryScene();
const Task = defineJob({
  name: 'task',
  queue: 'line',
  payload: z.object({ n: z.number().default(0) }),
  backoff: { initial: '1ms', jitter: 'none' },
});
const Other = defineJob({ name: 'other', queue: 'line', payload: z.object({}) });

interface Row {
  readonly status: string;
  readonly run: number;
  readonly attempt: number;
  readonly worker: string | null;
  readonly isDue: boolean;
}

const rowOf = async (id: string) => {
  const [row] = await scene.query<Row>(
    'SELECT status, run, attempt, worker_id AS worker, due_at IS NOT NULL AS "isDue" FROM job WHERE id = $1',
    [id],
  );
  return row;
};

/** How many jobs were asked for by claims so far, of which a job that is born claimed needs none. */
async function claimed({ module }: RookeryApp): Promise<number> {
  const metric = module.get(Metrics).all.find(({ name }) => name === 'rookery_batch_items');
  const samples = (await metric?.read()) ?? [];
  return samples
    .filter(
      ({ metricName, labels }) => metricName?.endsWith('_sum') && labels['statement']?.includes('claim'),
    )
    .reduce((sum, { value }) => sum + value, 0);
}

/** A worker that has looked at all of its table, and waits for tickets. */
async function startIdle(options: AppOptions): Promise<RookeryApp> {
  const app = await scene.start(options);
  await eventually(() => app.transport.isAwaited('line', ['high', 'normal', 'low']));
  // The look of the boot clears the way: until then older jobs may wait in the table.
  await eventually(async () => {
    const before = app.transport.offers.length;
    const { id } = await app.jobs.enqueue(Task, { n: -1 });
    await scene.reaches(id, 'done');
    return app.transport.offers.length === before;
  });
  return app;
}

describe('a job that comes while its worker has nothing to do', () => {
  it('is stored as claimed: executing its first run, with no ticket and no claim', async () => {
    const [started, ends] = [gate<JobContext>(), gate()];
    const app = await startIdle({
      handlers: [
        handlerOf(Task, ({ n }, context) => {
          if (n !== 1) return undefined;
          started.open(context);
          return ends.opened;
        }),
      ],
    });
    const [offers, claims] = [app.transport.offers.length, await claimed(app)];
    const { id } = await app.jobs.enqueue(Task, { n: 1 }, { objectId: 'o', timeout: '9s', maxAttempts: 7 });
    const row = await rowOf(id);
    expect(row).toMatchObject({ status: 'executing', run: 1, attempt: 1, isDue: false });
    const context = await started.opened;
    expect(context).toMatchObject({ id, objectId: 'o', attempt: 1, maxAttempts: 7 });
    ends.open();
    const done = await scene.reaches(id, 'done');
    expect(done).toMatchObject({ run: 1, attempt: 1 });
    expect(Date.parse(done.startedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(done.createdAt));
    expect(app.transport.offers).toHaveLength(offers);
    expect(await claimed(app)).toBe(claims);
    const [flows] = await scene.query(
      'SELECT sum(enqueued)::int AS enqueued, sum(claimed)::int AS claimed, sum(done)::int AS done FROM counter_delta',
    );
    const [jobs] = await scene.query<{ count: number }>('SELECT count(*)::int AS count FROM job');
    expect(flows).toEqual({ enqueued: jobs?.count, claimed: jobs?.count, done: jobs?.count });
  });

  it('begins after whoever enqueued it knows its id', async () => {
    const known = new Set<string>();
    const strangers: string[] = [];
    const all = new Tally();
    const { jobs } = await startIdle({
      handlers: [
        handlerOf(Task, ({ n }, { id }) => {
          if (n > 0 && !known.has(id)) strangers.push(id);
          if (n > 0) all.add();
        }),
      ],
    });
    for (let n = 1; n <= 50; n++) known.add((await jobs.enqueue(Task, { n })).id);
    await all.reaches(50);
    expect(strangers).toEqual([]);
  });

  it('begins outside of the context it was enqueued in, as one that comes by ticket does', async () => {
    const context = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const all = new Tally();
    const app = await startIdle({
      handlers: [
        handlerOf(Task, ({ n }) => {
          if (n < 1) return;
          seen.push(context.getStore());
          all.add();
        }),
      ],
    });
    const offers = app.transport.offers.length;
    await context.run('request', () => app.jobs.enqueue(Task, { n: 1 }));
    await all.reaches(1);
    expect(app.transport.offers).toHaveLength(offers);
    await context.run('request', () => app.jobs.enqueueMany(Task, [{ payload: { n: 2 } }]));
    await all.reaches(2);
    expect(seen).toEqual([undefined, undefined]);
  });

  it('fails, waits for its retry and ends as any other', async () => {
    const { jobs } = await startIdle({
      handlers: [
        handlerOf(Task, ({ n }, { attempt }) => {
          if (n === 1 && attempt === 1) throw new Error('once');
        }),
      ],
    });
    const { id } = await jobs.enqueue(Task, { n: 1 });
    expect(await scene.reaches(id, 'done')).toMatchObject({ run: 2, attempt: 2, history: [{ run: 1 }] });
  });
});

it('the end of a job is told once it is recorded, and nothing of runs after which it waits again', async () => {
  const told: (JobEnding & { readonly stored: string | undefined })[] = [];
  const { jobs, module } = await startIdle({
    handlers: [
      handlerOf(Task, ({ n }, { attempt }) => {
        if (n === 2 || (n === 1 && attempt === 1)) throw new Error('bad');
      }),
    ],
  });
  const all = new Tally();
  module.get(JobEndings).listen((ending) => {
    void rowOf(ending.id).then((row) => {
      told.push({ ...ending, stored: row?.status });
      all.add();
    });
  });
  const retried = await jobs.enqueue(Task, { n: 1 });
  const failed = await jobs.enqueue(Task, { n: 2 }, { maxAttempts: 1 });
  await all.reaches(2);
  expect(told.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual([
    { id: retried.id, status: 'done', stored: 'done' },
    { id: failed.id, status: 'failed', stored: 'failed' },
  ]);
});

describe('jobs wait for a claim', () => {
  it('when there are more of them than free slots', async () => {
    const ends = gate();
    const app = await startIdle({
      handlers: [handlerOf(Task, ({ n }) => (n > 0 ? ends.opened : undefined))],
      config: { defaults: { concurrency: 3 } },
    });
    const offers = app.transport.offers.length;
    const stored = await Promise.all([1, 2, 3, 4].map((n) => app.jobs.enqueue(Task, { n })));
    expect(app.transport.offers.length).toBe(offers + 4);
    ends.open();
    for (const { id } of stored) await scene.reaches(id, 'done');
  });

  it('when none of the slots is free, or the job is another’s or not due', async () => {
    const ends = gate();
    const app = await startIdle({
      handlers: [handlerOf(Task, ({ n }) => (n > 0 ? ends.opened : undefined))],
      config: { defaults: { concurrency: 1 } },
    });
    const others = await app.jobs.enqueue(Other, {});
    expect(await rowOf(others.id)).toMatchObject({ status: 'waiting', worker: null });
    const first = await app.jobs.enqueue(Task, { n: 1 });
    await scene.reaches(first.id, 'executing');
    const second = await app.jobs.enqueue(Task, { n: 2 });
    const later = await app.jobs.enqueue(Task, { n: 3 }, { delay: '1h' });
    expect(await rowOf(second.id)).toMatchObject({ status: 'waiting', run: 0 });
    expect(await rowOf(later.id)).toMatchObject({ status: 'waiting', run: 0, isDue: true });
    ends.open();
    await scene.reaches(second.id, 'done');
  });

  it('when their queue is paused', async () => {
    const app = await startIdle({ handlers: [handlerOf(Task, () => undefined)] });
    await scene.query('UPDATE queue SET paused_at = now()');
    await app.beat();
    const { id } = await app.jobs.enqueue(Task, { n: 1 });
    expect(await rowOf(id)).toMatchObject({ status: 'waiting', run: 0 });
    await scene.query('UPDATE queue SET paused_at = NULL');
    await app.beat();
    await scene.reaches(id, 'done');
  });
});

describe('a job that was stored as claimed, and nobody was told', () => {
  it('runs once, found by its worker', async () => {
    const proxy = await scene.proxy();
    const runs: number[] = [];
    const app = await startIdle({
      databaseUrl: proxy.url,
      handlers: [handlerOf(Task, ({ n }) => void (n > 0 && runs.push(n)))],
    });
    const lost = proxy.loseAnswerTo('insert_claimed_');
    const answers = Promise.all(Array.from({ length: 5 }, (_, n) => app.jobs.enqueue(Task, { n: n + 1 })));
    await lost;
    const ids = (await answers).map(({ id }) => id);
    for (const id of ids) expect(await scene.reaches(id, 'done')).toMatchObject({ run: 1, attempt: 1 });
    expect(runs.toSorted()).toEqual([1, 2, 3, 4, 5]);
    expect(app.health.report()['worker']?.detail).toMatch(/^0 of /);
  });

  it('runs after the enqueue was given up', async () => {
    const proxy = await scene.proxy();
    const ran = new Tally();
    const app = await startIdle({
      databaseUrl: proxy.url,
      handlers: [handlerOf(Task, ({ n }) => void (n > 0 && ran.add()))],
    });
    const lost = proxy.loseAnswerTo('insert_claimed_');
    const answer = app.jobs.enqueue(Task, { n: 1 }).catch((error: { code?: string }) => error.code);
    await lost;
    proxy.cut();
    expect(await answer).toBe('database_unavailable');
    proxy.restore();
    await ran.reaches(1);
    const [stored] = await scene.query<{ id: string }>(
      `SELECT id FROM job WHERE payload = '{"n": 1}' ORDER BY id DESC LIMIT 1`,
    );
    expect(await scene.reaches(stored?.id ?? '', 'done')).toMatchObject({ run: 1 });
  }, 40_000);

  it('is seen to before the worker stops', async () => {
    const started = new Tally();
    const app = await startIdle({ handlers: [handlerOf(Task, ({ n }) => void (n > 0 && started.add()))] });
    const answers = Promise.all([1, 2, 3].map((n) => app.jobs.enqueue(Task, { n })));
    await new Promise((resolve) => setImmediate(resolve));
    const stopped = app.stop();
    const ids = (await answers).map(({ id }) => id);
    await stopped;
    for (const id of ids) expect((await scene.job(id)).status).not.toBe('executing');
  });
});
