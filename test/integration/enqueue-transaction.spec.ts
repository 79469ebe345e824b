import { DataSource, type EntityManager, type QueryRunner } from 'typeorm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Metrics } from '../../src/kernel/metrics.js';
import { defineJob } from '../../src/modules/job/index.js';
import { handlerOf, Tally } from '../support/handlers.js';
import { rookeryScene, type AppOptions } from '../support/rookery-app.js';

const scene = rookeryScene();
const Order = defineJob({ name: 'order', payload: z.object({}) });
const Single = defineJob({ name: 'single', payload: z.object({}), dedupe: { until: 'finished' } });
const types = [Order, Single];

/** The application's own, with a search path on which none of our tables are. */
let source: DataSource;
const open: QueryRunner[] = [];

beforeAll(async () => {
  await scene.query('CREATE SCHEMA shop');
  await scene.query('CREATE TABLE shop.purchase (id int PRIMARY KEY)');
  const url = new URL(scene.database.url);
  url.searchParams.set('options', '-c search_path=shop');
  source = await new DataSource({ type: 'postgres', url: url.href }).initialize();
});

afterEach(async () => {
  for (const runner of open.splice(0)) {
    if (runner.isTransactionActive) await runner.rollbackTransaction();
    await runner.release();
  }
  await scene.query('TRUNCATE shop.purchase; DELETE FROM job; DELETE FROM job_key');
});

afterAll(() => source.destroy());

/** An app that enqueues, and a count of the runs of its handler. */
async function start(options: AppOptions = {}) {
  const runs = new Tally();
  const app = await scene.start({ types, handlers: [handlerOf(Order, () => runs.add())], ...options });
  return { ...app, runs };
}

/** A transaction that stays open until the test ends it. */
async function beginTransaction(): Promise<QueryRunner> {
  const runner = source.createQueryRunner();
  open.push(runner);
  await runner.startTransaction();
  return runner;
}

const stored = () => scene.query('SELECT id FROM job');
const buy = (manager: EntityManager, id: number) => manager.query('INSERT INTO purchase VALUES ($1)', [id]);

describe('a job enqueued in the caller’s own transaction', () => {
  it('exists and runs once that commits, together with the caller’s rows', async () => {
    const { jobs, transport } = await start();
    const id = await source.transaction(async (manager) => {
      await buy(manager, 1);
      const job = await jobs.enqueue(Order, {}, { manager });
      expect(await stored()).toEqual([]);
      expect(transport.offers).toEqual([]);
      return job.id;
    });
    expect(transport.offeredIds).toEqual([id]);
    await scene.reaches(id, 'done');
    expect(await scene.query('SELECT id FROM shop.purchase')).toEqual([{ id: 1 }]);
  });

  it('runs at once by its ticket, without a wait for the look', async () => {
    const { jobs } = await start({ config: { defaults: { pollInterval: '1h' } } });
    for (let round = 0; round < 20; round++) {
      const { id } = await source.transaction((manager) => jobs.enqueue(Order, {}, { manager }));
      await scene.reaches(id, 'done');
    }
  });

  it('never was when that rolls back: no row, no key, no ticket', async () => {
    const { jobs, transport } = await start();
    const undo = source.transaction(async (manager) => {
      await buy(manager, 1);
      await jobs.enqueue(Order, {}, { manager });
      await jobs.enqueue(Single, {}, { manager, objectId: 'undone' });
      throw new Error('undo');
    });
    await expect(undo).rejects.toThrow('undo');
    expect(await stored()).toEqual([]);
    expect(await scene.query('SELECT key FROM job_key')).toEqual([]);
    expect(transport.offers).toEqual([]);
    await jobs.enqueue(Single, {}, { objectId: 'undone' });
  });

  it('goes with the savepoint it was enqueued in, and what came before stays', async () => {
    const { jobs, transport } = await start();
    const kept = await source.transaction(async (manager) => {
      const before = await jobs.enqueue(Order, {}, { manager });
      const undo = manager.transaction(async (inner) => {
        await jobs.enqueue(Order, {}, { manager: inner });
        throw new Error('undo');
      });
      await expect(undo).rejects.toThrow('undo');
      await manager.transaction((inner) => buy(inner, 2));
      return before.id;
    });
    expect(await stored()).toEqual([{ id: kept }]);
    expect(transport.offeredIds).toEqual([kept]);
  });

  it('is refused as no_transaction when the manager has none, and nothing is stored', async () => {
    const { jobs } = await start();
    await expect(jobs.enqueue(Order, {}, { manager: source.manager })).rejects.toMatchObject({
      code: 'no_transaction',
    });
    await expect(
      jobs.enqueueMany(Order, [{ payload: {} }], { manager: source.manager }),
    ).rejects.toMatchObject({
      code: 'no_transaction',
    });
    expect(await stored()).toEqual([]);
  });

  it('may be many, all of them with the commit', async () => {
    const { jobs, runs } = await start();
    const ids = await source.transaction((manager) =>
      jobs.enqueueMany(
        Order,
        Array.from({ length: 120 }, () => ({ payload: {} })),
        { manager },
      ),
    );
    await runs.reaches(120);
    expect(new Set(ids).size).toBe(120);
  });

  it('leaves nothing behind when some of many are refused as duplicates and the caller goes on', async () => {
    const { jobs, transport, module } = await start({ hasWorker: false });
    const { id: holder } = await jobs.enqueue(Single, {}, { objectId: 'there' });
    const offered = transport.offeredIds.length;
    await source.transaction(async (manager) => {
      const items = [{ payload: {} }, { payload: {}, objectId: 'there' }, { payload: {}, objectId: 'new' }];
      await expect(jobs.enqueueMany(Single, items, { manager })).rejects.toMatchObject({
        code: 'duplicate_job',
        details: { duplicates: [{ index: 1, jobId: holder }] },
      });
      await buy(manager, 3);
    });
    expect(await stored()).toEqual([{ id: holder }]);
    expect(transport.offeredIds).toHaveLength(offered);
    expect(await scene.query('SELECT count(*)::int AS n FROM shop.purchase')).toEqual([{ n: 1 }]);
    await jobs.enqueue(Single, {}, { objectId: 'new' });
    const duplicates = module.get(Metrics).counter('rookery_duplicates_total', '');
    expect(duplicates.of(Single.queue, Single.name, 'dedupe').value).toBe(1);
  });

  it('is answered to whoever repeats its Idempotency-Key within the same transaction', async () => {
    const { jobs } = await start({ hasWorker: false });
    await source.transaction(async (manager) => {
      const options = { manager, idempotencyKey: 'once' };
      const { id } = await jobs.enqueue(Order, {}, options);
      expect(await jobs.enqueue(Order, {}, options)).toEqual({ id, status: 'waiting', isRepeat: true });
    });
    expect(await stored()).toHaveLength(1);
  });

  it('has its due time from birth, for its commit may come late; a delayed one has its own', async () => {
    const { jobs } = await start({ hasWorker: false });
    const [now, later] = await source.transaction(async (manager) => [
      await jobs.enqueue(Order, {}, { manager }),
      await jobs.enqueue(Order, {}, { manager, delay: '1h' }),
    ]);
    const rows = await scene.query<{ id: string; due: string }>(
      `SELECT id, CASE WHEN due_at <= now() THEN 'now' WHEN due_at > now() + interval '59 min' THEN 'later' END AS due FROM job ORDER BY id`,
    );
    expect(rows).toEqual([
      { id: now?.id, due: 'now' },
      { id: later?.id, due: 'later' },
    ]);
  });

  it('leaves no prepared statement and no setting on the caller’s connection', async () => {
    const { jobs } = await start({ hasWorker: false });
    const runner = await beginTransaction();
    await jobs.enqueue(Single, {}, { manager: runner.manager, objectId: 'clean' });
    await runner.commitTransaction();
    expect(await runner.query('SELECT name FROM pg_prepared_statements')).toEqual([]);
    expect(await runner.query('SHOW search_path')).toEqual([{ search_path: 'shop' }]);
  });
});

describe('a caller’s transaction that is held open', () => {
  it('stops nobody else’s enqueue, claim or settle, with a key or without', async () => {
    const { jobs, runs } = await start();
    const other = await start();
    const { manager } = await beginTransaction();
    await jobs.enqueue(Order, {}, { manager });
    await jobs.enqueue(Single, {}, { manager, objectId: 'mine' });
    await jobs.enqueueMany(Order, [{ payload: {} }, { payload: {} }], { manager });
    const from = performance.now();
    const others = await Promise.all([
      ...Array.from({ length: 50 }, () => jobs.enqueue(Order, {})),
      ...Array.from({ length: 50 }, () => other.jobs.enqueue(Order, {})),
    ]);
    for (let n = 0; n < 20; n++) await jobs.enqueue(Single, {}, { objectId: `yours-${n}` });
    await jobs.enqueueMany(Order, [{ payload: {} }]);
    for (const { id } of others) await scene.reaches(id, 'done');
    expect(performance.now() - from).toBeLessThan(10_000);
    expect(runs.count + other.runs.count).toBeGreaterThanOrEqual(100);
    expect(manager.queryRunner?.isTransactionActive).toBe(true);
  });

  it('makes its key answer duplicate_job, retryAfter 1, without a long wait', async () => {
    const { jobs } = await start({ hasWorker: false });
    const runner = await beginTransaction();
    await jobs.enqueue(Single, {}, { manager: runner.manager, objectId: 'held' });
    const from = performance.now();
    const refused = { code: 'duplicate_job', details: { retryAfter: 1 } };
    await Promise.all([
      expect(jobs.enqueue(Single, {}, { objectId: 'held' })).rejects.toMatchObject(refused),
      expect(jobs.enqueueMany(Single, [{ payload: {}, objectId: 'held' }])).rejects.toMatchObject(refused),
      expect(
        jobs.enqueueMany(Single, [{ payload: {}, objectId: 'held' }], { onDuplicate: 'skip' }),
      ).rejects.toMatchObject(refused),
      // Keys beside it go through meanwhile.
      jobs.enqueue(Single, {}, { objectId: 'beside' }),
    ]);
    expect(performance.now() - from).toBeLessThan(3_000);
    await runner.rollbackTransaction();
    await jobs.enqueue(Single, {}, { objectId: 'held' });
  });

  it('makes its key answer at once within another caller’s transaction', async () => {
    const { jobs } = await start({ hasWorker: false });
    const first = await beginTransaction();
    await jobs.enqueue(Single, {}, { manager: first.manager, objectId: 'between' });
    const second = await beginTransaction();
    await expect(
      jobs.enqueue(Single, {}, { manager: second.manager, objectId: 'between' }),
    ).rejects.toMatchObject({ code: 'duplicate_job', details: { retryAfter: 1 } });
    await second.commitTransaction();
  });

  it('is waited for a moment: a key whose transaction ends soon is decided by how it ended', async () => {
    const { jobs } = await start({ hasWorker: false });
    const committing = await beginTransaction();
    const first = await jobs.enqueue(Single, {}, { manager: committing.manager, objectId: 'soon' });
    const asked = jobs.enqueue(Single, {}, { objectId: 'soon' });
    await committing.commitTransaction();
    await expect(asked).rejects.toMatchObject({ details: { jobId: first.id } });
    const undone = await beginTransaction();
    await jobs.enqueue(Single, {}, { manager: undone.manager, objectId: 'undone' });
    const stays = jobs.enqueue(Single, {}, { objectId: 'undone' });
    await undone.rollbackTransaction();
    expect((await stays).status).toBe('waiting');
  });
});
