import { Module, type Type } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { JobService } from '../../src/index.js';
import { ForeignAppModule } from '../fixtures/foreign-app/foreign-app.module.js';
import { Order } from '../fixtures/foreign-app/order.entity.js';
import { ShipOrder } from '../fixtures/foreign-app/ship-order.job.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { failOnLeaks } from '../support/leaks.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase({ isEmpty: true });
});

// Fails when a session is left open.
afterAll(() => database.drop());

failOnLeaks();

/** The application as a class, whose imports are made once, when it is decorated. */
function shopModule(): Type {
  @Module({ imports: [ForeignAppModule.register(database.url)] })
  class ShopModule {}
  return ShopModule;
}

async function boot(module = shopModule()): Promise<NestFastifyApplication> {
  const testing = await Test.createTestingModule({ imports: [module] }).compile();
  const app = testing.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
  return app.init();
}

/** Enqueues a job, for an order that there is not, and waits for its end. */
async function runsJobs(app: NestFastifyApplication): Promise<void> {
  const { id } = await app.get(JobService).enqueue(ShipOrder, { orderId: -1 });
  await eventually(
    async () =>
      (await database.query(`SELECT status FROM rookery.job WHERE id = $1`, [id]))[0]?.['status'] ===
      'failed',
  );
}

describe('a foreign application under @nestjs/testing', () => {
  it('enqueues from its own transaction, runs the job, and leaves nothing when it is closed', async () => {
    const app = await boot();
    const dataSource = app.get(DataSource);
    const jobs = app.get(JobService);
    const { jobId, orderId } = await dataSource.transaction(async (manager) => {
      const order = await manager.save(Order, { note: 'tested' });
      const { id } = await jobs.enqueue(ShipOrder, { orderId: order.id }, { manager });
      return { jobId: id, orderId: order.id };
    });
    await eventually(
      async () => (await dataSource.getRepository(Order).findOneByOrFail({ id: orderId })).isShipped,
    );
    await eventually(
      async () =>
        (await database.query(`SELECT status FROM rookery.job WHERE id = $1`, [jobId]))[0]?.['status'] ===
        'done',
    );
    await app.close();
  });

  it('can be closed and booted again in one process, by the same class', async () => {
    const shop = shopModule();
    const first = await boot(shop);
    await first.close();
    const second = await boot(shop);
    await runsJobs(second);
    await second.close();
  });

  it('can be booted twice side by side by the same class, and each ends alone', async () => {
    const shop = shopModule();
    const first = await boot(shop);
    const second = await boot(shop);
    await first.close();
    await runsJobs(second);
    await second.close();
  });
});
