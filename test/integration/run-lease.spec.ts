import { hostname } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { IdGenerator } from '../../src/kernel/ids.js';
import { Lifecycle } from '../../src/kernel/lifecycle.js';
import { defineJob, type AbortReason, type JobContext } from '../../src/modules/job/index.js';
import { aborted, gate, handlerOf, Tally, type Gate } from '../support/handlers.js';
import { rookeryScene, type AppOptions, type RookeryApp } from '../support/rookery-app.js';

const scene = rookeryScene();
const Impatient = defineJob({ name: 'impatient', payload: z.object({}), backoff: { initial: '10ms' } });
const Task = defineJob({ name: 'task', payload: z.object({}), timeout: 'none', maxAttempts: 5 });

interface Held extends RookeryApp {
  readonly ids: readonly string[];
  /** Why each run's signal aborted, in the order they did. */
  readonly causes: string[];
  /** Lets the handlers return. */
  readonly ends: Gate;
}

const gates: Gate[] = [];
afterEach(async () => {
  for (const ends of gates.splice(0)) ends.open();
  await scene.query('DELETE FROM job');
});

/** An app with `count` runs whose handlers go on until the test ends them, whatever their signals say. */
async function holding(count: number, options: AppOptions = {}): Promise<Held> {
  const started = new Tally();
  const ends = gate();
  gates.push(ends);
  const causes: string[] = [];
  const handle = async (_: unknown, { signal }: JobContext): Promise<string> => {
    started.add();
    void aborted(signal).then((reason) => causes.push((reason as AbortReason).abortedBy));
    await ends.opened;
    return 'late';
  };
  const app = await scene.start({
    config: { worker: { timeoutGrace: '10m' } },
    ...options,
    handlers: [handlerOf(Task, handle)],
  });
  const ids = await app.jobs.enqueueMany(
    Task,
    Array.from({ length: count }, () => ({ payload: {} })),
  );
  await started.reaches(count);
  return { ...app, ids, causes, ends };
}

const workers = () =>
  scene.query<{ id: string; isLost: boolean; isStopped: boolean }>(
    'SELECT id, lost_at IS NOT NULL AS "isLost", stopped_at IS NOT NULL AS "isStopped" FROM worker ORDER BY started_at DESC',
  );

/** What the rescue does with the runs of lost workers. */
const rescue = () =>
  scene.query(
    `UPDATE job SET status = 'waiting', due_at = now() FROM worker
      WHERE worker.id = job.worker_id AND status = 'executing' AND (lost_at IS NOT NULL OR stopped_at IS NOT NULL)`,
  );

describe('the fence', () => {
  it('refuses the outcome of a run that another has followed; the row stays as it is', async () => {
    const { ids, ends, refusals, module } = await holding(1);
    const [id = ''] = ids;
    const elsewhere = module.get(IdGenerator).next();
    await scene.query('UPDATE job SET run = 2, worker_id = $2 WHERE id = $1', [id, elsewhere]);
    ends.open();
    await expect.poll(refusals).toBe(1);
    expect(await scene.job(id)).toMatchObject({
      status: 'executing',
      run: 2,
      workerId: elsewhere,
      result: null,
    });
    expect(scene.log.some((line) => line.includes(id) && line.includes('too late'))).toBe(true);
  });

  it('aborts a stale run as lost with the next heartbeat, and no other', async () => {
    const { ids, causes, ends, beat, refusals } = await holding(3);
    await scene.query('UPDATE job SET run = 2 WHERE id = $1', [ids[1]]);
    await beat();
    await expect.poll(() => causes).toEqual(['lost']);
    ends.open();
    await scene.reaches(ids[0] ?? '', 'done');
    await scene.reaches(ids[2] ?? '', 'done');
    await expect.poll(refusals).toBe(1);
  });

  it.each([
    ['is done', `status = 'done', finished_at = now()`],
    ['waits again', `status = 'waiting', due_at = now() + interval '1 h'`],
    ['is of another worker', `worker_id = gen_random_uuid()`],
  ])('aborts a run whose job %s', async (_, change) => {
    const { ids, causes, beat, ends } = await holding(1);
    await scene.query(`UPDATE job SET ${change} WHERE id = $1`, [ids[0]]);
    await beat();
    await expect.poll(() => causes).toEqual(['lost']);
    ends.open();
  });

  it('aborts a run whose job is gone', async () => {
    const { ids, causes, beat, ends } = await holding(1);
    await scene.query('DELETE FROM job WHERE id = $1', [ids[0]]);
    await beat();
    await expect.poll(() => causes).toEqual(['lost']);
    ends.open();
  });
});

/** An app whose worker loses its lease while a job's first run does what `handle` says; the job has been charged for it, and run again, by then. */
async function lostMidRun(handle: (ctx: JobContext) => Promise<unknown>): Promise<RookeryApp> {
  const first = new Tally();
  const handler = handlerOf(Impatient, async (_, ctx) => {
    if (ctx.run > 1) return ctx.run;
    first.add();
    return handle(ctx);
  });
  const app = await scene.start({ handlers: [handler] });
  const { id } = await app.jobs.enqueue(Impatient, {});
  await first.reaches(1);
  const [old] = await workers();
  // Nobody rescues here.
  await scene.query('UPDATE worker SET lost_at = now() WHERE id = $1', [old?.id]);
  await app.beat();
  const job = await scene.reaches(id, 'done');
  expect(job).toMatchObject({ run: 2, attempt: 2, result: 2 });
  expect(job.history).toMatchObject([{ outcome: 'lost', run: 1, worker: old?.id }]);
  return app;
}

describe('a lease', () => {
  it('is a row that tells who the worker is and how busy', async () => {
    const { beat, ends } = await holding(2, {
      config: { defaults: { concurrency: 4, retryConcurrency: 3 }, worker: { timeoutGrace: '10m' } },
    });
    const row = async () => {
      await beat();
      const [found] = await scene.query(
        'SELECT host, pid, entry, queues, types, slots, visibility_timeout_ms AS visibility FROM worker ORDER BY started_at DESC LIMIT 1',
      );
      return found;
    };
    const queue = { concurrency: 4, retryConcurrency: 3, busy: 2, retryBusy: 0, stuck: 0 };
    // A claim under way has its slots, too.
    await expect.poll(row).toEqual({
      host: hostname(),
      pid: process.pid,
      entry: 'worker',
      queues: ['task'],
      types: ['task'],
      slots: { total: 7, busy: 2, stuck: 0, isDraining: false, queues: { task: queue } },
      visibility: 30_000,
    });
    ends.open();
  });

  it('is renewed by a heartbeat, one row however many jobs', async () => {
    const { beat, ends } = await holding(10);
    const seen = () =>
      scene.query<{ seen_at: Date }>('SELECT seen_at FROM worker ORDER BY started_at DESC LIMIT 1');
    const [before] = await seen();
    await beat();
    const [after] = await seen();
    expect(Number(after?.seen_at) - Number(before?.seen_at)).toBeGreaterThan(0);
    ends.open();
  });

  it('that was lost aborts every run; the worker goes on under a new id and its jobs run again', async () => {
    const { ids, causes, ends, beat, health, refusals } = await holding(3);
    const [old] = await workers();
    await scene.query('UPDATE worker SET lost_at = now() WHERE id = $1', [old?.id]);
    await beat();
    await expect.poll(() => causes).toEqual(['lost', 'lost', 'lost']);
    const [fresh, former] = await workers();
    expect(former).toEqual({ id: old?.id, isLost: true, isStopped: false });
    expect(fresh).toMatchObject({ isLost: false, isStopped: false });
    expect(health.report()['worker']).toMatchObject({ isReady: true });
    await rescue();
    // The new runs are of the new id, while the handlers of the old ones still go on.
    for (const id of ids) {
      await expect
        .poll(() => scene.job(id))
        .toMatchObject({ status: 'executing', run: 2, workerId: fresh?.id });
    }
    ends.open();
    for (const id of ids)
      expect(await scene.reaches(id, 'done')).toMatchObject({ run: 2, attempt: 2, workerId: fresh?.id });
    await expect.poll(refusals).toBe(3);
    await beat();
    expect((await workers())[1]).toMatchObject({ id: old?.id, isStopped: true });
  });

  it('that was lost leaves its runs executing until their handlers have ended, to be met as orphans', async () => {
    const { ids, ends, beat } = await holding(2);
    const [old] = await workers();
    await scene.query('UPDATE worker SET lost_at = now() WHERE id = $1', [old?.id]);
    await beat();
    const orphans = await scene.query<{ id: string }>(
      `SELECT job.id FROM job JOIN worker ON worker.id = worker_id WHERE status = 'executing' AND lost_at IS NOT NULL`,
    );
    expect(orphans.map(({ id }) => id).toSorted()).toEqual([...ids].toSorted());
    ends.open();
  });

  it('is left to be judged by a stop that does not wait for its runs, for they may still be at work', async () => {
    const { ids, ends, module, stop } = await holding(1);
    const [worker] = await workers();
    module.get(Lifecycle).hurry();
    await stop();
    expect(await workers()).toContainEqual({ ...worker, isLost: false, isStopped: false });
    expect(await scene.job(ids[0] ?? '')).toMatchObject({ status: 'executing', workerId: worker?.id });
    ends.open();
  });

  it('is not given up for a handler that blocks the event loop longer than two thirds of the visibility timeout', async () => {
    const blocked = gate();
    const handle = async (_: unknown, { signal }: JobContext) => {
      const until = performance.now() + 2_500;
      while (performance.now() < until);
      blocked.open();
      return new Promise((resolve) => setTimeout(resolve, 1_500)).then(() => signal.aborted);
    };
    const { jobs, beat } = await scene.start({
      handlers: [handlerOf(Task, handle)],
      adjust: (config) => ({ ...config, defaults: { ...config.defaults, visibilityTimeoutMs: 3_000 } }),
    });
    const [worker] = await workers();
    // The heartbeat of so short a timeout, which no setting allows.
    const beating = setInterval(() => void beat(), 200);
    try {
      const { id } = await jobs.enqueue(Task, {});
      await blocked.opened;
      expect(await scene.reaches(id, 'done')).toMatchObject({ result: false, workerId: worker?.id });
    } finally {
      clearInterval(beating);
    }
    expect(scene.log.filter((line) => line.includes('lease could not be renewed'))).toEqual([]);
  });

  it('that cannot be renewed for two thirds of the visibility timeout aborts every run; back in touch, the worker takes a new id', async () => {
    const proxy = await scene.proxy();
    const { ids, causes, ends, beat, health, jobs } = await holding(2, {
      databaseUrl: proxy.url,
      // 6 s without a renewal; the heartbeat comes every 5 s.
      adjust: (config) => ({ ...config, defaults: { ...config.defaults, visibilityTimeoutMs: 9_000 } }),
      config: { worker: { timeoutGrace: '10m' } },
    });
    const [old] = await workers();
    await beat();
    const cutAt = performance.now();
    proxy.cut();
    await beat();
    expect(causes).toEqual([]);
    expect(health.report()['worker']).toMatchObject({ isReady: true });
    await expect.poll(() => causes, { timeout: 12_000 }).toEqual(['lost', 'lost']);
    expect(performance.now() - cutAt).toBeGreaterThan(4_500);
    expect(performance.now() - cutAt).toBeLessThan(9_000);
    expect(health.report()['worker']).toMatchObject({ isReady: false, isLive: true });
    proxy.restore();
    await beat();
    const [fresh, former] = await workers();
    // Its outcomes may be on their way as long as it holds runs: until then nobody is to meet them as lost.
    expect(former).toEqual({ id: old?.id, isLost: false, isStopped: false });
    expect(health.report()['worker']).toMatchObject({ isReady: true });
    ends.open();
    const next = await jobs.enqueue(Task, {});
    expect(await scene.reaches(next.id, 'done')).toMatchObject({ workerId: fresh?.id });
    // The rows were still its own by the fence, and nobody had rescued them.
    for (const id of ids) expect(await scene.reaches(id, 'done')).toMatchObject({ run: 1, result: 'late' });
    // It gives the old id up with the first beat after it has heard that the outcomes are recorded.
    const formerAfterBeat = async () => {
      await beat();
      return (await workers())[1];
    };
    await expect.poll(formerAfterBeat).toEqual({ id: old?.id, isLost: false, isStopped: true });
  });

  it('that is lost during a claim has what was claimed back in the line, uncharged and never begun', async () => {
    const proxy = await scene.proxy();
    const begun: number[] = [];
    const { jobs, beat, health } = await scene.start({
      databaseUrl: proxy.url,
      handlers: [handlerOf(Impatient, (_, { run }) => begun.push(run))],
      // 2 s without a renewal.
      adjust: (config) => ({ ...config, defaults: { ...config.defaults, visibilityTimeoutMs: 3_000 } }),
    });
    const [old] = await workers();
    await scene.query('UPDATE queue SET paused_at = now()');
    await beat();
    const { id } = await jobs.enqueue(Impatient, {});
    const lost = proxy.loseAnswerTo('claim_');
    await scene.query('UPDATE queue SET paused_at = NULL');
    await beat();
    await lost;
    proxy.cut();
    const detail = () => health.report()['worker']?.detail;
    await expect.poll(detail).toContain('the lease is lost');
    // Each try asks for a lease of its own.
    for (let tries = 0; tries < 3; tries++) await beat();
    // Whoever meets a run under an id that is given up ends it as lost, and charged.
    const rescuing = setInterval(() => void rescue(), 10);
    proxy.restore();
    await beat();
    const job = await scene.reaches(id, 'done').finally(() => clearInterval(rescuing));
    expect(job).toMatchObject({ run: 2, attempt: 1 });
    expect(job.history).toMatchObject([{ outcome: 'interrupted', run: 1, worker: old?.id }]);
    expect(begun).toEqual([2]);
    await expect.poll(detail).toMatch(/^0 of /);
    await beat();
    expect(await workers()).toContainEqual({ id: old?.id, isLost: false, isStopped: true });
  });

  it('that is gone has its runs back in the line after the grace, although a handler heeds no signal', async () => {
    const ends = gate();
    gates.push(ends);
    const { health } = await lostMidRun(() => ends.opened);
    const detail = () => health.report()['worker']?.detail;
    expect(detail()).toContain('1 stuck');
    ends.open();
    await expect.poll(detail).toContain('0 stuck');
  });

  it('that is gone has its runs back in the line as soon as their handlers have heeded the signal', async () => {
    const { refusals } = await lostMidRun(async ({ signal }) => {
      throw await aborted(signal);
    });
    expect(refusals()).toBe(0);
  });
});
