import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  areQueuesFinished,
  controlQuery,
  defineJob,
  isKeyFinished,
  type BatchView,
} from '../../src/modules/job/index.js';
import { eventually } from '../support/eventually.js';
import { Tally, gate, handlerOf, untilAborted } from '../support/handlers.js';
import { rookeryScene, type RookeryApp } from '../support/rookery-app.js';

const scene = rookeryScene();

const Member = defineJob({
  name: 'member',
  payload: z.object({ n: z.number(), fails: z.boolean().default(false) }),
  maxAttempts: 1,
});
const counts = z.object({
  id: z.string(),
  key: z.string().nullable(),
  status: z.string(),
  total: z.number(),
  done: z.number(),
  failed: z.number(),
  canceled: z.number(),
});
const Report = defineJob({ name: 'report', payload: z.strictObject({ of: z.string(), batch: counts }) });

const member = handlerOf(Member, ({ fails }) => {
  if (fails) throw new Error('this one fails');
});
const report = handlerOf(Report, ({ batch }) => batch);
const handlers = [member, report];
const payloads = (count: number, fails = false) => Array.from({ length: count }, (_, n) => ({ n, fails }));

async function completes({ jobs }: RookeryApp, id: string): Promise<BatchView> {
  return eventually(async () => {
    const batch = await jobs.batches.get(id);
    if (batch.completedAt === null) throw new Error(`not complete: ${JSON.stringify(batch)}`);
    return batch;
  });
}

/** Counters equal the rows. */
async function expectCountsOfRows(id: string): Promise<void> {
  const rows = await scene.query(
    `SELECT b.total = count(j.id) AND b.done = count(*) FILTER (WHERE j.status = 'done') AND b.failed = count(*) FILTER (WHERE j.status = 'failed')
            AND b.canceled = count(*) FILTER (WHERE j.status = 'canceled') AS equal
       FROM batch b LEFT JOIN job j ON j.batch_id = b.id WHERE b.id = $1 GROUP BY b.id`,
    [id],
  );
  expect(rows).toEqual([{ equal: true }]);
}

const reportsOf = (id: string): Promise<{ id: string }[]> =>
  scene.query(`SELECT id FROM job WHERE name = 'report' AND payload->'batch'->>'id' = $1`, [id]);

describe('a batch', () => {
  it('counts how its members end, and completes with the last of them', async () => {
    const app = await scene.start({ handlers });
    const items = [...payloads(5), ...payloads(2, true)];
    const { id } = await app.jobs.batch(Member, items);
    const batch = await completes(app, id);
    expect(batch).toMatchObject({ status: 'complete', total: 7, done: 5, failed: 2, canceled: 0 });
    await expectCountsOfRows(id);
  });

  it('runs its onComplete job once, with the counts in its payload', async () => {
    const app = await scene.start({ handlers });
    const onComplete = { type: Report, payload: { of: 'seven' } };
    const { id } = await app.jobs.batch(Member, payloads(7), { onComplete, key: 'seven' });
    const { onCompleteJobId } = await completes(app, id);
    const { payload } = await scene.reaches(onCompleteJobId ?? '', 'done');
    expect(payload).toEqual({
      of: 'seven',
      batch: { id, key: 'seven', status: 'complete', total: 7, done: 7, failed: 0, canceled: 0 },
    });
    expect(await reportsOf(id)).toHaveLength(1);
  });

  it('with a key takes an onComplete type whose payload must have one, and without a key refuses it', async () => {
    const Keyed = defineJob({
      name: 'keyed-report',
      payload: z.object({ batch: counts.extend({ key: z.string() }) }),
    });
    const app = await scene.start({ types: [Member, Keyed], hasWorker: false });
    const onComplete = { type: Keyed };
    const { id } = await app.jobs.batch(Member, payloads(1), { onComplete, key: 'with a key' });
    expect(await app.jobs.batches.get(id)).toMatchObject({ onComplete: 'keyed-report' });
    const keyless = app.jobs.batch(Member, payloads(1), { onComplete });
    await expect(keyless).rejects.toMatchObject({ code: 'invalid_payload', message: /batch\.key/ });
  });

  it('takes more members until it is sealed, and is not complete before', async () => {
    const app = await scene.start({ handlers });
    const batch = await app.jobs.batch(Member, []);
    await batch.add(payloads(3).map((payload) => ({ payload })));
    await eventually(async () => (await app.jobs.batches.get(batch.id)).done === 3);
    expect(await app.jobs.batches.get(batch.id)).toMatchObject({ status: 'open', completedAt: null });
    await batch.seal();
    expect(await completes(app, batch.id)).toMatchObject({ status: 'complete', total: 3 });
  });

  it('of no members is complete as soon as it is sealed', async () => {
    const app = await scene.start({ handlers });
    const batch = await app.jobs.batch(Member, [], { onComplete: { type: Report, payload: { of: 'none' } } });
    await batch.seal();
    const { onCompleteJobId, ...view } = await app.jobs.batches.get(batch.id);
    expect(view).toMatchObject({ status: 'complete', total: 0 });
    await scene.reaches(onCompleteJobId ?? '', 'done');
  });

  it('stays sealed when it is sealed twice, and takes no more', async () => {
    const app = await scene.start({ handlers });
    const batch = await app.jobs.batch(Member, payloads(1));
    await batch.seal();
    await batch.seal();
    await expect(batch.add([{ payload: { n: 1 } }])).rejects.toMatchObject({ code: 'batch_sealed' });
    await expect(batch.add([])).rejects.toMatchObject({ code: 'batch_sealed' });
    const alone = app.jobs.enqueue(Member, { n: 1 }, { batchId: batch.id });
    await expect(alone).rejects.toMatchObject({ code: 'batch_sealed' });
    expect(await completes(app, batch.id)).toMatchObject({ total: 1 });
    await expectCountsOfRows(batch.id);
  });

  it('takes an objectId once, however often and from wherever it is added', async () => {
    const app = await scene.start({ handlers, hasWorker: false });
    const batch = await app.jobs.batch(Member, []);
    const items = ['a', 'b', 'a'].map((objectId, n) => ({ payload: { n }, objectId }));
    const [a, b, again] = await batch.add(items);
    expect(again).toBe(a);
    expect(await batch.add(items)).toEqual([a, b, a]);
    const single = await app.jobs.enqueue(Member, { n: 9 }, { batchId: batch.id, objectId: 'b' });
    expect(single).toMatchObject({ id: b, isRepeat: true });
    const racing = await Promise.all(
      Array.from({ length: 8 }, () => batch.add([{ payload: { n: 3 }, objectId: 'c' }])),
    );
    expect(new Set(racing.flat()).size).toBe(1);
    await batch.seal();
    await batch.add(items.slice(0, 2));
    expect(await app.jobs.batches.get(batch.id)).toMatchObject({ total: 3 });
  });

  it('is the same for the same key, from two processes at once and when it is sealed', async () => {
    const apps = [
      await scene.start({ types: [Member], hasWorker: false }),
      await scene.start({ types: [Member], hasWorker: false }),
    ];
    const made = await Promise.all(
      [...apps, ...apps].map(({ jobs }) => jobs.batch(Member, payloads(2), { key: 'twice' })),
    );
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect(made.filter(({ isRepeat }) => !isRepeat)).toHaveLength(1);
    expect(await apps[0]?.jobs.batches.get(made[0]?.id ?? '')).toMatchObject({ status: 'running', total: 2 });
  });

  it('of a key that was complete more than 12 hours ago is another', async () => {
    const app = await scene.start({ handlers });
    const first = await app.jobs.batch(Member, payloads(1), { key: 'nightly' });
    await completes(app, first.id);
    const old = '01900000-0000-7000-8000-000000000000';
    await scene.query('UPDATE batch SET id = $2 WHERE id = $1', [first.id, old]);
    const second = await app.jobs.batch(Member, payloads(1), { key: 'nightly' });
    expect(second.isRepeat).toBe(false);
    // The control: one that is not complete keeps its key for as long as that takes.
    await scene.query('UPDATE batch SET completed_at = NULL WHERE key = $1', ['nightly']);
    expect((await app.jobs.batch(Member, [], { key: 'nightly' })).id).toBe(second.id);
  });

  it('is refused for a key that names one of another type', async () => {
    const app = await scene.start({ types: [Member, Report], hasWorker: false });
    const { id } = await app.jobs.batch(Member, payloads(1), { key: 'of members' });
    const other = app.jobs.batch(Report, [], { key: 'of members' });
    await expect(other).rejects.toMatchObject({
      code: 'invalid_request',
      message: new RegExp(`names batch ${id} of member, not of report`),
    });
  });

  it('is not made with a member that meets a job outside it, unless those may be left out', async () => {
    const Once = defineJob({ name: 'once', payload: z.object({}), dedupe: { until: 'finished' } });
    const app = await scene.start({ types: [Once], hasWorker: false });
    const outside = await app.jobs.enqueue(Once, {}, { objectId: 'a' });
    const items = ['a', 'b'].map((objectId) => ({ payload: {}, objectId }));
    const make = (onDuplicate?: 'fail' | 'skip') =>
      app.jobs.batches.create(Once, items, { key: 'once', ...(onDuplicate && { onDuplicate }) });
    await expect(make()).rejects.toMatchObject({
      code: 'duplicate_job',
      details: { duplicates: [{ index: 0, objectId: 'a', jobId: outside.id }] },
    });
    const batch = await make('skip');
    expect(batch.isRepeat).toBe(false);
    expect(await app.jobs.batches.get(batch.id)).toMatchObject({ total: 1 });
  });

  it('tells a caller that its key is held for longer than a statement waits to try again', async () => {
    const app = await scene.start({ types: [Member], hasWorker: false });
    await app.database.dataSource.transaction(async (manager) => {
      await manager.query(`SELECT pg_advisory_xact_lock(hashtextextended('rookery:batch:held', 0))`);
      const made = app.jobs.batch(Member, payloads(1), { key: 'held' });
      await expect(made).rejects.toMatchObject({ code: 'overloaded', message: /try again/ });
    });
    expect((await app.jobs.batch(Member, payloads(1), { key: 'held' })).isRepeat).toBe(false);
  });

  it('belongs to the queue of each of its members, for workers that wait for the end of their queues', async () => {
    const Elsewhere = defineJob({ name: 'elsewhere', queue: 'elsewhere', payload: z.object({}) });
    const elsewhere = handlerOf(Elsewhere, () => undefined);
    const app = await scene.start({ handlers: [...handlers, elsewhere] });
    const query = controlQuery(app.database.control);
    const areFinished = (...queues: string[]) => areQueuesFinished(query, queues, new Date(0));
    const batch = await app.jobs.batch(Member, [], { key: 'mixed' });
    await batch.add([{ payload: { n: 1 } }]);
    await app.jobs.enqueue(Elsewhere, {}, { batchId: batch.id });
    expect(await scene.query('SELECT queue, member_queues FROM batch WHERE id = $1', [batch.id])).toEqual([
      { queue: 'member', member_queues: ['elsewhere', 'member'] },
    ]);
    expect(await areFinished('elsewhere')).toBe(false);
    await batch.seal();
    await completes(app, batch.id);
    expect(await areFinished('elsewhere')).toBe(true);
    expect(await areFinished('nobodys')).toBe(false);
    const awaited = { key: 'mixed', queues: ['elsewhere'], since: new Date(0) };
    expect(await isKeyFinished(query, awaited)).toBe(true);
  });

  it('refuses what it could not keep: a deadline in the past, a bad onComplete, a transaction that goes on', async () => {
    const app = await scene.start({ types: [Member, Report], hasWorker: false });
    const past = app.jobs.batch(Member, [], { deadline: new Date(0) });
    await expect(past).rejects.toMatchObject({ code: 'invalid_request', message: /deadline .* past/ });
    const never = app.jobs.batch(Member, [], { deadline: '8d' });
    await expect(never).rejects.toThrow(/deadline .* farthest is 7 days/);
    const wrong = { type: Report, payload: { of: 1 as unknown as string } };
    await expect(app.jobs.batch(Member, [], { onComplete: wrong })).rejects.toMatchObject({
      code: 'invalid_payload',
    });
    const { id } = await app.jobs.batch(Member, []);
    await app.database.dataSource.transaction(async (manager) => {
      const joined = app.jobs.enqueue(Member, { n: 1 }, { manager, batchId: id });
      await expect(joined).rejects.toThrow(/batchId excludes manager/);
    });
    const nobodys = app.jobs.enqueue(Member, { n: 1 }, { batchId: '01900000-0000-7000-8000-00000000000f' });
    await expect(nobodys).rejects.toMatchObject({ code: 'no_such_batch' });
  });

  it('stores a bad member and its batch not at all', async () => {
    const app = await scene.start({ types: [Member], hasWorker: false });
    const bad = app.jobs.batch(Member, [{ n: 1 }, { n: 'x' as unknown as number }], { key: 'bad' });
    await expect(bad).rejects.toMatchObject({ code: 'invalid_payload' });
    expect(
      await app.jobs.batches.list({ before: 'ffffffff-ffff-ffff-ffff-ffffffffffff', key: 'bad', limit: 9 }),
    ).toEqual([]);
  });
});

describe('the counts', () => {
  it('follow a member that is canceled, and one that is run again by hand after the batch was complete', async () => {
    const app = await scene.start({ handlers });
    const onComplete = { type: Report, payload: { of: 'again' } };
    const { id } = await app.jobs.batch(Member, payloads(1, true), { onComplete });
    await completes(app, id);
    const [failed] = await scene.query<{ id: string }>('SELECT id FROM job WHERE batch_id = $1', [id]);
    await app.jobs.retry(failed?.id ?? '');
    await scene.reaches(failed?.id ?? '', 'failed');
    expect(await app.jobs.batches.get(id)).toMatchObject({ status: 'complete', failed: 1 });
    await expectCountsOfRows(id);
    expect(await reportsOf(id)).toHaveLength(1);
  });

  it('are right, and the completion happens once, with eight workers that end members at once', async () => {
    const working = handlerOf(Member, async ({ fails }) => {
      await pause(5);
      if (fails) throw new Error('this one fails');
    });
    const options = { handlers: [working, report], transport: 'table-only' } as const;
    const apps = await Promise.all(Array.from({ length: 8 }, () => scene.start(options)));
    const [app] = apps;
    if (!app) throw new Error('no app');
    const onComplete = { type: Report, payload: { of: 'eight' } };
    const ids: string[] = [];
    for (let batch = 0; batch < 5; batch++) {
      const items = [...payloads(150), ...payloads(10, true)];
      ids.push((await app.jobs.batch(Member, items, { onComplete })).id);
    }
    for (const id of ids) {
      expect(await completes(app, id)).toMatchObject({ total: 160, done: 150, failed: 10 });
      await expectCountsOfRows(id);
      expect(await reportsOf(id)).toHaveLength(1);
    }
    const workers = await scene.query(`SELECT DISTINCT worker_id FROM job WHERE batch_id = ANY ($1)`, [ids]);
    expect(workers.length).toBeGreaterThan(1);
  });

  it('would not be right if a settle forgot them', async () => {
    const app = await scene.start({ handlers });
    const { id } = await app.jobs.batch(Member, payloads(1));
    await completes(app, id);
    await scene.query(`UPDATE job SET status = 'failed', discarded_at = now() WHERE batch_id = $1`, [id]);
    await expect(expectCountsOfRows(id)).rejects.toThrow();
  });
});

describe('canceling a batch', () => {
  it('cancels its waiting members, aborts its executing ones, and completes it as canceled', async () => {
    const started = new Tally();
    const slow = handlerOf(Member, (_, ctx) => {
      started.add();
      return untilAborted(ctx);
    });
    const app = await scene.start({ handlers: [slow, report], config: { defaults: { concurrency: 2 } } });
    const { id } = await app.jobs.batch(Member, payloads(1_200), {
      onComplete: { type: Report, payload: { of: 'x' } },
    });
    await started.reaches(2);
    expect((await app.jobs.batches.cancel(id)).batch).toMatchObject({ status: 'canceled' });
    const { onCompleteJobId, ...view } = await completes(app, id);
    expect(view).toMatchObject({ status: 'canceled', total: 1_200, canceled: 1_200 });
    await expectCountsOfRows(id);
    expect((await scene.reaches(onCompleteJobId ?? '', 'done')).result).toMatchObject({ status: 'canceled' });
    await expect(app.jobs.batches.cancel(id)).rejects.toMatchObject({ code: 'already_finished' });
  });

  it('never returns a member to waiting that was executing', async () => {
    const running = gate();
    const end = gate();
    const stubborn = handlerOf(Member, async () => {
      running.open();
      await end.opened;
      throw new Error('too late');
    });
    const app = await scene.start({ handlers: [stubborn] });
    const { id } = await app.jobs.batch(Member, payloads(1));
    await running.opened;
    await app.jobs.batches.cancel(id);
    end.open();
    expect(await completes(app, id)).toMatchObject({ canceled: 1 });
  });
});

it('tells every process of each complete batch by one fin', async () => {
  const app = await scene.start({ handlers });
  const heard: string[] = [];
  app.transport.subscribe('fin', ({ batchId }) => heard.push(batchId));
  const { id } = await app.jobs.batch(Member, payloads(3));
  await eventually(async () => {
    const [row] = await scene.query<{ fin_at: Date | null }>('SELECT fin_at FROM batch WHERE id = $1', [id]);
    return row?.fin_at !== null;
  });
  expect(heard.filter((batchId) => batchId === id)).toEqual([id]);
});
