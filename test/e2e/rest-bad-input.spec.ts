import { Controller, ForbiddenException, Get, Module, Post } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RestApp, type Answered } from '../support/rest-app.js';

const MISSING_ID = '01890000-0000-7000-8000-000000000000';
const JSON_TYPE = { 'content-type': 'application/json' };

let rest: RestApp;

function expectProblem(
  { status, headers, body }: Answered,
  expected: { status: number; code: string },
): void {
  expect([status, body['code']]).toEqual([expected.status, expected.code]);
  expect(headers['content-type']).toContain('application/problem+json');
  expect(body).toMatchObject({
    status,
    type: `urn:rookery:problem:${expected.code}`,
    title: expect.stringMatching(/\S/) as string,
    detail: expect.stringMatching(/\S/) as string,
  });
  expect(JSON.stringify(body)).not.toMatch(/node_modules|\.ts:\d|\bat \w+ \(/);
}

const pathsOf = ({ body }: Answered): string[] =>
  (body['issues'] as { path: string }[]).map((issue) => issue.path);
const messageOf = ({ body }: Answered): string => (body['issues'] as { message: string }[])[0]?.message ?? '';

describe('bad input', () => {
  beforeAll(async () => {
    rest = await RestApp.boot();
  });
  afterAll(() => rest.close());

  it('an unknown name is unknown_job_name and tells the names there are', async () => {
    const answer = await rest.post('/job', { name: 'gret', payload: {} });
    expectProblem(answer, { status: 400, code: 'unknown_job_name' });
    expect(answer.body['known']).toEqual(['greet', 'import', 'paint', 'sync']);
  });

  it('a payload that fails its schema is invalid_payload and names every failing path', async () => {
    const answer = await rest.post('/job', { name: 'greet', payload: { to: 7 } });
    expectProblem(answer, { status: 400, code: 'invalid_payload' });
    expect(pathsOf(answer)).toEqual(['payload.to']);
  });

  it.each([
    ['U+0000', 'a\u0000b'],
    ['half a surrogate pair', '\ud800'],
  ])('a payload with %s is invalid_payload', async (_, to) => {
    expectProblem(await rest.post('/job', { name: 'greet', payload: { to } }), {
      status: 400,
      code: 'invalid_payload',
    });
  });

  it('an unknown body field is named, with what was probably meant', async () => {
    const answer = await rest.post('/job', { name: 'greet', payload: { to: 'x' }, maxAtempts: 3 });
    expectProblem(answer, { status: 400, code: 'invalid_request' });
    expect([pathsOf(answer), messageOf(answer)]).toEqual([
      ['maxAtempts'],
      'is unknown; did you mean maxAttempts?',
    ]);
  });

  it.each([
    ['a negative delay', { delay: -1 }, 'delay'],
    ['a negative delay as text', { delay: '-5s' }, 'delay'],
    ['a delay without a unit', { delay: '5' }, 'delay'],
    ['a delay that is no duration', { delay: true }, 'delay'],
    ['a delay of a century', { delay: '36500d' }, 'delay'],
    ['a runAt without a zone', { runAt: '2030-01-31T03:00:00' }, 'runAt'],
    ['a runAt on no day', { runAt: '2030-02-31T25:00:00Z' }, 'runAt'],
    ['a delay beside a runAt', { delay: 1, runAt: '2030-01-31T03:00:00Z' }, 'runAt'],
    ['a timeout of 0', { timeout: 0 }, 'timeout'],
    ['a timeout of 0s', { timeout: '0s' }, 'timeout'],
    ['a negative timeout', { timeout: -5 }, 'timeout'],
    ['a timeout longer than a timer counts', { timeout: '25d' }, 'timeout'],
    ['no attempt', { maxAttempts: 0 }, 'maxAttempts'],
    ['half an attempt', { maxAttempts: 1.5 }, 'maxAttempts'],
    ['a billion attempts', { maxAttempts: 1e9 }, 'maxAttempts'],
    ['attempts as text', { maxAttempts: '3' }, 'maxAttempts'],
    ['an unknown lane', { lane: 'urgent' }, 'lane'],
    ['an empty objectId', { objectId: '' }, 'objectId'],
    ['an objectId that cannot be stored', { objectId: 'a\u0000' }, 'objectId'],
    ['an objectId of null', { objectId: null }, 'objectId'],
    ['a retryOf that is no id', { retryOf: 'x' }, 'retryOf'],
    ['a name that is no text', { name: 5 }, 'name'],
    ['a batchId that is no id', { batchId: 'x' }, 'batchId'],
  ])('%s is invalid_request and names the field', async (_, fields, path) => {
    const answer = await rest.post('/job', { name: 'paint', payload: {}, ...fields });
    expectProblem(answer, { status: 400, code: 'invalid_request' });
    expect(pathsOf(answer)).toEqual([path]);
  });

  it.each([
    ['malformed JSON', '{"name":', 'malformed_json'],
    ['an empty body', '', 'malformed_json'],
    ['a key that would poison objects', '{"__proto__":{"a":1}}', 'malformed_json'],
    ['an array', '[]', 'invalid_request'],
    ['a text', '"greet"', 'invalid_request'],
    ['null', 'null', 'invalid_request'],
  ])('a body that is %s is refused', async (_, body, code) => {
    expectProblem(await rest.send('POST', '/job', body, JSON_TYPE), { status: 400, code });
  });

  it('a field nested ten thousand deep is invalid_request and names the field', async () => {
    const body = `{"name":"paint","payload":{},"lane":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
    const answer = await rest.send('POST', '/job', body, JSON_TYPE);
    expectProblem(answer, { status: 400, code: 'invalid_request' });
    expect(pathsOf(answer)).toEqual(['lane']);
  });

  it('no body at all is invalid_request', async () => {
    expectProblem(await rest.send('POST', '/job'), { status: 400, code: 'invalid_request' });
  });

  it('a body of 2 MB is payload_too_large', async () => {
    const answer = await rest.post('/job', { name: 'greet', payload: { to: 'x'.repeat(2_000_000) } });
    expectProblem(answer, { status: 413, code: 'payload_too_large' });
    expect(answer.body['maxBytes']).toBe(1_064_960);
  });

  it('a payload just beyond 1 MiB is payload_too_large', async () => {
    const answer = await rest.post('/job', { name: 'greet', payload: { to: 'x'.repeat(1024 * 1024) } });
    expectProblem(answer, { status: 413, code: 'payload_too_large' });
  });

  it.each([
    ['a form, which any web page may send', 'application/x-www-form-urlencoded', 'name=paint'],
    ['plain text, which any web page may send', 'text/plain', '{"name":"paint"}'],
    ['XML', 'application/xml', '<job/>'],
    ['lines of JSON for a single job', 'application/x-ndjson', '{"name":"paint"}'],
  ])('%s is unsupported_media_type', async (_, type, body) => {
    expectProblem(await rest.send('POST', '/job', body, { 'content-type': type }), {
      status: 415,
      code: 'unsupported_media_type',
    });
  });

  it.each([
    ['GET', '/job/nonsense'],
    ['GET', '/job/nonsense/status'],
    ['GET', '/job/nonsense/log'],
    ['POST', '/job/nonsense/cancel'],
    ['POST', '/job/nonsense/retry'],
  ] as const)('%s %s is invalid_id', async (method, url) => {
    expectProblem(await rest.send(method, url), { status: 400, code: 'invalid_id' });
  });

  it.each([
    ['GET', `/job/${MISSING_ID}`],
    ['GET', `/job/${MISSING_ID}/status`],
    ['GET', `/job/${MISSING_ID}/log`],
    ['POST', `/job/${MISSING_ID}/cancel`],
    ['POST', `/job/${MISSING_ID}/retry`],
  ] as const)('%s %s is no_such_job', async (method, url) => {
    expectProblem(await rest.send(method, url), { status: 404, code: 'no_such_job' });
  });

  it.each([
    ['an unknown state', 'status=finished', 'status'],
    ['a state given twice', 'status=done&status=failed', 'status'],
    ['a limit of 0', 'limit=0', 'limit'],
    ['a limit beyond 1,000', 'limit=1001', 'limit'],
    ['a limit that is no number', 'limit=ten', 'limit'],
    ['a queue that can be none', 'queue=A%20B', 'queue'],
    ['a name that can be none', 'name=a%00', 'name'],
    ['an objectId that cannot be stored', 'objectId=a%00', 'objectId'],
    ['an unknown parameter', 'state=done', 'state'],
  ])('a list with %s is invalid_request', async (_, query, path) => {
    const answer = await rest.get(`/job/all?${query}`);
    expectProblem(answer, { status: 400, code: 'invalid_request' });
    expect(pathsOf(answer)).toEqual([path]);
  });

  it('an unknown state tells the states there are', async () => {
    expect(messageOf(await rest.get('/job/all?status=finished'))).toBe(
      'is "finished"; use one of waiting, executing, done, failed, canceled',
    );
  });

  it.each([
    ['no base64', '!!!'],
    ['no JSON', Buffer.from('nonsense').toString('base64url')],
    ['no place', Buffer.from('["x","y","z",""]').toString('base64url')],
    [
      'a place on no day',
      Buffer.from(`["x","${MISSING_ID}","2026-99-99 00:00:00+00",""]`).toString('base64url'),
    ],
    ['empty', ''],
  ])('a cursor that is %s is invalid_cursor', async (_, cursor) => {
    expectProblem(await rest.get(`/job/all?cursor=${cursor}`), { status: 400, code: 'invalid_cursor' });
  });

  it('a cursor of another filter is invalid_cursor', async () => {
    await rest.paint();
    await rest.paint();
    const { body } = await rest.get('/job/all?queue=paint&limit=1');
    expectProblem(await rest.get(`/job/all?name=paint&cursor=${String(body['next'])}`), {
      status: 400,
      code: 'invalid_cursor',
    });
  });

  it.each(['nonsense', '-1', '61s', '2m', '90000'])('a wait of %s is invalid_request', async (wait) => {
    const id = await rest.paint();
    const answer = await rest.get(`/job/${id}/status?wait=${wait}`);
    expectProblem(answer, { status: 400, code: 'invalid_request' });
    expect(pathsOf(answer)).toEqual(['wait']);
  });

  it.each([
    ['nothing named', {}, 'body'],
    ['only a dry run named', { dryRun: true }, 'body'],
    ['a state that cannot be changed so', { status: 'done' }, 'status'],
    ['an id that is none', { ids: ['x'] }, 'ids.0'],
    ['an unknown field', { queeu: 'paint' }, 'queeu'],
  ])('a cancel by filter with %s is invalid_request', async (_, body, path) => {
    const answer = await rest.post('/job/cancel', body);
    expectProblem(answer, { status: 400, code: 'invalid_request' });
    expect(pathsOf(answer)).toEqual([path]);
  });

  it.each(['nowhere', 'No%20Queue', 'a%00b'])(
    'pausing the queue %s, which is none, is no_such_queue',
    async (name) => {
      expectProblem(await rest.post(`/queue/${name}/pause`), { status: 404, code: 'no_such_queue' });
    },
  );

  it.each([
    ['GET', '/nowhere'],
    ['POST', '/job/all'],
    ['POST', '/nowhere/at/all'],
  ] as const)('%s %s is not_found', async (method, url) => {
    expectProblem(await rest.send(method, url), { status: 404, code: 'not_found' });
  });

  it('an unexpected error is internal_error without a word about its cause', async () => {
    await rest.database.query('ALTER TABLE job RENAME TO job_away');
    const answer = await rest.get(`/job/${MISSING_ID}`);
    await rest.database.query('ALTER TABLE job_away RENAME TO job');
    expectProblem(answer, { status: 500, code: 'internal_error' });
    expect(answer.body['instance']).toMatch(/^urn:uuid:/);
    expect(JSON.stringify(answer.body)).not.toContain('relation');
  });
});

@Controller('theirs')
class TheirController {
  @Post()
  take(): string {
    return 'taken';
  }

  @Get('error')
  error(): never {
    throw new ForbiddenException('not you');
  }
}

@Module({ controllers: [TheirController] })
class TheirModule {}

describe('in an application that answers errors in its own way', () => {
  beforeAll(async () => {
    rest = await RestApp.boot({ imports: [TheirModule], hasGlobalFilter: false, prefix: 'api' });
  });
  afterAll(() => rest.close());

  it('its own errors stay as they are', async () => {
    const { status, headers, body } = await rest.get('/api/theirs/error');
    expect([status, body['message']]).toEqual([403, 'not you']);
    expect(headers['content-type']).toContain('application/json');
  });

  it('its own routes take no lines of JSON and no larger bodies because of us', async () => {
    const lines = await rest.send('POST', '/api/theirs', '{}', { 'content-type': 'application/x-ndjson' });
    const large = await rest.post('/api/theirs', 'x'.repeat(1_048_577));
    expect([lines.status, large.status]).toEqual([415, 413]);
    expect(large.headers['content-type']).toContain('application/json');
  });

  it('ours are problems, also those found before any of our code runs', async () => {
    expectProblem(await rest.send('POST', '/api/job', '{', JSON_TYPE), {
      status: 400,
      code: 'malformed_json',
    });
    expectProblem(await rest.get('/api/job/nonsense'), { status: 400, code: 'invalid_id' });
    const large = await rest.post('/api/job', { name: 'greet', payload: { to: 'x'.repeat(2_000_000) } });
    expectProblem(large, { status: 413, code: 'payload_too_large' });
  });

  it('Location stays below its prefix', async () => {
    const { headers, body } = await rest.post('/api/job', { name: 'paint' });
    expect(headers['location']).toBe(`/api/job/${String(body['id'])}`);
  });
});
