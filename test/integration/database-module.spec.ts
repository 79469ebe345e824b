import { Global, Inject, Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONFIG, defineConfig } from '../../src/config/index.js';
import { Lifecycle } from '../../src/kernel/lifecycle.js';
import { Metrics } from '../../src/kernel/metrics.js';
import { Database, DatabaseModule } from '../../src/modules/database/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

let testDatabase: TestDatabase;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
});

afterAll(async () => {
  await testDatabase.drop();
});

@Injectable()
class Reader implements OnModuleInit {
  jobs: unknown;

  constructor(@Inject(Database) private readonly database: Database) {}

  async onModuleInit(): Promise<void> {
    this.jobs = await this.database.control.query('SELECT count(*) AS jobs FROM job');
  }
}

function modules(url: string) {
  const lifecycle = new Lifecycle();
  const config = defineConfig({ database: { url } }, {});
  @Global()
  @Module({
    providers: [{ provide: CONFIG, useValue: config }, { provide: Lifecycle, useValue: lifecycle }, Metrics],
    exports: [CONFIG, Lifecycle, Metrics],
  })
  class KernelModule {}

  @Module({ providers: [Reader] })
  class ReaderModule {}

  // The reader's module stands before the database's, which must not matter.
  const testing = Test.createTestingModule({
    imports: [ReaderModule, KernelModule, DatabaseModule.register()],
  });
  return { lifecycle, testing };
}

describe('the database module', () => {
  it('has the database open for the onModuleInit of every module, and closes it in the database phase', async () => {
    const { lifecycle, testing } = modules(testDatabase.url);
    const app = await testing.compile();
    await app.init();
    expect(app.get(Reader).jobs).toEqual([{ jobs: 0 }]);
    expect(await lifecycle.stop()).toEqual([]);
    await expect(app.get(Database).ping()).rejects.toThrow('the control pool is closed');
    await app.close();
  });

  it('fails the boot with database_unavailable when the database cannot be used', async () => {
    const url = new URL(testDatabase.url);
    url.pathname = '/no_such_database';
    const { testing } = modules(url.href);
    await expect(testing.compile()).rejects.toMatchObject({ code: 'database_unavailable' });
  });
});
