import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { AppModule } from '../../src/app.module.js';
import { Lifecycle, defineConfig, type RookerySettings } from '../../src/index.js';
import { createTestDatabase, type TestDatabase } from './database.js';

/** What a server answered. */
export interface Answer<Body = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** The whole platform with its samples, in this process, on a database and a port of its own. */
export class SamplesApp {
  private constructor(
    readonly app: NestFastifyApplication,
    readonly database: TestDatabase,
    /** Without a slash at its end. */
    readonly url: string,
  ) {}

  static async boot(settings: Omit<RookerySettings, 'database'> = {}): Promise<SamplesApp> {
    const database = await createTestDatabase();
    const samples = { ...(typeof settings.samples === 'object' && settings.samples), enabled: true };
    const config = defineConfig({ ...settings, samples, database: { url: database.url } }, {});
    const testing = await Test.createTestingModule({
      imports: [AppModule.register(['all'], config, new Lifecycle())],
    }).compile();
    const app = testing.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), {
      logger: false,
    });
    await app.listen(0, '127.0.0.1');
    return new SamplesApp(app, database, await app.getUrl());
  }

  /** Sends a request, with a body as JSON, and follows no redirect. */
  async send<Body>(method: string, path: string, body?: unknown): Promise<Answer<Body>> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      redirect: 'manual',
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text === '' ? undefined : JSON.parse(text)) as Body,
    };
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.database.drop();
  }
}
