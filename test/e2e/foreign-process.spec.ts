import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { ended } from '../support/process-api.js';
import type { RookeryProcess } from '../support/rookery-process.js';
import { RookeryScene } from '../support/rookery-scene.js';

/** The application of test/fixtures/foreign-app as a process of its own, on the built library. */
const scene = new RookeryScene({ fixtures: { 'foreign-app': 'shop' } });
let database: TestDatabase;
let shop: RookeryProcess;

beforeAll(async () => {
  await scene.prepare();
  database = await createTestDatabase({ isEmpty: true });
  shop = scene.run([process.execPath, join(scene.app, 'shop/main.js')], { SHOP_DATABASE_URL: database.url });
  await shop.ready();
});

afterAll(async () => {
  await scene.dispose();
  await database.drop();
});

describe('a foreign application with a DataSource of its own', () => {
  it('enqueues within its transaction; the job runs after the commit and sees the row written beside it', async () => {
    const { status, body } = await shop.post<{ orderId: number; jobId: string }>('/orders', {
      note: 'two geese',
    });
    expect(status, shop.output).toBe(201);
    expect(await ended(shop, body.jobId)).toMatchObject({
      status: 'done',
      run: 1,
      result: { note: 'two geese' },
    });
    expect((await shop.get(`/orders/${body.orderId}`)).body).toMatchObject({
      note: 'two geese',
      isShipped: true,
    });
  });

  it('has neither the row nor the job of a transaction that is rolled back', async () => {
    const before = (await shop.get<{ processed: number }>('/status')).body.processed;
    const { status, body } = await shop.post<{ teapot: string }>('/orders', {
      note: 'doomed geese',
      isDoomed: true,
    });
    expect(status).toBe(500);
    const jobId = /doomed: (\S+)/.exec(body.teapot)?.[1] ?? expect.fail(body.teapot);
    expect((await shop.get(`/job/${jobId}`)).status).toBe(404);
    expect(await database.query('SELECT * FROM shop_order WHERE note = $1', ['doomed geese'])).toEqual([]);
    expect(await database.query('SELECT * FROM rookery.job WHERE id = $1', [jobId])).toEqual([]);
    // A later job runs, so a ticket of the earlier one would have been met by now.
    const later = await shop.post<{ jobId: string }>('/orders', { note: 'one goose' });
    expect(await ended(shop, later.body.jobId)).toMatchObject({ status: 'done' });
    expect((await shop.get('/status')).body).toMatchObject({ processed: before + 1, failed: 0, waiting: 0 });
  });

  it('keeps its own way of telling errors, and Rookery its own on its own routes', async () => {
    expect(await shop.get('/orders/4711')).toEqual({
      status: 404,
      body: { teapot: 'there is no order 4711' },
    });
    expect((await shop.get('/no/such/route')).body).toHaveProperty('teapot');
    const unknown = '0190b5f0-0000-7000-8000-000000000000';
    expect(await shop.get(`/job/${unknown}`)).toMatchObject({
      status: 404,
      body: { code: 'no_such_job', status: 404 },
    });
  });

  it('keeps its tables apart: those of Rookery are in the schema it was given', async () => {
    const rows = await database.query<{ schema: string }>(
      `SELECT DISTINCT schemaname AS schema FROM pg_tables WHERE tablename IN ('job', 'worker', 'queue')`,
    );
    expect(rows).toEqual([{ schema: 'rookery' }]);
  });

  it('ends by itself once it is closed: nothing of Rookery keeps it alive', async () => {
    const { code, output } = await shop.stop();
    expect(output).toMatch(/closed$/);
    expect(code).toBe(0);
    await scene.nothingIsLeft();
  });
});
