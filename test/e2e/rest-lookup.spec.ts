import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { idTime, lowestIdAt } from '../../src/kernel/ids.js';
import { appendLog } from '../../src/modules/job/index.js';
import { RestApp, WORKER_ID, type Answered } from '../support/rest-app.js';

let rest: RestApp;

interface Listed {
  readonly id: string;
  readonly status: string;
  readonly name: string;
}

const idsOf = ({ body }: Answered): string[] => (body['jobs'] as Listed[]).map((job) => job.id);

/** Every page of a list, and how many there were. */
async function pagesOf(query: string): Promise<{ ids: string[]; pages: number }> {
  const ids: string[] = [];
  let cursor = '';
  for (let pages = 1; ; pages++) {
    const answer = await rest.get(`/job/all?${query}${cursor}`);
    expect(answer.status).toBe(200);
    ids.push(...idsOf(answer));
    const next = answer.body['next'] as string | null;
    if (next === null) return { ids, pages };
    cursor = `&cursor=${next}`;
  }
}

beforeAll(async () => {
  rest = await RestApp.boot();
});
afterAll(() => rest.close());

describe('GET /job/:id', () => {
  it('answers every field of a fresh job', async () => {
    const id = await rest.paint({ objectId: 'house', delay: '1h' });
    const { status, body } = await rest.get(`/job/${id}`);
    expect(status).toBe(200);
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;
    expect(body).toEqual({
      id,
      name: 'paint',
      queue: 'paint',
      lane: 'normal',
      status: 'waiting',
      attempt: 0,
      maxAttempts: 3,
      run: 0,
      payload: {},
      result: null,
      history: [],
      progress: null,
      objectId: 'house',
      batchId: null,
      schedule: null,
      retryOf: null,
      workerId: null,
      timeoutMs: null,
      createdAt: time,
      dueAt: time,
      startedAt: null,
      cancelRequestedAt: null,
      finishedAt: null,
    });
  });

  it('answers result and history of jobs that ended', async () => {
    const done = await rest.paint();
    await rest.end(done, 'done');
    expect((await rest.get(`/job/${done}`)).body).toMatchObject({
      status: 'done',
      result: { coats: 2 },
      attempt: 1,
      run: 1,
      history: [],
    });
    const failed = await rest.paint();
    await rest.end(failed, 'failed');
    const { body } = await rest.get(`/job/${failed.toUpperCase()}`);
    expect(body).toMatchObject({
      id: failed,
      status: 'failed',
      workerId: WORKER_ID,
      history: [{ run: 1, attempt: 1, outcome: 'failed', error: { message: 'the paint has dried' } }],
    });
  });
});

describe('GET /job/:id/status and /log', () => {
  it('status answers id and status', async () => {
    const id = await rest.paint();
    expect((await rest.get(`/job/${id}/status`)).body).toEqual({ id, status: 'waiting' });
  });

  it('log answers the lines of every run in order, and none for a job that said nothing', async () => {
    const id = await rest.paint();
    expect((await rest.get(`/job/${id}/log`)).body).toEqual({ id, lines: [] });
    const at = new Date('2026-01-31T03:00:00Z');
    await appendLog(rest.query, [
      { jobId: id, run: 2, line: 1, at, message: 'again' },
      { jobId: id, run: 1, line: 1, at, message: 'first' },
      { jobId: id, run: 1, line: 2, at, message: 'second' },
    ]);
    expect((await rest.get(`/job/${id}/log`)).body).toEqual({
      id,
      lines: [
        { run: 1, line: 1, at: at.toISOString(), message: 'first' },
        { run: 1, line: 2, at: at.toISOString(), message: 'second' },
        { run: 2, line: 1, at: at.toISOString(), message: 'again' },
      ],
    });
  });
});

describe('GET /job/all', () => {
  let ids: string[];
  let greetings: string[];

  beforeAll(async () => {
    await rest.database.query('TRUNCATE job, counter_delta');
    ids = [];
    for (let n = 0; n < 30; n++) ids.push(await rest.paint(n % 3 === 0 ? { objectId: 'third' } : {}));
    greetings = [];
    for (let n = 0; n < 5; n++)
      greetings.push(String((await rest.post('/job', { name: 'greet', payload: { to: 'x' } })).body['id']));
    for (const id of ids.slice(0, 4)) await rest.end(id, 'done');
    // The order in which they fail is not the order in which they were made.
    for (const id of [ids[9], ids[5], ids[7]]) if (id) await rest.end(id, 'failed');
    await rest.post(`/job/${String(ids[6])}/cancel`);
    await rest.end(String(greetings[0]), 'failed');
  });

  it('lists newest first', async () => {
    expect(idsOf(await rest.get('/job/all?limit=1000'))).toEqual([...ids, ...greetings].reverse());
  });

  it.each([1, 7, 35, 36])('pages of %i jobs hold each job once', async (limit) => {
    const all = await pagesOf(`limit=${limit}`);
    expect(all.ids).toEqual([...ids, ...greetings].reverse());
    expect(all.pages).toBe(Math.ceil(35 / limit));
  });

  it('filters by queue, by name, by object and by state', async () => {
    expect((await pagesOf('queue=mail')).ids).toEqual([...greetings].reverse());
    expect((await pagesOf('name=greet&limit=2')).ids).toEqual([...greetings].reverse());
    expect((await pagesOf('objectId=third&limit=3')).ids).toEqual(
      ids.filter((_, n) => n % 3 === 0).reverse(),
    );
    expect((await pagesOf('status=done&limit=3')).ids).toEqual(ids.slice(0, 4).reverse());
    expect((await pagesOf('status=waiting&queue=paint')).ids).toHaveLength(30 - 8);
    expect((await pagesOf('status=executing')).ids).toEqual([]);
    expect((await pagesOf('queue=nowhere')).ids).toEqual([]);
    expect((await pagesOf('status=failed&queue=nowhere')).ids).toEqual([]);
  });

  it('lists failed and canceled jobs newest finished first, over all queues and in one', async () => {
    const failed = [greetings[0], ids[7], ids[5], ids[9]];
    expect((await pagesOf('status=failed')).ids).toEqual(failed);
    expect((await pagesOf('status=failed&limit=1')).ids).toEqual(failed);
    expect((await pagesOf('status=failed&queue=paint&limit=2')).ids).toEqual(failed.slice(1));
    expect((await pagesOf('status=failed&name=greet')).ids).toEqual([greetings[0]]);
    expect((await pagesOf('status=canceled')).ids).toEqual([ids[6]]);
  });

  it('lists the failed jobs of an object newest made first', async () => {
    expect((await pagesOf('status=failed&objectId=third')).ids).toEqual([ids[9]]);
  });

  it('filters by what the last failed run said, literally and in whatever case', async () => {
    const [one, two] = [await rest.paint(), await rest.paint()];
    await rest.end(one, 'failed', 'Connection refused by 10.0.0.1');
    await rest.end(two, 'failed', 'the 100 % mark was passed');
    const found = async (filter: string): Promise<string[]> =>
      ((await rest.get(`/job/all?${filter}`)).body['jobs'] as { id: string }[]).map(({ id }) => id);
    expect(await found('status=failed&error=connection%20REFUSED')).toEqual([one]);
    expect(await found('error=100%20%25')).toEqual([two]);
    expect(await found('error=100_%25')).toEqual([]);
  });

  it('filters by when a job was made, and failed ones by when they ended', async () => {
    const id = await rest.paint();
    await rest.end(id, 'failed');
    const made = idTime(id);
    const at = (ms: number): string => new Date(made + ms).toISOString();
    const isFound = async (filter: string): Promise<boolean> =>
      ((await rest.get(`/job/all?queue=paint&limit=1000&${filter}`)).body['jobs'] as { id: string }[]).some(
        (job) => job.id === id,
      );
    for (const status of ['', '&status=failed']) {
      expect(await isFound(`since=${at(-1_000)}&until=${at(60_000)}${status}`)).toBe(true);
      expect(await isFound(`since=${at(60_000)}${status}`)).toBe(false);
      expect(await isFound(`until=${at(-1_000)}${status}`)).toBe(false);
    }
  });

  it('a heavy page ends early and the next goes on', async () => {
    await rest.database.query(`TRUNCATE job, counter_delta`);
    const payload = 'x'.repeat(1_000_000);
    for (let n = 0; n < 30; n++) await rest.post('/job', { name: 'paint', payload });
    const first = await rest.get('/job/all?limit=30');
    expect(idsOf(first)).toHaveLength(25);
    const all = await pagesOf('limit=30');
    expect([new Set(all.ids).size, all.pages]).toEqual([30, 2]);
  });
});

describe('GET /job/all where no index serves the filter', () => {
  let needle: string;

  beforeAll(async () => {
    await rest.database.query('TRUNCATE job, counter_delta');
    needle = String((await rest.post('/job', { name: 'greet', payload: { to: 'x' } })).body['id']);
    await rest.database.query(
      `INSERT INTO job (id, queue, name, max_attempts, payload, status, finished_at)
       SELECT (left($1, 24) || lpad(to_hex(n), 12, '0'))::uuid, 'mail', 'paint', 1, '{}', 'done', now() FROM generate_series(1, 120000) AS n`,
      [lowestIdAt(idTime(needle) + 1)],
    );
  });

  it('reads 100,000 rows, says how far it came, and finds the job with the next page', async () => {
    const first = await rest.get('/job/all?name=greet&queue=mail');
    expect([first.status, idsOf(first)]).toEqual([200, []]);
    expect(first.body['scannedTo']).toMatch(/^\d{4}-.*Z$/);
    const second = await rest.get(`/job/all?name=greet&queue=mail&cursor=${String(first.body['next'])}`);
    expect(idsOf(second)).toEqual([needle]);
    expect(second.body).not.toHaveProperty('scannedTo');
    expect(second.body['next']).toBeNull();
  });
});
