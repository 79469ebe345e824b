import { DataSource } from 'typeorm';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Metrics } from '../../src/kernel/metrics.js';
import { currentRun } from '../../src/kernel/current-run.js';
import { defineJob, type JobContext } from '../../src/modules/job/index.js';
import { gate, handlerOf } from '../support/handlers.js';
import { eventually } from '../support/eventually.js';
import { rookeryScene } from '../support/rookery-app.js';

const scene = rookeryScene();
const Parent = defineJob({
  name: 'parent',
  payload: z.object({}),
  maxAttempts: 2,
  backoff: { initial: '10ms', jitter: 'none' },
});
const Child = defineJob({ name: 'child', payload: z.object({ n: z.number() }) });
const Only = defineJob({ name: 'only', payload: z.object({}), dedupe: { until: 'finished' } });

const parent = (handle: (ctx: JobContext) => unknown) => handlerOf(Parent, (_, ctx) => handle(ctx));

async function run(handle: (ctx: JobContext) => unknown) {
  const app = await scene.start({ handlers: [parent(handle)], types: [Child, Only] });
  return { app, id: (await app.jobs.enqueue(Parent, {})).id };
}

const storedNamed = (name: string) =>
  scene.query<{ id: string }>('SELECT id FROM job WHERE name = $1 ORDER BY id', [name]);

describe('ctx.enqueue', () => {
  afterEach(() => scene.query(`DELETE FROM job WHERE name IN ('child', 'only')`));

  it('stores the children with the success of the run, and they run', async () => {
    const seen: number[] = [];
    const Both = handlerOf(Child, ({ n }) => void seen.push(n));
    let ids: string[] = [];
    let storedBefore: unknown;
    const { jobs, module } = await scene.start({
      handlers: [
        Both,
        parent(async (ctx) => {
          ids = [await ctx.enqueue(Child, { n: 1 }), await ctx.enqueue(Child, { n: 2 })];
          storedBefore = await storedNamed('child');
        }),
      ],
    });
    const { id } = await jobs.enqueue(Parent, {});
    await scene.reaches(id, 'done');
    for (const child of ids) await scene.reaches(child, 'done');
    expect(seen.toSorted()).toEqual([1, 2]);
    expect(storedBefore).toEqual([]);
    const enqueued = module.get(Metrics).counter('rookery_jobs_enqueued_total', '');
    expect(enqueued.of(Child.queue, 'child').value).toBe(2);
  });

  it('stores nothing of a run that fails, and the children of the next run once', async () => {
    const { id } = await run(async (ctx) => {
      await ctx.enqueue(Child, { n: ctx.attempt });
      if (ctx.attempt === 1) throw new Error('no');
    });
    await scene.reaches(id, 'done');
    expect(await scene.query(`SELECT payload FROM job WHERE name = 'child'`)).toEqual([
      { payload: { n: 2 } },
    ]);
  });

  it('stores nothing of a run that is snoozed or canceled', async () => {
    const started = gate();
    const { app, id } = await run(async (ctx) => {
      await ctx.enqueue(Child, { n: 1 });
      if (ctx.run === 1) return ctx.snooze('1ms');
      started.open();
      await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
      throw new Error('canceled');
    });
    await started.opened;
    await app.jobs.cancel(id);
    await scene.reaches(id, 'canceled');
    expect(await storedNamed('child')).toEqual([]);
  });

  it('refuses a bad payload at once, inside the handler', async () => {
    let refusal: unknown;
    const { id } = await run(async (ctx) => {
      refusal = await ctx.enqueue(Child, { n: 'x' as never }).catch((error: unknown) => error);
    });
    await scene.reaches(id, 'done');
    expect(refusal).toMatchObject({ code: 'invalid_payload' });
    expect(await storedNamed('child')).toEqual([]);
  });

  it('leaves out a child that is the duplicate of an open job, and the parent is done', async () => {
    const { app, id } = await run(async (ctx) => {
      await ctx.enqueue(Only, {}, { objectId: 'twice' });
      await ctx.enqueue(Only, {}, { objectId: 'twice' });
      await ctx.enqueue(Only, {}, { objectId: 'first' });
    });
    await scene.reaches(id, 'done');
    expect(await storedNamed('only')).toHaveLength(2);
    const again = await app.jobs.enqueue(Parent, {});
    await scene.reaches(again.id, 'done');
    expect(await storedNamed('only')).toHaveLength(2);
  });

  it('loses no child whose key an open transaction holds: the run is tried again until that is decided', async () => {
    const source = await new DataSource({ type: 'postgres', url: scene.database.url }).initialize();
    const undecided = source.createQueryRunner();
    try {
      const { jobs } = await scene.start({
        handlers: [
          parent(async (ctx) => {
            await ctx.enqueue(Only, {}, { objectId: 'held' });
            await ctx.enqueue(Child, { n: 1 });
          }),
        ],
        types: [Child, Only],
      });
      await undecided.startTransaction();
      await jobs.enqueue(Only, {}, { objectId: 'held', manager: undecided.manager });
      const { id } = await jobs.enqueue(Parent, {}, { maxAttempts: 100 });
      await eventually(async () => (await scene.job(id)).history[0]?.error?.code === 'duplicate_job');
      expect(await storedNamed('child')).toEqual([]);
      await undecided.rollbackTransaction();
      await scene.reaches(id, 'done');
      expect(await storedNamed('only')).toHaveLength(1);
      expect(await storedNamed('child')).toHaveLength(1);
    } finally {
      await undecided.release();
      await source.destroy();
    }
  });
});

describe('ctx.progress', () => {
  it('is shown while the job runs, at most about once a second, and stays with the job', async () => {
    const seen = gate();
    const { app, id } = await run(async (ctx) => {
      for (let step = 0; step <= 100; step++) ctx.progress(step / 200, `step ${step}`);
      await seen.opened;
      return 'done';
    });
    await eventually(async () => (await scene.job(id)).progress !== null);
    expect(await scene.job(id)).toMatchObject({
      status: 'executing',
      progress: { fraction: 0.5, note: 'step 100' },
    });
    seen.open();
    expect((await scene.reaches(id, 'done')).progress).toEqual({ fraction: 0.5, note: 'step 100' });
    await app.stop();
  });

  it('is written about once a second, however often the handler calls', async () => {
    await scene.query(`CREATE TABLE shown (at timestamptz DEFAULT clock_timestamp())`);
    await scene.query(
      `CREATE FUNCTION note_shown() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO shown DEFAULT VALUES; RETURN NULL; END'`,
    );
    await scene.query(
      `CREATE TRIGGER shown AFTER UPDATE OF progress ON job FOR EACH ROW EXECUTE FUNCTION note_shown()`,
    );
    const { app, id } = await run(async (ctx) => {
      const until = performance.now() + 1_300;
      while (performance.now() < until) {
        ctx.progress(0.25);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
    await scene.reaches(id, 'done');
    await app.stop();
    const [shown] = await scene.query<{ times: number }>('SELECT count(*)::int AS times FROM shown');
    expect(shown?.times).toBeGreaterThanOrEqual(1);
    expect(shown?.times).toBeLessThanOrEqual(2);
  });

  it('refuses what is no fraction, and keeps a bounded, storable note', async () => {
    const errors: unknown[] = [];
    const seen = gate();
    const { id } = await run((ctx) => {
      for (const bad of [-0.1, 1.1, Number.NaN]) {
        try {
          ctx.progress(bad);
        } catch (error) {
          errors.push(error);
        }
      }
      ctx.progress(1, `\u0000\ud800${'n'.repeat(300)}`);
      return seen.opened;
    });
    const { progress } = await eventually(async () => {
      const job = await scene.job(id);
      return job.progress !== null && job;
    });
    expect(errors.map((error) => error instanceof RangeError)).toEqual([true, true, true]);
    expect(progress).toEqual({ fraction: 1, note: `\ufffd\ufffd${'n'.repeat(198)}` });
    seen.open();
    await scene.reaches(id, 'done');
  });
});

describe('ctx.log', () => {
  const logOf = (id: string) =>
    scene.query<{ run: number; line: number; message: string }>(
      'SELECT run, line, message FROM job_log WHERE job_id = $1 ORDER BY run, line',
      [id],
    );

  it('keeps the lines of each run in their order', async () => {
    const { app, id } = await run((ctx) => {
      ctx.log('one');
      ctx.log('two \u0000\ud800');
      if (ctx.attempt === 1) throw new Error('no');
    });
    await scene.reaches(id, 'done');
    await app.stop();
    expect(await logOf(id)).toEqual([
      { run: 1, line: 1, message: 'one' },
      { run: 1, line: 2, message: 'two \ufffd\ufffd' },
      { run: 2, line: 1, message: 'one' },
      { run: 2, line: 2, message: 'two \ufffd\ufffd' },
    ]);
  });

  it('keeps 1,000 lines of a job over all its runs, and the last of them says that more were dropped', async () => {
    const { app, id } = await run((ctx) => {
      for (let line = 0; line < 700; line++) ctx.log(`line ${line}`);
      if (ctx.attempt === 1) throw new Error('no');
    });
    const other = await app.jobs.enqueue(Parent, {});
    await scene.reaches(id, 'done');
    await scene.reaches(other.id, 'done');
    await app.stop();
    const lines = await logOf(id);
    expect(lines).toHaveLength(1_000);
    expect(lines.filter(({ run: number }) => number === 2)).toHaveLength(300);
    expect(lines.at(-2)?.message).toBe('line 298');
    expect(lines.at(-1)?.message).toBe('more lines were dropped: a job keeps 1000');
    expect(await logOf(other.id)).toHaveLength(1_000);
  });

  it('takes what the handler says after its run has ended, up to the bound of one run', async () => {
    const { app, id } = await run((ctx) => {
      for (let line = 0; line < 3_000; line++) ctx.log(`line ${line}`);
    });
    await scene.reaches(id, 'done');
    await app.stop();
    expect(await logOf(id)).toHaveLength(1_000);
  });

  it('cuts a line at 8 KiB', async () => {
    const { app, id } = await run((ctx) => ctx.log('日'.repeat(10_000)));
    await scene.reaches(id, 'done');
    await app.stop();
    const [line] = await logOf(id);
    expect(Buffer.byteLength(line?.message ?? '')).toBeLessThanOrEqual(8_192);
  });
});

describe('currentRun', () => {
  it('tells each handler its own run, through awaits and timers, and nobody else', async () => {
    const seen: (string | undefined)[][] = [];
    const both = gate();
    let entered = 0;
    const { app, id } = await run(async (ctx) => {
      if (++entered === 2) both.open();
      const ids = [ctx.id, currentRun()?.id];
      await both.opened;
      await new Promise((resolve) => setTimeout(resolve, 1));
      seen.push([...ids, currentRun()?.id]);
    });
    const other = await app.jobs.enqueue(Parent, {});
    await scene.reaches(id, 'done');
    await scene.reaches(other.id, 'done');
    expect(seen.toSorted()).toEqual([
      [id, id, id],
      [other.id, other.id, other.id],
    ]);
    expect(currentRun()).toBeUndefined();
  });
});
