import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Metrics } from '../../src/kernel/metrics.js';
import { defineJob, type JobService } from '../../src/modules/job/index.js';
import { gate, handlerOf } from '../support/handlers.js';
import { rookeryScene } from '../support/rookery-app.js';

const scene = rookeryScene();
const NOTHING = z.object({ n: z.number().default(0) });
const Window = defineJob({ name: 'window', payload: NOTHING, dedupe: { window: '5m' } });
const Once = defineJob({
  name: 'once',
  payload: NOTHING,
  dedupe: { until: 'finished' },
  maxAttempts: 1,
});
const Free = defineJob({ name: 'free', payload: NOTHING });
const types = [Window, Once, Free];

interface Refusal {
  readonly code: string;
  readonly details: { readonly jobId?: string; readonly retryAfter?: number };
}

const expire = (objectId: string) =>
  scene.query(`UPDATE job_key SET expires_at = now() - interval '1 ms' WHERE key LIKE '%:' || $1`, [
    objectId,
  ]);

async function race(services: readonly JobService[], enqueue: (jobs: JobService) => Promise<{ id: string }>) {
  const results = await Promise.allSettled(
    Array.from({ length: 100 }, (_, index) => enqueue(services[index % services.length] as JobService)),
  );
  const stored = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.id] : []));
  const refused = results.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as Refusal] : [],
  );
  return { stored, refused };
}

describe('of 100 concurrent enqueues for one object', () => {
  it('one is stored and 99 are refused with its id, in one process', async () => {
    const { jobs, module } = await scene.start({ types, hasWorker: false });
    const { stored, refused } = await race([jobs], (service) =>
      service.enqueue(Window, {}, { objectId: 'one-process' }),
    );
    expect(stored).toHaveLength(1);
    expect(refused).toHaveLength(99);
    for (const { code, details } of refused) {
      expect(code).toBe('duplicate_job');
      expect(details).toMatchObject({ jobId: stored[0] });
      expect(details.retryAfter).toBeGreaterThan(295);
      expect(details.retryAfter).toBeLessThanOrEqual(300);
    }
    expect(await scene.query('SELECT id FROM job WHERE object_id = $1', ['one-process'])).toEqual([
      { id: stored[0] },
    ]);
    const duplicates = module.get(Metrics).counter('rookery_duplicates_total', '');
    expect(duplicates.of(Window.queue, Window.name, 'dedupe').value).toBe(99);
  });

  it.each([Window, Once])(
    'one is stored and 99 are refused with its id, from three processes at once ($name)',
    async (type) => {
      const apps = await Promise.all([1, 2, 3].map(() => scene.start({ types, hasWorker: false })));
      const services = apps.map((app) => app.jobs);
      const { stored, refused } = await race(services, (service) =>
        service.enqueue(type, {}, { objectId: 'three' }),
      );
      expect(stored).toHaveLength(1);
      expect(new Set(refused.map(({ code, details }) => `${code} ${details.jobId}`))).toEqual(
        new Set([`duplicate_job ${stored[0]}`]),
      );
      expect(refused).toHaveLength(99);
      expect(await scene.query('SELECT id FROM job WHERE name = $1', [type.name])).toContainEqual({
        id: stored[0],
      });
    },
  );

  it('all are stored when the type has no dedupe rule, and for a hundred objects all as well', async () => {
    const { jobs } = await scene.start({ types, hasWorker: false });
    expect(
      (await race([jobs], (service) => service.enqueue(Free, {}, { objectId: 'free' }))).stored,
    ).toHaveLength(100);
    let n = 0;
    const each = await race([jobs], (service) => service.enqueue(Window, {}, { objectId: `object-${n++}` }));
    expect(each.stored).toHaveLength(100);
  });
});

describe('a window', () => {
  it('ends with its time, though the job be long done, and begins anew with the next job', async () => {
    const { jobs } = await scene.start({ handlers: [handlerOf(Window, () => undefined)], types });
    const first = await jobs.enqueue(Window, {}, { objectId: 'w' });
    await scene.reaches(first.id, 'done');
    await expect(jobs.enqueue(Window, {}, { objectId: 'w' })).rejects.toMatchObject({
      details: { jobId: first.id },
    });
    await expire('w');
    const second = await jobs.enqueue(Window, {}, { objectId: 'w' });
    expect(second.id).not.toBe(first.id);
    await expect(jobs.enqueue(Window, {}, { objectId: 'w' })).rejects.toMatchObject({
      details: { jobId: second.id },
    });
  });

  it('is of one type: the same object may have a job of another', async () => {
    const { jobs } = await scene.start({ types, hasWorker: false });
    await jobs.enqueue(Window, {}, { objectId: 'shared' });
    await jobs.enqueue(Once, {}, { objectId: 'shared' });
  });

  it('does not bind jobs about nothing in particular', async () => {
    const { jobs } = await scene.start({ types, hasWorker: false });
    await jobs.enqueue(Window, {});
    await jobs.enqueue(Window, {});
  });
});

describe('until finished', () => {
  const twice = async (jobs: JobService, objectId: string) => {
    const { id } = await jobs.enqueue(Once, {}, { objectId });
    await expect(jobs.enqueue(Once, {}, { objectId })).rejects.toMatchObject({
      code: 'duplicate_job',
      details: { jobId: id, retryAfter: 1 },
    });
    return id;
  };

  it('is freed when the job is done', async () => {
    const ends = gate();
    const { jobs } = await scene.start({ handlers: [handlerOf(Once, () => ends.opened)] });
    const id = await twice(jobs, 'done');
    ends.open();
    await scene.reaches(id, 'done');
    await jobs.enqueue(Once, {}, { objectId: 'done' });
  });

  it('is freed when the job has failed', async () => {
    const ends = gate();
    const handler = handlerOf(Once, async () => {
      await ends.opened;
      throw new Error('no');
    });
    const { jobs } = await scene.start({ handlers: [handler] });
    const id = await twice(jobs, 'failed');
    ends.open();
    await scene.reaches(id, 'failed');
    await jobs.enqueue(Once, {}, { objectId: 'failed' });
  });

  it('is freed when the job is canceled', async () => {
    const { jobs } = await scene.start({ types, hasWorker: false });
    const id = await twice(jobs, 'canceled');
    await jobs.cancel(id);
    await jobs.enqueue(Once, {}, { objectId: 'canceled' });
  });

  it('keeps a retry by hand from starting a second open job, and is taken again by one that may', async () => {
    const { jobs } = await scene.start({ types, hasWorker: false });
    const first = await jobs.enqueue(Once, {}, { objectId: 'by-hand' });
    await jobs.cancel(first.id);
    const second = await jobs.enqueue(Once, {}, { objectId: 'by-hand' });
    await expect(jobs.retry(first.id)).rejects.toMatchObject({ code: 'duplicate_job' });
    expect((await scene.job(first.id)).status).toBe('canceled');
    await jobs.cancel(second.id);
    await jobs.retry(first.id);
    expect((await scene.job(first.id)).status).toBe('waiting');
    await expect(jobs.enqueue(Once, {}, { objectId: 'by-hand' })).rejects.toMatchObject({
      details: { jobId: first.id },
    });
  });

  it('is of one winner when a retry by hand and many enqueues race', async () => {
    const { jobs } = await scene.start({ types, hasWorker: false });
    for (let round = 0; round < 5; round++) {
      const objectId = `race-${round}`;
      const { id } = await jobs.enqueue(Once, {}, { objectId });
      await jobs.cancel(id);
      await Promise.allSettled([
        jobs.enqueue(Once, {}, { objectId }),
        jobs.retry(id),
        jobs.enqueue(Once, {}, { objectId }),
      ]);
      const open = await scene.query(`SELECT id FROM job WHERE object_id = $1 AND status = 'waiting'`, [
        objectId,
      ]);
      expect(open).toHaveLength(1);
    }
  });
});

describe('enqueueMany with duplicates', () => {
  const items = (...objectIds: string[]) => objectIds.map((objectId) => ({ payload: {}, objectId }));

  it('stores nothing and names each duplicate', async () => {
    const { jobs, transport } = await scene.start({ types, hasWorker: false });
    const { id } = await jobs.enqueue(Window, {}, { objectId: 'many-1' });
    const offered = transport.offers.length;
    await expect(jobs.enqueueMany(Window, items('many-0', 'many-1', 'many-0'))).rejects.toMatchObject({
      code: 'duplicate_job',
      details: {
        duplicates: [
          { index: 1, objectId: 'many-1', jobId: id },
          { index: 2, objectId: 'many-0' },
        ],
      },
    });
    expect(await scene.query(`SELECT id FROM job WHERE object_id = 'many-0'`)).toEqual([]);
    expect(await scene.query(`SELECT key FROM job_key WHERE key LIKE '%many-0'`)).toEqual([]);
    expect(transport.offers).toHaveLength(offered);
  });

  it('with onDuplicate skip stores the others, and answers in each place the job there is', async () => {
    const { jobs, transport } = await scene.start({ types, hasWorker: false });
    const { id } = await jobs.enqueue(Window, {}, { objectId: 'skip-1' });
    const ids = await jobs.enqueueMany(Window, items('skip-0', 'skip-1', 'skip-0', 'skip-2'), {
      onDuplicate: 'skip',
    });
    expect(ids[1]).toBe(id);
    expect(ids[2]).toBe(ids[0]);
    const stored = await scene.query<{ id: string }>(
      `SELECT id FROM job WHERE object_id LIKE 'skip-%' ORDER BY id`,
    );
    expect(stored.map((row) => row.id)).toEqual([id, ids[0], ids[3]]);
    expect(transport.offeredIds.slice(-2)).toEqual([ids[0], ids[3]]);
  });
});

describe('an idempotency key', () => {
  it('answers every repeat with the first job, concurrent ones too', async () => {
    const apps = await Promise.all([1, 2].map(() => scene.start({ types, hasWorker: false })));
    const services = apps.map((app) => app.jobs);
    const { stored, refused } = await race(services, (service) =>
      service.enqueue(Free, {}, { idempotencyKey: 'k1' }),
    );
    expect(refused).toEqual([]);
    expect(stored).toHaveLength(100);
    expect(new Set(stored).size).toBe(1);
    expect(await scene.query('SELECT count(*)::int AS n FROM job WHERE id = ANY ($1)', [stored])).toEqual([
      { n: 1 },
    ]);
  });

  it('says that it is a repeat, and the state the job is in by now', async () => {
    const { jobs } = await scene.start({ handlers: [handlerOf(Free, () => undefined)], types });
    const { id } = await jobs.enqueue(Free, {}, { idempotencyKey: 'k2' });
    await scene.reaches(id, 'done');
    expect(await jobs.enqueue(Free, {}, { idempotencyKey: 'k2' })).toEqual({
      id,
      status: 'done',
      isRepeat: true,
    });
  });

  it('comes before dedupe: the repeat of a deduped job is answered, another request is refused', async () => {
    const { jobs } = await scene.start({ types, hasWorker: false });
    const first = await jobs.enqueue(Once, {}, { objectId: 'both', idempotencyKey: 'k3' });
    expect(await jobs.enqueue(Once, {}, { objectId: 'both', idempotencyKey: 'k3' })).toMatchObject({
      id: first.id,
      isRepeat: true,
    });
    await expect(jobs.enqueue(Once, {}, { objectId: 'both', idempotencyKey: 'k4' })).rejects.toMatchObject({
      code: 'duplicate_job',
      details: { jobId: first.id },
    });
  });

  it('of a refused request is not remembered', async () => {
    const { jobs } = await scene.start({ types, hasWorker: false });
    const blocking = await jobs.enqueue(Once, {}, { objectId: 'blocked' });
    await expect(jobs.enqueue(Once, {}, { objectId: 'blocked', idempotencyKey: 'k5' })).rejects.toThrow();
    await jobs.cancel(blocking.id);
    expect(await jobs.enqueue(Once, {}, { objectId: 'blocked', idempotencyKey: 'k5' })).toMatchObject({
      isRepeat: false,
    });
  });

  it('is forgotten after its time', async () => {
    const { jobs } = await scene.start({ types, hasWorker: false });
    const first = await jobs.enqueue(Free, {}, { idempotencyKey: 'k6' });
    await expire('k6');
    expect((await jobs.enqueue(Free, {}, { idempotencyKey: 'k6' })).id).not.toBe(first.id);
  });
});
