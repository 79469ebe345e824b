import type { DynamicModule, Type } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { z } from 'zod';
import {
  JobService,
  RookeryModule,
  defineConfig,
  defineJob,
  type EntryName,
  type JobOptions,
  type RookerySettings,
} from '../../src/index.js';
import { Database } from '../../src/modules/database/index.js';
import { ProblemFilter, controlQuery, settle, type Query } from '../../src/modules/job/index.js';
import { createTestDatabase, type TestDatabase } from './database.js';

/** Types of the tests of the API; nobody runs their jobs, so each test says itself what becomes of one. */
export const Greet = defineJob({
  name: 'greet',
  queue: 'mail',
  payload: z.object({ to: z.string() }),
  maxAttempts: 2,
});
export const Paint = defineJob({ name: 'paint', payload: z.unknown() });
export const Sync = defineJob({
  name: 'sync',
  queue: 'mail',
  payload: z.unknown(),
  dedupe: { window: '5m' },
});
export const Import = defineJob({ name: 'import', payload: z.unknown(), dedupe: { until: 'finished' } });

/** What a server answered. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | number | undefined>>;
  readonly body: Record<string, unknown>;
}

export interface RestAppOptions {
  readonly imports?: readonly (Type | DynamicModule)[];
  /** False for an application that answers errors of its own in its own way. */
  readonly hasGlobalFilter?: boolean;
  readonly prefix?: string;
  /** Besides the database. */
  readonly settings?: RookerySettings;
  /** Default: `job`. */
  readonly entry?: EntryName;
  /** Called before any route is added. */
  readonly beforeInit?: (app: NestFastifyApplication) => void;
  /** Default: one without options. */
  readonly adapter?: FastifyAdapter;
}

/** The API on a database of its own, without a worker. */
export class RestApp {
  private constructor(
    readonly app: NestFastifyApplication,
    readonly database: TestDatabase,
  ) {}

  static async boot({
    imports = [],
    hasGlobalFilter = true,
    prefix,
    settings = {},
    entry = 'job',
    adapter = new FastifyAdapter(),
    beforeInit,
  }: RestAppOptions = {}): Promise<RestApp> {
    const database = await createTestDatabase();
    const config = defineConfig({ ...settings, database: { url: database.url } }, {});
    const testing = await Test.createTestingModule({
      imports: [
        RookeryModule.forRoot({ entry, config }),
        RookeryModule.forFeature([Greet, Paint, Sync, Import]),
        ...imports,
      ],
    }).compile();
    const app = testing.createNestApplication<NestFastifyApplication>(adapter, { logger: false });
    if (hasGlobalFilter) app.useGlobalFilters(new ProblemFilter(app.get(HttpAdapterHost)));
    if (prefix !== undefined) app.setGlobalPrefix(prefix);
    beforeInit?.(app);
    await app.init();
    await app.getHttpAdapter().getInstance().ready();
    return new RestApp(app, database);
  }

  get jobs(): JobService {
    return this.app.get(JobService);
  }

  get query(): Query {
    return controlQuery(this.app.get(Database).control);
  }

  get(url: string): Promise<Answered> {
    return this.send('GET', url);
  }

  post(url: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answered> {
    return this.send('POST', url, body === undefined ? undefined : JSON.stringify(body), {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    });
  }

  patch(url: string, body: unknown): Promise<Answered> {
    return this.send('PATCH', url, JSON.stringify(body), { 'content-type': 'application/json' });
  }

  /** Sends a body as it is. */
  async send(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    payload?: string | Buffer,
    headers: Record<string, string> = {},
  ): Promise<Answered> {
    const response = await this.app.inject({
      method,
      url,
      headers,
      ...(payload !== undefined && { payload }),
    });
    return {
      status: response.statusCode,
      headers: response.headers,
      body: response.body === '' ? {} : response.json(),
    };
  }

  /** Enqueues a `paint` job and answers its id. */
  async paint(options: JobOptions = {}): Promise<string> {
    return (await this.jobs.enqueue(Paint, {}, options)).id;
  }

  /** Has a worker that nobody sees claim the job. */
  async claim(id: string): Promise<void> {
    await this.database.query(
      `WITH claimed AS (UPDATE job SET status = 'executing', run = run + 1, attempt = attempt + 1, started_at = now(), worker_id = $2
         WHERE id = $1 RETURNING queue, name)
       INSERT INTO counter_delta (queue, name, claimed) SELECT queue, name, 1 FROM claimed`,
      [id, WORKER_ID],
    );
  }

  /** Has that worker end the job's run. */
  async end(
    id: string,
    status: 'done' | 'failed' | 'canceled',
    error = 'the paint has dried',
  ): Promise<void> {
    await this.claim(id);
    const [job] = await this.database.query<{ run: number; attempt: number }>(
      'SELECT run, attempt FROM job WHERE id = $1',
      [id],
    );
    const { run = 1, attempt = 1 } = job ?? {};
    const at = '2026-01-31T03:00:00.000Z';
    await settle(this.query, WORKER_ID, [
      status === 'done'
        ? { kind: 'succeeded', isMember: false, id, run, result: '{"coats":2}', children: [] }
        : {
            kind: 'other',
            isMember: false,
            id,
            run,
            status,
            delayMs: 0,
            isRefunded: false,
            entry: {
              run,
              attempt,
              outcome: status,
              worker: WORKER_ID,
              startedAt: at,
              endedAt: at,
              error: { message: error },
            },
          },
    ]);
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.database.drop();
  }
}

/** The worker that `claim` and `end` stand for. */
export const WORKER_ID = '01890000-0000-7000-8000-00000000beef';
