import type { Provider } from '@nestjs/common';
import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Lifecycle } from '../../src/kernel/lifecycle.js';
import { defineJob, type AbortReason, type JobContext } from '../../src/modules/job/index.js';
import { eventually } from '../support/eventually.js';
import { aborted, gate, handlerOf } from '../support/handlers.js';
import { failOnLeaks } from '../support/leaks.js';
import { rookeryScene, type AppOptions } from '../support/rookery-app.js';

const scene = rookeryScene();
failOnLeaks();

const Task = defineJob({ name: 'task', payload: z.object({}), timeout: 'none', maxAttempts: 3 });

async function start(handle: (ctx: JobContext) => unknown, options: AppOptions = {}) {
  const app = await scene.start({ ...options, handlers: [handlerOf(Task, (_, ctx) => handle(ctx))] });
  return { ...app, enqueue: async () => (await app.jobs.enqueue(Task, {})).id };
}

const workerRow = () =>
  scene.query<{ isStopped: boolean }>(
    'SELECT stopped_at IS NOT NULL AS "isStopped" FROM worker ORDER BY started_at DESC LIMIT 1',
  );

describe('a shutdown', () => {
  it('waits for a job that ends within the grace, and records it', async () => {
    const started = gate();
    const ends = gate();
    const { enqueue, stop } = await start(
      async () => {
        started.open();
        await ends.opened;
        return 'in time';
      },
      { config: { shutdown: { grace: '20s' } } },
    );
    const id = await enqueue();
    await started.opened;
    const stopped = stop();
    ends.open();
    await stopped;
    expect(await scene.job(id)).toMatchObject({ status: 'done', result: 'in time' });
    expect(await workerRow()).toEqual([{ isStopped: true }]);
  });

  it('aborts a job that outlasts the grace; it waits again, due at once, and is not charged', async () => {
    const started = gate();
    let reason: unknown;
    const { enqueue, stop } = await start(async ({ signal }) => {
      started.open();
      reason = await aborted(signal);
      throw reason;
    });
    const id = await enqueue();
    await started.opened;
    await stop();
    expect((reason as AbortReason).abortedBy).toBe('shutdown');
    const job = await scene.job(id);
    expect(job).toMatchObject({
      status: 'waiting',
      run: 1,
      attempt: 0,
      history: [{ outcome: 'interrupted', attempt: 1 }],
    });
    const next = await start((ctx) => [ctx.run, ctx.attempt]);
    expect(await scene.reaches(id, 'done')).toMatchObject({ result: [2, 1] });
    await next.stop();
  });

  it('leaves a job whose handler ignores the abort waiting again as well, and does not wait for it', async () => {
    const started = gate();
    const ends = gate();
    const { enqueue, stop } = await start(async () => {
      started.open();
      await ends.opened;
    });
    const id = await enqueue();
    await started.opened;
    await stop();
    expect(await scene.job(id)).toMatchObject({
      status: 'waiting',
      attempt: 0,
      history: [{ outcome: 'interrupted' }],
    });
    ends.open();
  });

  it('ends done a job that finishes after the abort and within its own grace', async () => {
    const started = gate();
    const { enqueue, stop } = await start(async ({ signal }) => {
      started.open();
      await aborted(signal);
      return 'wrapped up';
    });
    const id = await enqueue();
    await started.opened;
    await stop();
    expect(await scene.job(id)).toMatchObject({ status: 'done', result: 'wrapped up' });
  });

  it('starts nothing that waits, not even when a slot comes free, and leaves it as it is', async () => {
    const started = gate();
    let runs = 0;
    const { enqueue, jobs, stop } = await start(
      async ({ signal }) => {
        runs++;
        started.open();
        await aborted(signal);
      },
      { config: { defaults: { concurrency: 1 } } },
    );
    const running = await enqueue();
    await started.opened;
    const items = Array.from({ length: 100 }, () => ({ payload: {} }));
    const ids = await jobs.enqueueMany(Task, items);
    await stop();
    expect(runs).toBe(1);
    expect((await scene.job(running)).status).toBe('done');
    expect(
      await scene.query('SELECT DISTINCT status, run, attempt, worker_id FROM job WHERE id = ANY ($1)', [
        ids,
      ]),
    ).toEqual([{ status: 'waiting', run: 0, attempt: 0, worker_id: null }]);
    await scene.query('DELETE FROM job WHERE id = ANY ($1)', [ids]);
  });

  it('lets a running job be canceled while its grace lasts', async () => {
    const started = gate();
    const { enqueue, jobs, stop } = await start(
      async ({ signal }) => {
        started.open();
        throw await aborted(signal);
      },
      { config: { shutdown: { grace: '20s' } } },
    );
    const id = await enqueue();
    await started.opened;
    const stopped = stop();
    await jobs.cancel(id);
    await stopped;
    expect(await scene.job(id)).toMatchObject({ status: 'canceled' });
  });

  it('refuses what is enqueued after it, as shutting down', async () => {
    const { enqueue, stop } = await start(() => undefined);
    await scene.reaches(await enqueue(), 'done');
    await stop();
    await expect(enqueue()).rejects.toMatchObject({ code: 'shutting_down' });
  });

  it('ends quickly when nothing runs', async () => {
    const { stop } = await start(() => undefined, { config: { shutdown: { grace: '20s' } } });
    const from = performance.now();
    await stop();
    expect(performance.now() - from).toBeLessThan(10_000);
  });
});

/** Lets the test have the app's lifecycle while the app boots, and does what it says before the worker bootstraps. */
const amidBoot = (act: (lifecycle: Lifecycle) => Promise<void> | void): Provider => ({
  provide: 'what comes amid the boot',
  inject: [Lifecycle],
  useFactory: (lifecycle: Lifecycle) => ({ onModuleInit: () => act(lifecycle) }),
});

describe('a shutdown amid the boot', () => {
  it('has the worker take neither a lease nor a job, also while others take their time to end', async () => {
    await scene.query('DELETE FROM worker');
    const enqueuer = await scene.start({ hasWorker: false, types: [Task] });
    const { id } = await enqueuer.jobs.enqueue(Task, {});
    await enqueuer.stop();
    const begun = gate();
    const ends = gate();
    const early = amidBoot((lifecycle) => {
      lifecycle.register('intake', 'takes its time', 60_000, () => {
        begun.open();
        return ends.opened;
      });
      void lifecycle.stop();
      return begun.opened;
    });
    const { stop } = await start(() => undefined, { providers: [early] });
    expect(await workerRow()).toEqual([]);
    ends.open();
    await stop();
    expect(await scene.job(id)).toMatchObject({ status: 'waiting', run: 0 });
  });

  it('gives up a lease that was about to be taken, and leaves no timer', async () => {
    await scene.query('DELETE FROM worker');
    const holder = new Client({ connectionString: scene.database.url });
    await holder.connect();
    await holder.query('BEGIN; LOCK TABLE worker IN SHARE MODE');
    const booting = gate<Lifecycle>();
    const booted = start(() => undefined, { providers: [amidBoot((lifecycle) => booting.open(lifecycle))] });
    const lifecycle = await booting.opened;
    await eventually(async () => {
      const [waits] = await scene.query(
        `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ILIKE '%INTO worker%'`,
      );
      return waits !== undefined;
    });
    const leaseEnds = gate();
    lifecycle.register('lease', 'beside that of the worker', 60_000, () => leaseEnds.open());
    const stopped = lifecycle.stop();
    await leaseEnds.opened;
    await holder.end();
    await booted;
    expect(await stopped).toEqual([]);
    expect(await workerRow()).toEqual([{ isStopped: true }]);
  });
});
