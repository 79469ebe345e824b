import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Signal } from '../../src/modules/transport/index.js';
import { TRANSPORT, type Transport } from '../../src/modules/transport/index.js';
import { RestApp } from '../support/rest-app.js';

let rest: RestApp;

const statusOf = async (id: string): Promise<unknown> => (await rest.get(`/job/${id}/status`)).body['status'];

async function paintMany(count: number): Promise<string[]> {
  const jobs = Array.from({ length: count }, () => ({ name: 'paint' }));
  return (await rest.post('/job/bulk', jobs)).body['ids'] as string[];
}

/** Signals of a kind that are broadcast from here on. */
function signalsOf(kind: Signal['kind']): Signal[] {
  const signals: Signal[] = [];
  rest.app.get<Transport>(TRANSPORT).subscribe(kind, (signal) => signals.push(signal));
  return signals;
}

beforeAll(async () => {
  rest = await RestApp.boot();
});
afterAll(() => rest.close());
beforeEach(() => rest.database.query('TRUNCATE job, counter_delta, job_key'));

describe('POST /job/:id/cancel', () => {
  it('answers 200 canceled for a waiting job', async () => {
    const id = await rest.paint();
    const { status, body } = await rest.post(`/job/${id}/cancel`);
    expect([status, body]).toEqual([200, { id, status: 'canceled' }]);
    expect(await statusOf(id)).toBe('canceled');
  });

  it('answers 202 executing for an executing job, and tells every process', async () => {
    const id = await rest.paint();
    await rest.claim(id);
    const signals = signalsOf('cancel');
    const { status, body } = await rest.post(`/job/${id}/cancel`);
    expect([status, body]).toEqual([202, { id, status: 'executing' }]);
    expect(signals).toEqual([{ kind: 'cancel', ids: [id] }]);
    expect((await rest.get(`/job/${id}`)).body).toMatchObject({
      status: 'executing',
      cancelRequestedAt: expect.any(String) as string,
    });
  });

  it('answers 409 already_finished with the state for a job that ended', async () => {
    const id = await rest.paint();
    await rest.end(id, 'done');
    const { status, body } = await rest.post(`/job/${id}/cancel`);
    expect(status).toBe(409);
    expect(body).toMatchObject({ status: 409, code: 'already_finished', id, jobStatus: 'done' });
  });
});

describe('POST /job/:id/retry', () => {
  it.each(['failed', 'canceled'] as const)('returns a job that was %s to waiting', async (end) => {
    const id = await rest.paint();
    await rest.end(id, end);
    const { status, body } = await rest.post(`/job/${id}/retry`);
    expect([status, body]).toEqual([200, { id, status: 'waiting' }]);
    expect((await rest.get(`/job/${id}`)).body).toMatchObject({
      status: 'waiting',
      attempt: 0,
      run: 1,
      finishedAt: null,
    });
  });

  it.each(['waiting', 'done'] as const)('answers 409 not_retryable for a job that is %s', async (state) => {
    const id = await rest.paint();
    if (state === 'done') await rest.end(id, 'done');
    const { status, body } = await rest.post(`/job/${id}/retry`);
    expect([status, body['code'], body['jobStatus']]).toEqual([409, 'not_retryable', state]);
  });

  it('answers 409 duplicate_job while another job for the object is open', async () => {
    const first = String(
      (await rest.post('/job', { name: 'import', payload: {}, objectId: 'x' })).body['id'],
    );
    await rest.end(first, 'failed');
    await rest.post('/job', { name: 'import', payload: {}, objectId: 'x' });
    const { status, body } = await rest.post(`/job/${first}/retry`);
    expect([status, body['code']]).toEqual([409, 'duplicate_job']);
  });
});

describe('POST /job/cancel', () => {
  it('cancels what the filter names, and only that', async () => {
    const paints = await paintMany(5);
    const greeting = String((await rest.post('/job', { name: 'greet', payload: { to: 'x' } })).body['id']);
    const { status, body } = await rest.post('/job/cancel', { queue: 'paint' });
    expect([status, body]).toEqual([200, { matched: 5, changed: 5, executing: 0, more: false, next: null }]);
    expect(await Promise.all(paints.map(statusOf))).toEqual(Array(5).fill('canceled'));
    expect(await statusOf(greeting)).toBe('waiting');
  });

  it('a dry run counts and changes nothing', async () => {
    const ids = await paintMany(3);
    const { status, body } = await rest.post('/job/cancel', { name: 'paint', dryRun: true });
    expect([status, body]).toEqual([200, { matched: 3, changed: 0, executing: 0, more: false, next: null }]);
    expect(await Promise.all(ids.map(statusOf))).toEqual(['waiting', 'waiting', 'waiting']);
  });

  it('answers 202 when jobs execute, and does not count them again the next time', async () => {
    const [waiting, executing] = await paintMany(2);
    await rest.claim(String(executing));
    const first = await rest.post('/job/cancel', { all: true });
    expect([first.status, first.body]).toEqual([
      202,
      { matched: 2, changed: 2, executing: 1, more: false, next: null },
    ]);
    expect(await statusOf(String(waiting))).toBe('canceled');
    expect((await rest.post('/job/cancel', { all: true })).body).toMatchObject({ matched: 0, changed: 0 });
  });

  it('finds delayed jobs and jobs behind the watermark', async () => {
    const ids = [await rest.paint({ delay: '1h' }), ...(await paintMany(4))];
    // As the auditor leaves it: every open job it passed has due_at.
    await rest.database.query(`UPDATE queue SET watermark = $1 WHERE name = 'paint'`, [ids[2]]);
    await rest.database.query(`UPDATE job SET due_at = coalesce(due_at, now()) WHERE id <= $1`, [ids[2]]);
    expect((await rest.post('/job/cancel', { queue: 'paint' })).body).toMatchObject({
      matched: 5,
      changed: 5,
    });
    expect(await Promise.all(ids.map(statusOf))).toEqual(Array(5).fill('canceled'));
    await rest.database.query(`UPDATE queue SET watermark = $1`, ['00000000-0000-0000-0000-000000000000']);
  });

  it('cancels by object, by state and by ids', async () => {
    const mine = await rest.paint({ objectId: 'mine' });
    const [executing, named, other] = await paintMany(3);
    await rest.claim(String(executing));
    expect((await rest.post('/job/cancel', { objectId: 'mine' })).body).toMatchObject({
      matched: 1,
      changed: 1,
    });
    expect(await statusOf(mine)).toBe('canceled');
    expect((await rest.post('/job/cancel', { status: 'executing' })).body).toMatchObject({
      matched: 1,
      executing: 1,
    });
    expect((await rest.post('/job/cancel', { ids: [named, mine] })).body).toMatchObject({
      matched: 1,
      changed: 1,
    });
    expect(await statusOf(String(other))).toBe('waiting');
  });

  it('changes 10,000 jobs a request and goes on from the cursor', async () => {
    for (let n = 0; n < 3; n++) await paintMany(4_000);
    const first = await rest.post('/job/cancel', { queue: 'paint' });
    expect(first.body).toMatchObject({ matched: 10_000, changed: 10_000, more: true });
    const second = await rest.post('/job/cancel', { queue: 'paint', cursor: first.body['next'] });
    expect(second.body).toMatchObject({ matched: 2_000, changed: 2_000, more: false, next: null });
  });
});

describe('POST /job/retry', () => {
  it('returns what the filter names to waiting, and only that', async () => {
    const ids = await paintMany(4);
    await rest.end(String(ids[0]), 'failed');
    await rest.end(String(ids[1]), 'canceled');
    await rest.end(String(ids[2]), 'done');
    expect((await rest.post('/job/retry', { status: 'failed', dryRun: true })).body).toMatchObject({
      matched: 1,
      changed: 0,
    });
    const { status, body } = await rest.post('/job/retry', { status: 'failed' });
    expect([status, body]).toEqual([200, { matched: 1, changed: 1, more: false, next: null }]);
    expect(await Promise.all(ids.map(statusOf))).toEqual(['waiting', 'canceled', 'done', 'waiting']);
    expect((await rest.post('/job/retry', { all: true })).body).toMatchObject({ matched: 1, changed: 1 });
  });

  it('retries by name, object and ids', async () => {
    const byObject = await rest.paint({ objectId: 'o' });
    const [byName, byId] = await paintMany(2);
    for (const id of [byObject, byName, byId]) await rest.end(String(id), 'failed');
    expect((await rest.post('/job/retry', { objectId: 'o' })).body).toMatchObject({ changed: 1 });
    expect((await rest.post('/job/retry', { ids: [byId] })).body).toMatchObject({ changed: 1 });
    expect((await rest.post('/job/retry', { name: 'paint', queue: 'paint' })).body).toMatchObject({
      changed: 1,
    });
    expect(await statusOf(String(byName))).toBe('waiting');
  });

  it('counts a job whose dedupe key is taken as matched and not as changed', async () => {
    const first = String(
      (await rest.post('/job', { name: 'import', payload: {}, objectId: 'x' })).body['id'],
    );
    await rest.end(first, 'failed');
    await rest.post('/job', { name: 'import', payload: {}, objectId: 'x' });
    expect((await rest.post('/job/retry', { all: true })).body).toMatchObject({ matched: 1, changed: 0 });
  });
});

describe('POST /queue/:name/pause and /resume', () => {
  it('pauses and resumes, keeps the time of the first pause, and tells every process', async () => {
    const pauses = signalsOf('pause');
    const resumes = signalsOf('resume');
    const first = await rest.post('/queue/mail/pause');
    expect([first.status, first.body['name'], first.body['paused']]).toEqual([200, 'mail', true]);
    expect((await rest.post('/queue/mail/pause')).body).toEqual(first.body);
    expect((await rest.post('/queue/mail/resume')).body).toEqual({
      name: 'mail',
      paused: false,
      pausedAt: null,
    });
    expect([pauses.length, resumes]).toEqual([2, [{ kind: 'resume', queue: 'mail' }]]);
  });
});

describe('PATCH /queue/:name', () => {
  const settingsOf = async (name: string): Promise<unknown> => {
    const { queues } = (await rest.get('/queue')).body as { queues: { name: string; settings: unknown }[] };
    return queues.find((queue) => queue.name === name)?.settings;
  };

  it('sets what it names, keeps the rest, tells every process, and takes a setting back for null', async () => {
    const signals = signalsOf('settings');
    const first = await rest.patch('/queue/mail', { concurrency: 20, timeout: '30s' });
    expect([first.status, first.body]).toEqual([
      200,
      { name: 'mail', settings: { concurrency: 20, retryConcurrency: null, timeoutMs: 30_000 } },
    ]);
    await rest.patch('/queue/mail', { retryConcurrency: 5, timeout: 'none' });
    expect(await settingsOf('mail')).toEqual({ concurrency: 20, retryConcurrency: 5, timeoutMs: 0 });
    await rest.patch('/queue/mail', { concurrency: null, retryConcurrency: null, timeout: null });
    expect(await settingsOf('mail')).toEqual({ concurrency: null, retryConcurrency: null, timeoutMs: null });
    expect(signals).toEqual(Array.from({ length: 3 }, () => ({ kind: 'settings', queue: 'mail' })));
  });

  it.each([
    [{ concurrency: 0 }, 'concurrency', 'is 0; use a whole number from 1 to 10000'],
    [{ concurrency: 1.5 }, 'concurrency', 'is 1.5; use'],
    [{ retryConcurrency: '5' }, 'retryConcurrency', 'is "5"; use'],
    [{ timeout: '25d' }, 'timeout', 'is "25d"; use 1 ms to 24 days'],
    [{ timeout: 0 }, 'timeout', 'is 0; use'],
    [{ concurency: 5 }, 'concurency', 'did you mean concurrency?'],
    [{}, 'body', 'is empty; use concurrency, retryConcurrency or timeout'],
    [[], 'body', 'use a JSON object'],
  ])('refuses %j by name', async (body, path, message) => {
    const { status, body: problem } = await rest.patch('/queue/mail', body);
    expect([status, problem['code']]).toEqual([400, 'invalid_request']);
    expect(problem['issues']).toContainEqual({ path, message: expect.stringContaining(message) as string });
  });

  it('answers 404 for a queue that nobody knows', async () => {
    const { status, body } = await rest.patch('/queue/nowhere', { concurrency: 5 });
    expect([status, body['code']]).toEqual([404, 'no_such_queue']);
  });
});
