import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RestApp, type Answered } from '../support/rest-app.js';

const MISSING_ID = '01890000-0000-7000-8000-000000000000';

let rest: RestApp;
beforeAll(async () => {
  rest = await RestApp.boot();
});
afterAll(() => rest.close());

interface Issue {
  readonly path: string;
  readonly message: string;
  readonly code?: string;
  readonly index?: number;
  readonly line?: number;
}

const issuesOf = ({ body }: Answered): Issue[] => body['issues'] as Issue[];
const storedCount = async (): Promise<number> =>
  (await rest.database.query<{ count: number }>('SELECT count(*)::int AS count FROM job'))[0]?.count ?? -1;

describe('POST /job', () => {
  it('answers 201 with id, status and where to look', async () => {
    const { status, headers, body } = await rest.post('/job', { name: 'greet', payload: { to: 'ada' } });
    expect(status).toBe(201);
    expect(body).toEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string, status: 'waiting' });
    expect(headers['location']).toBe(`/job/${String(body['id'])}`);
  });

  it('stores what the request says of the job', async () => {
    const { body } = await rest.post('/job', {
      name: 'paint',
      payload: { wall: 'north' },
      objectId: 'house-1',
      lane: 'high',
      timeout: '30s',
      maxAttempts: 7,
      runAt: '2030-01-31T03:00:00+01:00',
      retryOf: MISSING_ID,
    });
    const job = await rest.get(`/job/${String(body['id'])}`);
    expect(job.body).toMatchObject({
      name: 'paint',
      queue: 'paint',
      payload: { wall: 'north' },
      objectId: 'house-1',
      lane: 'high',
      timeoutMs: 30_000,
      maxAttempts: 7,
      dueAt: '2030-01-31T02:00:00.000Z',
    });
  });

  it('takes durations as milliseconds and as text, and a timeout of none', async () => {
    const { body } = await rest.post('/job', { name: 'paint', delay: 60_000, timeout: 'none' });
    const job = await rest.get(`/job/${String(body['id'])}`);
    const { createdAt, dueAt, timeoutMs } = job.body as {
      createdAt: string;
      dueAt: string;
      timeoutMs: number;
    };
    expect(Date.parse(dueAt) - Date.parse(createdAt)).toBeGreaterThan(59_000);
    expect(timeoutMs).toBe(0);
  });

  it('answers 200 with the first id when an Idempotency-Key comes again', async () => {
    const request = { name: 'greet', payload: { to: 'once' } };
    const first = await rest.post('/job', request, { 'idempotency-key': 'order-1' });
    const second = await rest.post('/job', request, { 'idempotency-key': 'order-1' });
    expect(first.status).toBe(201);
    expect(second.status).toBe(200);
    expect(second.body['id']).toBe(first.body['id']);
    expect(second.headers['location']).toBe(first.headers['location']);
  });

  it('answers 409 with the first job and when to try again for a duplicate', async () => {
    const request = { name: 'sync', payload: {}, objectId: 'one' };
    const first = await rest.post('/job', request);
    const second = await rest.post('/job', request);
    expect(second.status).toBe(409);
    expect(second.body).toMatchObject({ code: 'duplicate_job', jobId: first.body['id'] });
    expect(second.body['retryAfter']).toBeGreaterThan(290);
    expect(second.headers['retry-after']).toBe(String(second.body['retryAfter']));
  });

  it('takes a payload of 1 MiB', async () => {
    const to = 'x'.repeat(1024 * 1024 - '{"to":""}'.length);
    const { status, body } = await rest.post('/job', { name: 'greet', payload: { to } });
    expect([status, body['code']]).toEqual([201, undefined]);
  });
});

describe('POST /job/bulk', () => {
  it('stores a JSON array in one go and answers the ids in order', async () => {
    const jobs = ['a', 'b', 'c'].map((to) => ({ name: 'greet', payload: { to } }));
    const { status, body } = await rest.post('/job/bulk', jobs);
    expect(status).toBe(201);
    const ids = body['ids'] as string[];
    const stored = await rest.database.query<{ to: string }>(
      `SELECT payload->>'to' AS to FROM job WHERE id = ANY ($1::uuid[]) ORDER BY id`,
      [ids],
    );
    expect(stored.map((job) => job.to)).toEqual(['a', 'b', 'c']);
  });

  it('takes one job a line, blank lines and Windows line ends included', async () => {
    const lines = `{"name":"greet","payload":{"to":"ä"}}\r\n\n{"name":"paint"}`;
    const { status, body } = await rest.send('POST', '/job/bulk', lines, {
      'content-type': 'application/x-ndjson',
    });
    expect([status, (body['ids'] as string[]).length]).toEqual([201, 2]);
  });

  it('takes 10,000 lines and refuses one more', async () => {
    const headers = { 'content-type': 'application/x-ndjson' };
    const line = '{"name":"paint","payload":{}}\n';
    const most = await rest.send('POST', '/job/bulk', line.repeat(10_000), headers);
    expect([most.status, (most.body['ids'] as string[]).length]).toEqual([201, 10_000]);
    const more = await rest.send('POST', '/job/bulk', line.repeat(10_001), headers);
    expect([more.status, more.body['code']]).toEqual([400, 'invalid_request']);
  });

  it('names every bad line, whatever is wrong with it, and stores nothing', async () => {
    const before = await storedCount();
    const lines = [
      '{"name":"greet","payload":{"to":"ada"}}',
      '{"name":"greet","payload":{"to":7}}',
      '{oops',
      '',
      '{"name":"gret","payload":{"to":"ada"}}',
      '{"name":"paint","prioriti":1}',
      '{"name":"paint","delay":-1}',
    ].join('\n');
    const answer = await rest.send('POST', '/job/bulk', lines, { 'content-type': 'application/x-ndjson' });
    expect([answer.status, answer.body['code']]).toEqual([400, 'invalid_request']);
    expect(issuesOf(answer)).toEqual([
      expect.objectContaining({ line: 2, index: 1, path: '[1].payload.to', code: 'invalid_payload' }),
      expect.objectContaining({ line: 3, index: 2, path: '[2]', code: 'malformed_json' }),
      expect.objectContaining({ line: 5, index: 3, path: '[3].name', code: 'unknown_job_name' }),
      expect.objectContaining({ line: 6, index: 4, path: '[4].prioriti', code: 'invalid_request' }),
      expect.objectContaining({ line: 7, index: 5, path: '[5].delay', code: 'invalid_request' }),
    ]);
    expect(issuesOf(answer)[2]?.message).toContain('did you mean greet?');
    expect(await storedCount()).toBe(before);
  });

  it('answers the one code that all problems share', async () => {
    const answer = await rest.post('/job/bulk', [
      { name: 'greet', payload: {} },
      { name: 'greet', payload: { to: 'ada' } },
    ]);
    expect([answer.status, answer.body['code']]).toEqual([400, 'invalid_payload']);
    expect(issuesOf(answer)).toEqual([expect.objectContaining({ index: 0, path: '[0].payload.to' })]);
  });

  it('names the duplicates and stores nothing, or stores the others when they are to be skipped', async () => {
    const known = await rest.post('/job', { name: 'sync', payload: {}, objectId: 'known' });
    const jobs = ['new', 'known'].map((objectId) => ({ name: 'sync', payload: {}, objectId }));
    const before = await storedCount();
    const refused = await rest.post('/job/bulk', jobs);
    expect([refused.status, refused.body['code']]).toEqual([409, 'duplicate_job']);
    expect(refused.body['duplicates']).toEqual([
      { index: 1, objectId: 'known', jobId: known.body['id'], retryAfter: expect.any(Number) as number },
    ]);
    expect(await storedCount()).toBe(before);
    const skipped = await rest.post('/job/bulk?onDuplicate=skip', jobs);
    expect([skipped.status, (skipped.body['ids'] as string[])[1]]).toEqual([201, known.body['id']]);
    expect(await storedCount()).toBe(before + 1);
  });

  it('takes a body far beyond the limit of single jobs', async () => {
    const to = 'x'.repeat(900_000);
    const jobs = Array.from({ length: 5 }, () => ({ name: 'greet', payload: { to } }));
    expect((await rest.post('/job/bulk', jobs)).status).toBe(201);
  });

  it('answers 413 to lines of more than 64 MiB in all', async () => {
    const line = `{"name":"greet","payload":{"to":"${'x'.repeat(900_000)}"}}\n`;
    const body = Buffer.from(line.repeat(75));
    const { status, body: problem } = await rest.send('POST', '/job/bulk', body, {
      'content-type': 'application/x-ndjson',
    });
    expect([status, problem['code']]).toEqual([413, 'payload_too_large']);
  });

  it.each([
    ['an object', '{"name":"paint"}', 'application/json', 400, 'invalid_request'],
    [
      'text that is not UTF-8',
      Buffer.from([0x22, 0xff, 0x22]),
      'application/x-ndjson',
      400,
      'malformed_json',
    ],
    ['a CSV', 'name\npaint', 'text/csv', 415, 'unsupported_media_type'],
  ])('refuses %s', async (_, body, type, status, code) => {
    const answer = await rest.send('POST', '/job/bulk', body, { 'content-type': type });
    expect([answer.status, answer.body['code']]).toEqual([status, code]);
  });

  it('refuses an Idempotency-Key rather than ignore it', async () => {
    const answer = await rest.post('/job/bulk', [], { 'idempotency-key': 'x' });
    expect([answer.status, issuesOf(answer)[0]?.path]).toEqual([400, 'Idempotency-Key']);
  });
});
