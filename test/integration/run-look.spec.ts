import { DataSource } from 'typeorm';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { JobEnqueuer, defineJob, type NewJob } from '../../src/modules/job/index.js';
import { gate, handlerOf, Tally } from '../support/handlers.js';
import { idAgo } from '../support/job-tables.js';
import { rookeryScene, type AppOptions } from '../support/rookery-app.js';

const scene = rookeryScene();
const Task = defineJob({
  name: 'task',
  payload: z.object({}),
  backoff: { initial: '1ms', jitter: 'none' },
});
const items = (count: number) => Array.from({ length: count }, () => ({ payload: {} }));
const rarely = { config: { defaults: { pollInterval: '1h' } } } as const;
const ABOVE_ALL = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

afterEach(() =>
  scene.query(`DELETE FROM job; UPDATE queue SET watermark = '00000000-0000-0000-0000-000000000000'`),
);

/** An app whose tickets are all lost, and the count of its runs. */
async function start(options: AppOptions = {}, handle: () => unknown = () => undefined) {
  const runs = new Tally();
  const handler = handlerOf(Task, async () => {
    await handle();
    runs.add();
  });
  const app = await scene.start({ handlers: [handler], ...options });
  return { ...app, runs };
}

describe('with every ticket lost', () => {
  it('all jobs run: of every lane, delayed, and tried again', async () => {
    let failures = 30;
    const { jobs, transport, runs } = await start({}, () => {
      if (failures-- > 0) throw new Error('not yet');
    });
    transport.isDeaf = true;
    await jobs.enqueueMany(Task, items(100));
    for (const lane of ['high', 'low'] as const) await jobs.enqueue(Task, {}, { lane });
    await jobs.enqueue(Task, {}, { delay: '200ms' });
    await runs.reaches(103);
    await expect.poll(() => scene.query('SELECT DISTINCT status FROM job')).toEqual([{ status: 'done' }]);
    expect(transport.stats.taken).toBe(0);
  });

  it('a job is left to its ticket for one poll interval, for tickets are quicker', async () => {
    const { jobs, transport, runs } = await start(rarely);
    const control = await jobs.enqueue(Task, {});
    await scene.reaches(control.id, 'done');
    transport.isDeaf = true;
    const { id } = await jobs.enqueue(Task, {});
    transport.isDeaf = false;
    const next = await jobs.enqueue(Task, {});
    await scene.reaches(next.id, 'done');
    expect((await scene.job(id)).status).toBe('waiting');
    expect(runs.count).toBe(2);
  });
});

describe('with the table as the only transport', () => {
  it('all jobs run: fresh, delayed, and tried again, in order with one slot', async () => {
    const order: string[] = [];
    let failures = 5;
    const handler = handlerOf(Task, (_, { objectId = '' }) => {
      if (failures-- > 0) throw new Error('not yet');
      order.push(objectId);
    });
    const { jobs } = await scene.start({
      handlers: [handler],
      transport: 'table-only',
      config: { defaults: { concurrency: 1 } },
    });
    const retried = await jobs.enqueueMany(Task, items(5));
    for (const id of retried) await scene.reaches(id, 'done');
    order.length = 0;
    const ids = await jobs.enqueueMany(
      Task,
      Array.from({ length: 50 }, (_, n) => ({ payload: {}, objectId: String(n).padStart(2, '0') })),
    );
    for (const id of ids) await scene.reaches(id, 'done');
    expect(order).toEqual(order.toSorted());
  });

  it('several workers share them, each job once', async () => {
    const one = await start({ transport: 'table-only' });
    const two = await start({ transport: 'table-only' });
    await one.jobs.enqueueMany(Task, items(400));
    await expect
      .poll(() => scene.query(`SELECT status, run, count(*)::int AS n FROM job GROUP BY 1, 2`))
      .toEqual([{ status: 'done', run: 1, n: 400 }]);
    expect(one.runs.count + two.runs.count).toBe(400);
  });
});

describe('the look at once', () => {
  it('is taken at boot: what waited before runs without a wait for the poll interval', async () => {
    const producer = await scene.start({ types: [Task], hasWorker: false });
    const ids = await producer.jobs.enqueueMany(Task, items(20));
    const due = await producer.jobs.enqueue(Task, {}, { delay: '1ms' });
    await producer.stop();
    await start(rarely);
    for (const id of [...ids, due.id]) await scene.reaches(id, 'done');
  });

  it('goes on from where it stopped, through more jobs than one page and one set of slots', async () => {
    const producer = await scene.start({ types: [Task], hasWorker: false });
    await producer.jobs.enqueueMany(Task, items(2_500));
    const { runs } = await start({ config: { defaults: { pollInterval: '1h', concurrency: 100 } } });
    await runs.reaches(2_500);
    await expect
      .poll(() => scene.query('SELECT status, run, count(*)::int AS n FROM job GROUP BY 1, 2'))
      .toEqual([{ status: 'done', run: 1, n: 2_500 }]);
  });

  it('is taken when tickets were dropped, again and again until what they named is found', async () => {
    const producer = await scene.start({ types: [Task], hasWorker: false });
    const waiting = await producer.jobs.enqueue(Task, {});
    const hangs = gate();
    const hanging: { until?: Promise<void> } = {};
    const { jobs, transport, runs } = await start({ ...rarely, maxTicketIds: 10 }, () => hanging.until);
    // Found by the look of the boot, so the next one is an hour away.
    await scene.reaches(waiting.id, 'done');
    hanging.until = hangs.opened;
    await jobs.enqueueMany(Task, items(100));
    await expect.poll(() => transport.stats.dropped).toBeGreaterThan(0);
    hangs.open();
    await runs.reaches(101);
  });

  it('for retries does not wait behind fresh jobs that found no slot', async () => {
    const hangs = gate();
    const producer = await scene.start({ types: [Task], hasWorker: false });
    const retry = await producer.jobs.enqueue(Task, {}, { lane: 'low' });
    await producer.jobs.enqueueMany(Task, items(10));
    await scene.query('UPDATE job SET attempt = 1, run = 1, due_at = now() WHERE id = $1', [retry.id]);
    const handler = handlerOf(Task, (_, { run }) => (run === 1 ? hangs.opened : 'retried'));
    await scene.start({
      handlers: [handler],
      config: { defaults: { concurrency: 2 } },
      transport: 'table-only',
    });
    await scene.reaches(retry.id, 'done');
    const late = await producer.jobs.enqueue(Task, {});
    await scene.query('UPDATE job SET attempt = 1, run = 1, due_at = now() WHERE id = $1', [late.id]);
    await scene.reaches(late.id, 'done');
    hangs.open();
  });
});

describe('behind the watermark', () => {
  it('a job whose caller’s transaction commits late still runs, with its offer lost; one without due_at would not', async () => {
    const source = await new DataSource({ type: 'postgres', url: scene.database.url }).initialize();
    try {
      const { jobs, transport } = await start();
      transport.isDeaf = true;
      const overtaken = await jobs.enqueue(Task, {}, { delay: '1h' });
      const late = await source.transaction(async (manager) => {
        const job = await jobs.enqueue(Task, {}, { manager });
        await scene.query('UPDATE queue SET watermark = $1', [ABOVE_ALL]);
        return job.id;
      });
      await scene.reaches(late, 'done');
      // The control: the invariant is needed, for the look does not read below the watermark.
      await scene.query('UPDATE job SET due_at = NULL WHERE id = $1', [overtaken.id]);
      const another = await source.transaction((manager) => jobs.enqueue(Task, {}, { manager }));
      await scene.reaches(another.id, 'done');
      expect((await scene.job(overtaken.id)).status).toBe('waiting');
    } finally {
      await source.destroy();
    }
  });

  it('a job that failed and waits again still runs', async () => {
    let fails = true;
    const { jobs, transport } = await start({}, () => {
      if (!fails) return;
      fails = false;
      throw new Error('once');
    });
    transport.isDeaf = true;
    const { id } = await jobs.enqueue(Task, {}, { delay: '1ms' });
    await scene.query('UPDATE queue SET watermark = $1', [ABOVE_ALL]);
    expect(await scene.reaches(id, 'done')).toMatchObject({ run: 2 });
  });

  it('a job that was canceled and is retried by hand still runs', async () => {
    const { jobs, transport } = await start();
    transport.isDeaf = true;
    const { id } = await jobs.enqueue(Task, {}, { delay: '1h' });
    await scene.query('UPDATE queue SET watermark = $1', [ABOVE_ALL]);
    await jobs.cancel(id);
    await jobs.retry(id);
    await scene.reaches(id, 'done');
  });

  it('a job that was interrupted by a shutdown still runs', async () => {
    const started = gate();
    const hangs = gate();
    const { jobs, stop } = await start({}, () => (started.open(), hangs.opened));
    const { id } = await jobs.enqueue(Task, {});
    await started.opened;
    await scene.query('UPDATE queue SET watermark = $1', [ABOVE_ALL]);
    await stop();
    await start();
    await scene.reaches(id, 'done');
    hangs.open();
  });
});

describe('an id that is old when its INSERT runs', () => {
  it.each([
    { how: 'alone', count: 1 },
    { how: 'together with another', count: 2 },
  ])('has its row born with due_at from 10 s on, and not before: stored $how', async ({ count }) => {
    const app = await scene.start({ types: [Task], hasWorker: false });
    const enqueuer = app.module.get(JobEnqueuer);
    const made = (agoMs: number): NewJob[] =>
      Array.from({ length: count }, () => ({
        id: idAgo(agoMs),
        queue: 'task',
        name: 'task',
        lane: 'normal',
        maxAttempts: 1,
        payload: '{}',
      }));
    const [late, early] = [made(11_000), made(8_000)];
    // Those that come in one turn are stored by one statement.
    for (const jobs of [late, early]) await Promise.all(jobs.map((job) => enqueuer.enqueue(job)));
    for (const { id } of late) expect((await scene.job(id)).dueAt).not.toBeNull();
    for (const { id } of early) expect((await scene.job(id)).dueAt).toBeNull();
    await scene.query('UPDATE queue SET watermark = $1', [ABOVE_ALL]);
    await start();
    for (const { id } of late) await scene.reaches(id, 'done');
  });
});
