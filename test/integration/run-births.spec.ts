import { AsyncLocalStorage } from 'node:async_hooks';
import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { IdGenerator } from '../../src/kernel/ids.js';
import {
  JobEndings,
  JobEnqueuer,
  defineJob,
  type JobContext,
  type JobEnding,
  type NewJob,
} from '../../src/modules/job/index.js';
import { eventually } from '../support/eventually.js';
import { gate, handlerOf, Tally } from '../support/handlers.js';
import { claimedIn, startIdle as startIdleIn } from '../support/idle-worker.js';
import { idAgo } from '../support/job-tables.js';
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

const startIdle = (options: AppOptions): Promise<RookeryApp> => startIdleIn(scene, Task, options);

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
    const [offers, claims] = [app.transport.offers.length, await claimedIn(app)];
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
    expect(await claimedIn(app)).toBe(claims);
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

  /** A job whose id was made so many ms ago. */
  const madeAgo = (ms: number): NewJob => ({
    id: idAgo(ms),
    queue: 'line',
    name: 'task',
    lane: 'normal',
    maxAttempts: 1,
    payload: '{"n":1}',
  });

  it('whose id is old by then is born with due_at, and executing all the same', async () => {
    const ends = gate();
    const app = await startIdle({
      handlers: [handlerOf(Task, ({ n }) => (n === 1 ? ends.opened : undefined))],
    });
    const job = madeAgo(11_000);
    await app.module.get(JobEnqueuer).enqueue(job);
    expect(await rowOf(job.id)).toMatchObject({ status: 'executing', run: 1, isDue: true });
    ends.open();
    await scene.reaches(job.id, 'done');
  });

  it('gives its slot back when it is refused because of the clock', async () => {
    const app = await startIdle({
      handlers: [handlerOf(Task, () => undefined)],
      config: { defaults: { concurrency: 1 } },
    });
    const refused = app.module.get(JobEnqueuer).enqueue(madeAgo(2 * 86_400_000));
    await expect(refused).rejects.toMatchObject({ code: 'clock_skew' });
    const { id } = await app.jobs.enqueue(Task, { n: 2 });
    expect(await scene.reaches(id, 'done')).toMatchObject({ run: 1 });
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

/** Jobs one by one into a worker of this many slots; those with n > 0 are kept in the order they began, as `n` or `n again`. */
async function startKept(concurrency: number, databaseUrl?: string) {
  const begun: (number | string)[] = [];
  const first = gate();
  const app = await startIdle({
    ...(databaseUrl !== undefined && { databaseUrl }),
    handlers: [
      handlerOf(Task, async ({ n }, { run }) => {
        if (n > 0) begun.push(run === 1 ? n : `${n} again`);
        if (n === 1) await first.opened;
      }),
    ],
    config: { defaults: { concurrency } },
  });
  const enqueue = (n: number) => app.jobs.enqueue(Task, { n });
  const isIdle = () => eventually(() => /^0 of /.test(app.health.report()['worker']?.detail ?? ''));
  return { app, begun, first, enqueue, isIdle };
}

/** Keeps inserts from going on until the test lets them; answers how many wait. */
async function holdInserts() {
  const holder = new Client({ connectionString: scene.database.url });
  await holder.connect();
  const [day] = await scene.query<{ name: string }>(
    `SELECT tableoid::regclass::text AS name FROM job ORDER BY id DESC LIMIT 1`,
  );
  await holder.query(`BEGIN; LOCK TABLE ${day?.name} IN EXCLUSIVE MODE`);
  const held = () =>
    scene.query<{ pid: number; name: string }>(
      `SELECT pid, application_name AS name FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND application_name LIKE 'rookery:enqueue%' ORDER BY 2`,
    );
  return {
    /** Waits for so many inserts to be held. */
    until: (count: number) => eventually(async () => (await held()).length === count),
    /** Ends the session of the first connection, with its insert. */
    breakFirst: async () => {
      const [first] = await held();
      await scene.query('SELECT pg_terminate_backend($1, 5000)', [first?.pid]);
    },
    letGo: () => holder.end(),
  };
}

describe('a job that was stored as claimed, and nobody was told', () => {
  it('runs once, by the repeat of its insert', async () => {
    const proxy = await scene.proxy();
    const { begun, first, enqueue, isIdle } = await startKept(5, proxy.url);
    first.open();
    const lost = proxy.loseAnswerTo('insert_claimed_');
    const answers = Promise.all([1, 2, 3, 4, 5].map(enqueue));
    await lost;
    const ids = (await answers).map(({ id }) => id);
    for (const id of ids) expect(await scene.reaches(id, 'done')).toMatchObject({ run: 1, attempt: 1 });
    expect(begun).toEqual([1, 2, 3, 4, 5]);
    await isIdle();
  });

  it('runs after the enqueue was given up, uncharged for the run that never began', async () => {
    const proxy = await scene.proxy();
    const { app, begun, enqueue, isIdle } = await startKept(5, proxy.url);
    const lost = proxy.loseAnswerTo('insert_claimed_');
    const answer = enqueue(2).catch((error: { code?: string }) => error.code);
    await lost;
    proxy.cut();
    expect(await answer).toBe('database_unavailable');
    proxy.restore();
    const [stored] = await scene.query<{ id: string }>(
      `SELECT id FROM job WHERE payload = '{"n": 2}' ORDER BY id DESC LIMIT 1`,
    );
    const done = await scene.reaches(stored?.id ?? '', 'done', 20_000);
    expect(done).toMatchObject({ run: 2, attempt: 1, history: [{ run: 1, outcome: 'interrupted' }] });
    expect(begun).toEqual(['2 again']);
    await isIdle();
    expect(app.refusals()).toBe(0);
  }, 40_000);

  it('is seen to before the worker stops', async () => {
    const { app, first, enqueue } = await startKept(5);
    first.open();
    const answers = Promise.all([1, 2, 3].map(enqueue));
    await new Promise((resolve) => setImmediate(resolve));
    const stopped = app.stop();
    const ids = (await answers).map(({ id }) => id);
    await stopped;
    for (const id of ids) expect((await scene.job(id)).status).not.toBe('executing');
  });
});

describe('an insert as claimed that failed', () => {
  it('is repeated, and every job of it runs once', async () => {
    const { begun, first, enqueue, isIdle } = await startKept(5);
    first.open();
    const inserts = await holdInserts();
    const answers = Promise.all([1, 2, 3].map(enqueue));
    await inserts.until(1);
    await inserts.breakFirst();
    await inserts.letGo();
    for (const { id } of await answers) expect(await scene.reaches(id, 'done')).toMatchObject({ run: 1 });
    expect(begun).toEqual([1, 2, 3]);
    await isIdle();
  });

  it('for one bad job refuses that one, and runs the others once', async () => {
    const { app, begun, first, isIdle } = await startKept(5);
    first.open();
    const enqueuer = app.module.get(JobEnqueuer);
    const answers = await Promise.allSettled(
      [1, 2, 3, 4, 5].map((n) =>
        enqueuer.enqueue({
          id: app.module.get(IdGenerator).next(),
          queue: 'line',
          name: 'task',
          lane: 'normal',
          maxAttempts: 3,
          payload: n === 3 ? '"\\u0000"' : `{"n": ${n}}`,
        }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
    await eventually(() => begun.length === 4);
    expect(begun.toSorted()).toEqual([1, 2, 4, 5]);
    await isIdle();
    // That nothing of it was stored is known, and nobody has to be asked.
    expect(app.refusals()).toBe(0);
  });
});

describe('with one slot, jobs begin in the order they were enqueued', () => {
  it('also when those before are stored at that moment, and are to wait', async () => {
    const { begun, first, enqueue } = await startKept(1);
    first.open();
    const inserts = await holdInserts();
    // Two at once are more than there are slots for.
    const before = [1, 2].map(enqueue);
    await inserts.until(1);
    const after = enqueue(3);
    await inserts.until(2);
    await inserts.letGo();
    const [last] = await Promise.all([after, ...before]);
    await scene.reaches(last.id, 'done');
    expect(begun).toEqual([1, 2, 3]);
  });

  it('also when the connection of those before breaks, and they are stored later', async () => {
    const { begun, first, enqueue } = await startKept(1);
    await enqueue(1);
    await eventually(() => begun.length === 1);
    const inserts = await holdInserts();
    const before = enqueue(2);
    await inserts.until(1);
    const after = enqueue(3);
    await inserts.until(2);
    await inserts.breakFirst();
    await inserts.letGo();
    const [last] = await Promise.all([after, before]);
    first.open();
    await scene.reaches(last.id, 'done');
    expect(begun).toEqual([1, 2, 3]);
  });
});
