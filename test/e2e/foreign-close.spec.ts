import { Injectable, Module, type DynamicModule, type OnModuleDestroy } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  JobHandler,
  JobService,
  Lifecycle,
  RookeryModule,
  defineConfig,
  defineJob,
  type Handler,
} from '../../src/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { gate, type Gate } from '../support/handlers.js';
import { failOnLeaks } from '../support/leaks.js';

const Send = defineJob({ name: 'send', payload: z.strictObject({}), maxAttempts: 1 });

let started: Gate;
let ends: Gate;
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

// Fails when a session is left open.
afterAll(() => database.drop());

failOnLeaks();

/** Closes as many clients of databases and caches do in Nest. */
@Injectable()
class Client implements OnModuleDestroy {
  private isOpen = true;

  send(): string {
    if (!this.isOpen) throw new Error('the client is closed');
    return 'sent';
  }

  onModuleDestroy(): void {
    this.isOpen = false;
  }
}

@Module({ providers: [Client], exports: [Client] })
class ClientModule {}

@JobHandler(Send)
class SendHandler implements Handler<typeof Send> {
  constructor(private readonly client: Client) {}

  async handle(): Promise<string> {
    started.open();
    await ends.opened;
    return this.client.send();
  }
}

/** The root, whose hooks Nest calls before those of all that it imports. */
@Module({})
class App implements OnModuleDestroy {
  wasStoppedAtItsEnd: boolean | undefined;

  constructor(private readonly lifecycle: Lifecycle) {}

  static register(): DynamicModule {
    const config = defineConfig({ database: { url: database.url }, shutdown: { grace: '20s' } }, {});
    return {
      module: App,
      imports: [
        RookeryModule.forRoot({ entry: 'all', config }),
        ClientModule,
        RookeryModule.forFeature([SendHandler], [ClientModule]),
      ],
    };
  }

  onModuleDestroy(): void {
    this.wasStoppedAtItsEnd = this.lifecycle.isStopping;
  }
}

const options = { logger: false, abortOnError: false } as const;

describe('an application that is closed', () => {
  it.each([
    [
      'a server',
      async () => (await NestFactory.create(App.register(), new FastifyAdapter(), options)).init(),
    ],
    ['a context', () => NestFactory.createApplicationContext(App.register(), options)],
  ])('lets its jobs end before it ends what they use: %s', async (_, boot) => {
    started = gate();
    ends = gate();
    const app = await boot();
    const { id } = await app.get(JobService).enqueue(Send, {});
    await started.opened;
    app.get(Lifecycle).register('running', 'lets the job go on', 10_000, () => ends.open());
    await app.close();
    expect(await database.query(`SELECT status, run, result FROM job WHERE id = $1`, [id])).toEqual([
      { status: 'done', run: 1, result: 'sent' },
    ]);
    expect(app.get(App).wasStoppedAtItsEnd).toBe(true);
  });
});
