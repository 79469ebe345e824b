import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Health } from '../../src/kernel/health.js';
import { Lifecycle } from '../../src/kernel/lifecycle.js';
import { RestApp } from '../support/rest-app.js';

let rest: RestApp;

interface Queue {
  readonly name: string;
  readonly waiting: number;
  readonly oldestWaitingMs: number | null;
}

const queueNamed = async (name: string): Promise<Queue | undefined> =>
  ((await rest.get('/queue')).body['queues'] as Queue[]).find((queue) => queue.name === name);

/** A worker's lease, as old as `age` and changed as `fields` say. */
async function lease(
  id: number,
  { age = '0 s', fields = 'stopped_at = NULL' }: { age?: string; fields?: string } = {},
): Promise<void> {
  const uuid = `01890000-0000-7000-8000-00000000000${id}`;
  await rest.database.query(
    `INSERT INTO worker (id, host, pid, entry, queues, types, slots, visibility_timeout_ms, seen_at)
     VALUES ($1, 'here', $2, 'worker', '{mail}', '{greet}', '{"total": 20, "busy": 3, "stuck": 1, "queues": {"mail": {"concurrency": 10}}}',
             30000, now() - $3::interval)`,
    [uuid, id, age],
  );
  await rest.database.query(`UPDATE worker SET ${fields} WHERE id = $1`, [uuid]);
}

beforeAll(async () => {
  rest = await RestApp.boot();
});
afterAll(() => rest.close());
beforeEach(() => rest.database.query('TRUNCATE job, counter_delta, counter_minute, worker, queue'));

describe('GET /status', () => {
  it('answers zeros when there was never a job', async () => {
    expect((await rest.get('/status')).body).toMatchObject({
      ...{ processed: 0, done: 0, failed: 0, canceled: 0, waiting: 0, executing: 0 },
      queues: [],
    });
  });

  it('answers the totals and those of each queue', async () => {
    const ids = await Promise.all(Array.from({ length: 6 }, () => rest.paint()));
    await rest.post('/job', { name: 'greet', payload: { to: 'x' } });
    await rest.end(String(ids[0]), 'done');
    await rest.end(String(ids[1]), 'failed');
    await rest.claim(String(ids[2]));
    await rest.post(`/job/${String(ids[3])}/cancel`);
    const paint = { processed: 2, done: 1, failed: 1, canceled: 1, waiting: 2, executing: 1 };
    expect((await rest.get('/status')).body).toMatchObject({
      ...paint,
      waiting: 3,
      queues: [
        { name: 'mail', processed: 0, done: 0, failed: 0, canceled: 0, waiting: 1, executing: 0 },
        { name: 'paint', ...paint },
      ],
    });
  });

  it('names the types that no live worker serves', async () => {
    await rest.paint();
    await lease(1);
    const { body } = await rest.get('/status');
    expect(body['unservedTypes']).toEqual([
      { name: 'import', queue: 'import', waiting: 0 },
      { name: 'paint', queue: 'paint', waiting: 1 },
      { name: 'sync', queue: 'mail', waiting: 0 },
    ]);
  });
});

describe('GET /queue/history', () => {
  it('answers the flows of each queue, a number a minute, folded or not', async () => {
    await rest.database.query(
      `INSERT INTO counter_minute (minute, queue, name, enqueued, done, failed)
       VALUES (date_trunc('minute', now()) - interval '2 min', 'mail', 'greet', 7, 5, 1),
              (date_trunc('minute', now()) - interval '5 h', 'mail', 'greet', 100, 100, 0), ('-infinity', 'mail', 'greet', 107, 105, 1)`,
    );
    await rest.end(await rest.paint(), 'done');
    const { body } = await rest.get('/queue/history?minutes=10');
    const queues = body['queues'] as { name: string; enqueued: number[]; done: number[]; failed: number[] }[];
    const sum = (values: readonly number[] = []): number => values.reduce((total, value) => total + value, 0);
    expect(
      queues.map(({ name, enqueued, done, failed }) => [
        name,
        enqueued.length,
        sum(enqueued),
        sum(done),
        sum(failed),
      ]),
    ).toEqual([
      ['mail', 10, 7, 5, 1],
      ['paint', 10, 1, 1, 0],
    ]);
  });

  it.each(['0', '181', 'x'])('refuses %s minutes', async (minutes) => {
    expect((await rest.get(`/queue/history?minutes=${minutes}`)).body).toMatchObject({
      code: 'invalid_request',
    });
  });
});

describe('GET /attention', () => {
  it('names a worker that was lost, and waiting jobs that no worker takes', async () => {
    await lease(1, { fields: 'lost_at = now()' });
    await rest.paint();
    const { body } = await rest.get('/attention');
    expect((body['items'] as { code: string }[]).map(({ code }) => code)).toEqual([
      'no_worker',
      'lost_worker',
    ]);
  });
});

describe('GET /job/:id/waiting', () => {
  it('counts the jobs of its queue and lane that are ahead, and forgets one that ended', async () => {
    await lease(1, {
      fields: `types = '{paint}', queues = '{paint}', slots = '{"total": 20, "busy": 0, "stuck": 0, "queues": {"paint": {"busy": 0, "concurrency": 10}}}'`,
    });
    const first = await rest.paint();
    await rest.paint({ lane: 'low' });
    await rest.paint({ lane: 'high' });
    const last = await rest.paint();
    const reasons = async (id: string): Promise<unknown> =>
      (await rest.get(`/job/${id}/waiting`)).body['reasons'];
    expect(await reasons(last)).toEqual([{ code: 'jobs_ahead', text: '2 jobs are ahead of it.' }]);
    await rest.end(first, 'done');
    expect(await reasons(last)).toEqual([{ code: 'jobs_ahead', text: '1 job is ahead of it.' }]);
    expect(await reasons(first)).toEqual([]);
  });

  it('counts those that came due before it, too', async () => {
    await lease(1, { fields: `types = '{paint}', queues = '{paint}'` });
    const ids = await Promise.all([rest.paint(), rest.paint(), rest.paint()]);
    await rest.database.query(`UPDATE job SET due_at = now() - interval '1 min' WHERE id = ANY ($1)`, [
      ids.slice(0, 2),
    ]);
    const { body } = await rest.get(`/job/${String(ids[2])}/waiting`);
    expect(body['reasons']).toEqual([{ code: 'jobs_ahead', text: '2 jobs are ahead of it.' }]);
  });

  it('answers 404 for a job there is not', async () => {
    const { status, body } = await rest.get('/job/01890000-0000-7000-8000-000000000000/waiting');
    expect([status, body['code']]).toEqual([404, 'no_such_job']);
  });
});

describe('GET /worker', () => {
  it('answers live workers only', async () => {
    await lease(1);
    await lease(2, { age: '31 s' });
    await lease(3, { fields: 'stopped_at = now()' });
    await lease(4, { fields: 'lost_at = now()' });
    const { body } = await rest.get('/worker');
    expect(body).toEqual({
      workers: [
        {
          id: '01890000-0000-7000-8000-000000000001',
          host: 'here',
          pid: 1,
          entry: 'worker',
          queues: ['mail'],
          types: ['greet'],
          slots: 20,
          busy: 3,
          stuck: 1,
          draining: false,
          slotsByQueue: { mail: { concurrency: 10 } },
          startedAt: expect.any(String) as string,
          seenAt: expect.stringMatching(/Z$/) as string,
        },
      ],
    });
  });
});

describe('GET /queue', () => {
  beforeEach(() =>
    rest.database.query(`INSERT INTO queue (name) VALUES ('paint'), ('mail') ON CONFLICT DO NOTHING`),
  );

  it('answers depth, pause and rates of every queue', async () => {
    const id = await rest.paint();
    await rest.paint();
    await rest.end(id, 'done');
    await rest.post('/queue/paint/pause');
    const paint = await queueNamed('paint');
    expect(paint).toMatchObject({
      paused: true,
      pausedAt: expect.stringMatching(/Z$/) as string,
      waiting: 1,
      done: 1,
    });
    const { perMinute } = paint as unknown as { perMinute: { enqueued: number; done: number } };
    expect(perMinute.enqueued).toBeGreaterThanOrEqual(1);
    expect(perMinute.done).toBeGreaterThanOrEqual(0.5);
    expect(await queueNamed('mail')).toMatchObject({
      paused: false,
      pausedAt: null,
      waiting: 0,
      oldestWaitingMs: null,
    });
  });

  it('tells how long the oldest fresh job waits, past finished ones', async () => {
    const [first, second] = [await rest.paint(), await rest.paint()];
    await rest.end(first, 'done');
    const [row] = await rest.database.query<{ age: number }>(
      `SELECT (extract(epoch FROM clock_timestamp()) * 1000 - ('x' || translate(left($1, 13), '-', ''))::bit(48)::bigint)::float8 AS age`,
      [second],
    );
    const { oldestWaitingMs } = (await queueNamed('paint')) ?? {};
    expect(oldestWaitingMs).toBeGreaterThanOrEqual((row?.age ?? Infinity) - 50);
    expect(oldestWaitingMs).toBeLessThan(10_000);
  });

  it('tells how long the oldest due job could have run, and passes over those whose time has not come', async () => {
    const [due, delayed] = [await rest.paint({ delay: '1h' }), await rest.paint({ delay: '2h' })];
    expect((await queueNamed('paint'))?.oldestWaitingMs).toBeNull();
    await rest.database.query(`UPDATE job SET due_at = now() - interval '90 s' WHERE id = $1`, [due]);
    expect((await queueNamed('paint'))?.oldestWaitingMs).toBeGreaterThanOrEqual(90_000);
    await rest.post(`/job/${due}/cancel`);
    expect((await queueNamed('paint'))?.oldestWaitingMs).toBeNull();
    expect(delayed).not.toBe(due);
  });
});

describe('GET /health', () => {
  it('is live and ready while every part is', async () => {
    const { status, body } = await rest.get('/health/ready');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'up',
      parts: { database: { isReady: true }, process: { isReady: true } },
    });
    expect((await rest.get('/health/live')).status).toBe(200);
  });

  it('answers 503 and names the part that is not well', async () => {
    const health = rest.app.get(Health);
    health.register('worker', () => ({ isLive: true, isReady: false, detail: 'no slots' }));
    const ready = await rest.get('/health/ready');
    expect([ready.status, ready.body['status']]).toEqual([503, 'down']);
    expect(ready.body).toMatchObject({ parts: { worker: { isReady: false, detail: 'no slots' } } });
    expect((await rest.get('/health/live')).status).toBe(200);
    health.register('worker', () => ({ isLive: false, isReady: true, detail: 'stuck' }));
    expect((await rest.get('/health/live')).status).toBe(503);
    expect((await rest.get('/health/ready')).status).toBe(503);
    health.register('worker', () => ({ isLive: true, isReady: true, detail: '' }));
  });
});

describe('GET /health/ready while the process stops', () => {
  it('is 503 although the process still answers', async () => {
    const stopping = await RestApp.boot();
    let answered: Promise<{ readonly status: number }> | undefined;
    stopping.app.get(Lifecycle).register('unready', 'a look', 5_000, async () => {
      answered = stopping.get('/health/ready');
      await answered;
    });
    await stopping.close();
    expect((await answered)?.status).toBe(503);
  });
});
