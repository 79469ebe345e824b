import type { LoggerService } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { RookeryModule, defineConfig, type JobType } from '../../src/index.js';
import { eventually } from './eventually.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { openNatsServer, type NatsServer } from './nats-server.js';

/** Larger than the most a request may have, so that it is not the server that refuses one. */
const MAX_PAYLOAD = 8 * 1024 * 1024;

/** What a reply holds, whichever request it answers. */
export interface RpcReply {
  readonly id?: string;
  readonly status?: string;
  readonly error?: { readonly code: string; readonly message: string; readonly [detail: string]: unknown };
  readonly [total: string]: unknown;
}

export interface RpcAppOptions {
  readonly prefix?: string;
  /** Default: job. */
  readonly entry?: 'job' | 'status';
}

/** A database and a NATS server for the file, with a plain client, and processes that answer it. */
export interface RpcScene {
  readonly nats: NatsServer;
  readonly client: NatsConnection;
  readonly database: TestDatabase;
  /** What the apps of this test have logged so far, as `warn: text`. */
  readonly log: readonly string[];
  /** Boots one; several are several processes. Ends with the test. */
  start(options?: RpcAppOptions): Promise<TestingModule>;
  /** Sends text or bytes as they are, anything else as JSON, and answers the reply. */
  ask(subject: string, body?: unknown): Promise<RpcReply>;
}

/** Sets a scene for the file: call it once, outside of tests. */
export function rpcScene(types: readonly JobType[]): RpcScene {
  const apps: TestingModule[] = [];
  let nats: NatsServer;
  let client: NatsConnection;
  let database: TestDatabase;
  beforeAll(async () => {
    nats = await openNatsServer({ config: `max_payload: ${MAX_PAYLOAD}` });
    client = await connect({ servers: nats.url });
    database = await createTestDatabase();
  });
  const lines: string[] = [];
  const collector = collectorOf(lines);
  const answering = (): number => lines.filter((line) => line.startsWith('log: answers jobs.create')).length;
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.close();
    lines.length = 0;
  });
  afterAll(async () => {
    await client.close();
    await nats.close();
    await database.drop();
  });
  return {
    get nats() {
      return nats;
    },
    get client() {
      return client;
    },
    get database() {
      return database;
    },
    log: lines,
    start: async ({ prefix, entry = 'job' } = {}) => {
      const settings = { url: nats.url, ...(prefix !== undefined && { prefix }) };
      const config = defineConfig({ database: { url: database.url }, nats: settings }, {});
      const app = await Test.createTestingModule({
        imports: [RookeryModule.forRoot({ entry, config }), RookeryModule.forFeature(types)],
      })
        .setLogger(collector)
        .compile();
      apps.push(app);
      const before = answering();
      await app.init();
      if (entry === 'job') await eventually(() => answering() > before);
      return app;
    },
    ask: async (subject, body) => {
      const data = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
      const reply = await client.request(subject, data ?? '', { timeout: 10_000 });
      return reply.json<RpcReply>();
    },
  };
}

function collectorOf(lines: string[]): LoggerService {
  const take =
    (level: string) =>
    (message: unknown): void =>
      void lines.push(`${level}: ${String(message)}`);
  return { log: take('log'), warn: take('warn'), error: take('error'), fatal: take('fatal') };
}
