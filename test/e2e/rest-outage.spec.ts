import { NestFactory } from '@nestjs/core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { JobService, RookeryModule, defineConfig } from '../../src/index.js';
import { Lifecycle } from '../../src/kernel/lifecycle.js';
import { Database } from '../../src/modules/database/index.js';
import { createTestDatabase } from '../support/database.js';
import { Paint, RestApp } from '../support/rest-app.js';

const MISSING_ID = '01890000-0000-7000-8000-000000000000';

let rest: RestApp;

describe('while the database is away', () => {
  afterEach(async () => {
    vi.restoreAllMocks();
    await rest.close();
  });

  it('a request is answered 503 database_unavailable with Retry-After, and readiness fails', async () => {
    rest = await RestApp.boot();
    const database = rest.app.get(Database);
    vi.spyOn(database.control, 'query').mockRejectedValue(new Error('Connection terminated unexpectedly'));
    vi.spyOn(database, 'state', 'get').mockReturnValue({
      status: 'away',
      since: 0,
      forMs: 3_000,
      reason: 'gone',
    });
    for (const url of ['/job/cancel', `/job/${MISSING_ID}/cancel`, '/queue/mail/pause']) {
      const { status, headers, body } = await rest.post(url, { all: true });
      expect([status, body['code'], headers['retry-after']]).toEqual([503, 'database_unavailable', '1']);
    }
    expect((await rest.get('/status')).body['code']).toBe('database_unavailable');
    const ready = await rest.get('/health/ready');
    expect(ready.status).toBe(503);
    expect(ready.body).toMatchObject({ parts: { database: { isReady: false, detail: 'away for 3 s' } } });
    expect((await rest.get('/health/live')).status).toBe(200);
  });

  it('a row that a stranger has locked answers 503 overloaded, and can be canceled afterwards', async () => {
    rest = await RestApp.boot();
    const id = await rest.paint();
    await rest.database.query('BEGIN');
    await rest.database.query('SELECT FROM job WHERE id = $1 FOR UPDATE', [id]);
    const { status, body, headers } = await rest.post(`/job/${id}/cancel`);
    await rest.database.query('COMMIT');
    expect([status, body['code'], headers['retry-after']]).toEqual([503, 'overloaded', '1']);
    expect((await rest.post(`/job/${id}/cancel`)).status).toBe(200);
  });

  it('an enqueue to a process that has closed its outlets is answered 503 shutting_down', async () => {
    rest = await RestApp.boot();
    let answered: ReturnType<RestApp['post']> | undefined;
    rest.app.get(Lifecycle).register('database', 'a late request', 5_000, async () => {
      answered = rest.post('/job', { name: 'paint' });
      await answered;
    });
    await rest.app.get(Lifecycle).stop();
    expect((await answered)?.body).toMatchObject({ status: 503, code: 'shutting_down' });
  });
});

describe('an application without HTTP', () => {
  it('boots with the API in it, and enqueues', async () => {
    const database = await createTestDatabase();
    const config = defineConfig({ database: { url: database.url } }, {});
    const imports = [RookeryModule.forRoot({ entry: 'job', config }), RookeryModule.forFeature([Paint])];
    const context = await NestFactory.createApplicationContext(
      { module: class Root {}, imports },
      { logger: false },
    );
    const { status } = await context.get(JobService, { strict: false }).enqueue(Paint, {});
    expect(status).toBe('waiting');
    await context.close();
    await database.drop();
  });
});
