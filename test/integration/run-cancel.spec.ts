import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineJob, type AbortReason, type JobContext } from '../../src/modules/job/index.js';
import { aborted, gate, handlerOf, Tally, untilAborted } from '../support/handlers.js';
import { rookeryScene, type AppOptions } from '../support/rookery-app.js';

const scene = rookeryScene();
const Task = defineJob({
  name: 'task',
  payload: z.object({}),
  timeout: 'none',
  maxAttempts: 3,
  backoff: { initial: '1h', jitter: 'none' },
});

/** A started app that handles `Task` so; without a handler nothing takes them. */
async function start(handle?: (ctx: JobContext) => unknown, options: AppOptions = {}) {
  const app = await scene.start({
    ...options,
    ...(handle ? { handlers: [handlerOf(Task, (_, ctx) => handle(ctx))] } : { types: [Task] }),
  });
  return { ...app, enqueue: async (rest = {}) => (await app.jobs.enqueue(Task, {}, rest)).id };
}

const openCount = async (id: string) => {
  const [row] = await scene.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM job WHERE id = $1 AND due_at IS NOT NULL',
    [id],
  );
  return row?.n;
};

describe('cancel', () => {
  it('ends a waiting job at once, and no worker ever runs it', async () => {
    const runs = new Tally();
    const producer = await start();
    const id = await producer.enqueue();
    expect(await producer.jobs.cancel(id)).toBe('canceled');
    expect(await scene.job(id)).toMatchObject({ status: 'canceled', run: 0, attempt: 0 });
    const worker = await start(() => runs.add());
    await scene.reaches(await worker.enqueue(), 'done');
    expect(runs.count).toBe(1);
  });

  it('ends a delayed job at once and takes its due time', async () => {
    const { enqueue, jobs } = await start();
    const id = await enqueue({ delay: '1h' });
    expect(await jobs.cancel(id)).toBe('canceled');
    expect(await scene.job(id)).toMatchObject({ status: 'canceled', dueAt: null });
    expect(await openCount(id)).toBe(0);
  });

  it('ends a job that is backing off at once, with its history', async () => {
    const { enqueue, jobs } = await start(() => {
      throw new Error('no');
    });
    const id = await enqueue();
    await expect.poll(async () => (await scene.job(id)).history.length).toBe(1);
    expect(await jobs.cancel(id)).toBe('canceled');
    expect(await scene.job(id)).toMatchObject({
      status: 'canceled',
      dueAt: null,
      attempt: 1,
      history: [{ run: 1 }],
    });
  });

  it('aborts an executing job within a moment, and the job ends canceled', async () => {
    const started = gate();
    let reason: unknown;
    const { enqueue, jobs } = await start(async ({ signal }) => {
      started.open();
      reason = await aborted(signal);
      throw reason;
    });
    const id = await enqueue();
    await started.opened;
    const asked = performance.now();
    expect(await jobs.cancel(id)).toBe('executing');
    const job = await scene.reaches(id, 'canceled');
    expect(performance.now() - asked).toBeLessThan(4_000);
    expect((reason as AbortReason).abortedBy).toBe('canceled');
    expect(job).toMatchObject({ run: 1, history: [{ outcome: 'canceled' }] });
  });

  it('ends an executing job whose handler ignores the signal as canceled after the grace', async () => {
    const started = gate();
    const ends = gate();
    const { enqueue, jobs } = await start(async () => {
      started.open();
      await ends.opened;
    });
    const id = await enqueue();
    await started.opened;
    await jobs.cancel(id);
    expect(await scene.reaches(id, 'canceled')).toMatchObject({ run: 1 });
    ends.open();
  });

  it('lets a handler that finishes first end done', async () => {
    const started = gate();
    const { enqueue, jobs } = await start(async ({ signal }) => {
      started.open();
      await aborted(signal);
      return 'finished';
    });
    const id = await enqueue();
    await started.opened;
    await jobs.cancel(id);
    expect(await scene.reaches(id, 'done')).toMatchObject({ result: 'finished' });
  });

  it('keeps a job that fails before it hears of the cancel from waiting again', async () => {
    const started = gate();
    const fails = gate();
    const { enqueue } = await start(async () => {
      started.open();
      await fails.opened;
      throw new Error('no');
    });
    const id = await enqueue();
    await started.opened;
    // The cancel of another process, whose signal has not come.
    await scene.query('UPDATE job SET cancel_requested_at = now() WHERE id = $1', [id]);
    fails.open();
    expect(await scene.reaches(id, 'canceled')).toMatchObject({
      run: 1,
      dueAt: null,
      history: [{ outcome: 'failed', error: { message: 'no' } }],
    });
  });

  it('keeps a job that snoozes before it hears of the cancel from waiting again', async () => {
    const started = gate();
    const snoozes = gate();
    const { enqueue } = await start(async (ctx) => {
      started.open();
      await snoozes.opened;
      return ctx.snooze('1h');
    });
    const id = await enqueue();
    await started.opened;
    await scene.query('UPDATE job SET cancel_requested_at = now() WHERE id = $1', [id]);
    snoozes.open();
    await scene.reaches(id, 'canceled');
  });

  it('reaches an executing job by the heartbeat when no signal came', async () => {
    const started = gate();
    const worker = await start((ctx) => {
      started.open();
      return untilAborted(ctx);
    });
    // Another process: its broadcast stays within its own transport.
    const elsewhere = await start();
    const id = await worker.enqueue();
    await started.opened;
    expect(await elsewhere.jobs.cancel(id)).toBe('executing');
    expect((await scene.job(id)).status).toBe('executing');
    await worker.beat();
    await scene.reaches(id, 'canceled');
  });

  it('refuses a job that has ended, and names its state', async () => {
    const { enqueue, jobs } = await start(() => 'done');
    const id = await enqueue();
    await scene.reaches(id, 'done');
    await expect(jobs.cancel(id)).rejects.toMatchObject({
      code: 'already_finished',
      details: { id, status: 'done' },
    });
    expect((await scene.job(id)).status).toBe('done');
  });

  it('refuses a second cancel of a canceled job', async () => {
    const { enqueue, jobs } = await start();
    const id = await enqueue();
    await jobs.cancel(id);
    await expect(jobs.cancel(id)).rejects.toMatchObject({
      code: 'already_finished',
      details: { status: 'canceled' },
    });
  });

  it('tells an unknown job from what is no id', async () => {
    const { jobs } = await start();
    await expect(jobs.cancel('018f0000-0000-7000-8000-000000000000')).rejects.toMatchObject({
      code: 'no_such_job',
    });
    await expect(jobs.cancel('42')).rejects.toMatchObject({ code: 'invalid_id' });
  });
});

describe('a retry by hand', () => {
  it('gives a failed job all its attempts again; the run goes on rising', async () => {
    let fails = true;
    const Flaky = defineJob({
      name: 'flaky',
      payload: z.object({}),
      maxAttempts: 2,
      backoff: { initial: '1ms' },
    });
    const seen: [number, number][] = [];
    const { jobs } = await scene.start({
      handlers: [
        handlerOf(Flaky, (_, { run, attempt }) => {
          seen.push([run, attempt]);
          if (fails) throw new Error('no');
          return 'well';
        }),
      ],
    });
    const { id } = await jobs.enqueue(Flaky, {});
    const failed = await scene.reaches(id, 'failed');
    expect(failed).toMatchObject({ run: 2, attempt: 2 });
    fails = false;
    await jobs.retry(id);
    expect(await scene.reaches(id, 'done')).toMatchObject({ run: 3, attempt: 1, result: 'well' });
    expect(seen).toEqual([
      [1, 1],
      [2, 2],
      [3, 1],
    ]);
    expect(await scene.query('SELECT discarded_at FROM job WHERE id = $1', [id])).toEqual([
      { discarded_at: null },
    ]);
  });

  it('clears the cancel request, so that the job may fail and wait again', async () => {
    const { enqueue, jobs } = await start(() => {
      throw new Error('no');
    });
    const producer = await start();
    const id = await producer.enqueue({ delay: '1h' });
    await producer.jobs.cancel(id);
    await jobs.retry(id);
    await expect.poll(async () => (await scene.job(id)).history.length).toBe(1);
    expect(await scene.job(id)).toMatchObject({ status: 'waiting', attempt: 1, run: 1 });
    expect(enqueue).toBeDefined();
  });

  it('refuses a job that is open or done', async () => {
    const worker = await start(() => 'done');
    const waiting = await worker.enqueue({ delay: '1h' });
    const done = await worker.enqueue();
    await scene.reaches(done, 'done');
    for (const [id, status] of [
      [waiting, 'waiting'],
      [done, 'done'],
    ] as const) {
      await expect(worker.jobs.retry(id)).rejects.toMatchObject({
        code: 'not_retryable',
        details: { status },
      });
    }
  });

  it('keeps the outcome of an earlier run, still at work, from ending the new one', async () => {
    const started = gate();
    const ends = gate();
    const { enqueue, jobs } = await start(async (ctx) => {
      if (ctx.run > 1) return 'second';
      started.open();
      await ends.opened;
      return 'first';
    });
    const id = await enqueue();
    await started.opened;
    await jobs.cancel(id);
    await scene.reaches(id, 'canceled');
    await jobs.retry(id);
    expect(await scene.reaches(id, 'done')).toMatchObject({ run: 2, result: 'second' });
    ends.open();
    await expect.poll(() => scene.log.some((line) => line.includes('has ended after all'))).toBe(true);
    expect(await scene.job(id)).toMatchObject({ run: 2, result: 'second' });
  });
});

describe('a paused queue', () => {
  const setPaused = (isPaused: boolean) =>
    scene.query(`UPDATE queue SET paused_at = ${isPaused ? 'now()' : 'NULL'} WHERE name = 'task'`);

  it('starts nothing from the signal on, lets what runs go on, and goes on where it was when resumed', async () => {
    const started: string[] = [];
    const ends = gate();
    const { enqueue, transport } = await start(
      async ({ id }) => {
        started.push(id);
        if (started.length === 1) await ends.opened;
      },
      { config: { defaults: { concurrency: 1 } } },
    );
    const running = await enqueue();
    await expect.poll(() => started.length).toBe(1);
    await setPaused(true);
    transport.broadcast({ kind: 'pause', queue: 'task' });
    const waiting = [await enqueue(), await enqueue()];
    ends.open();
    await scene.reaches(running, 'done');
    // A queue beside it runs: the worker is not merely slow.
    expect(started).toEqual([running]);
    expect((await scene.job(waiting[0] ?? '')).status).toBe('waiting');
    await setPaused(false);
    transport.broadcast({ kind: 'resume', queue: 'task' });
    for (const id of waiting) await scene.reaches(id, 'done');
    expect(started).toEqual([running, ...waiting]);
  });

  it('is known to a worker from its boot, and by the heartbeat when no signal came', async () => {
    const runs = new Tally();
    await (await start()).jobs.enqueue(Task, {});
    await setPaused(true);
    const { enqueue, beat } = await start(() => runs.add());
    const id = await enqueue();
    const control = defineJob({ name: 'control', payload: z.object({}) });
    const other = await scene.start({ handlers: [handlerOf(control, () => undefined)] });
    await scene.reaches((await other.jobs.enqueue(control, {})).id, 'done');
    expect(runs.count).toBe(0);
    await setPaused(false);
    await beat();
    await scene.reaches(id, 'done');
    await setPaused(true);
    await beat();
    const late = await enqueue();
    await scene.reaches((await other.jobs.enqueue(control, {})).id, 'done');
    expect((await scene.job(late)).status).toBe('waiting');
    await setPaused(false);
    await beat();
    await scene.reaches(late, 'done');
  });
});
