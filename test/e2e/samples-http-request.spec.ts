import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { guardedAgent } from '../../src/samples/http-request/guarded-agent.js';
import { exchange } from '../../src/samples/http-request/http-exchange.js';
import { SamplesApp } from '../support/samples-app.js';

interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Job {
  readonly status: string;
  readonly attempt: number;
  readonly result: {
    readonly url: string;
    readonly status: number;
    readonly headers: Record<string, unknown>;
    readonly body: string;
    readonly encoding: string;
    readonly truncated: boolean;
    readonly redirects: string[];
  };
  readonly history: readonly { readonly outcome: string; readonly error?: { readonly message: string } }[];
}

const KEPT_BYTES = 1_000;

/** What the web server of these tests does at each path; `received` tells what reached it. */
let received: Received[] = [];
const pages: Record<string, RequestListener> = {
  '/hello': (_, response) => {
    response.setHeader('x-two', ['a', 'b']);
    response.end('hällo');
  },
  '/created': (_, response) => response.writeHead(201).end('{"id":1}'),
  '/empty': (_, response) => response.writeHead(204).end(),
  '/big': (_, response) => response.end('ä'.repeat(100_000)),
  '/endless': (_, response) => {
    const more = (): boolean => response.write('x'.repeat(65_536));
    response.on('drain', more);
    more();
  },
  '/bomb': (_, response) => {
    response.setHeader('content-encoding', 'gzip').end(gzipSync(Buffer.alloc(50_000_000, 'x')));
  },
  '/gzip': (_, response) => response.setHeader('content-encoding', 'gzip').end(gzipSync('unpacked')),
  '/binary': (_, response) => response.end(Buffer.from([0xff, 0x00, 0xfe])),
  '/nul': (_, response) => response.end('a\u0000b'),
  '/silent': () => undefined,
  '/stalled': (_, response) => void response.write('and then'),
  '/dropped': (request) => request.socket.destroy(),
  '/missing': (_, response) => response.writeHead(404).end('no such page'),
  '/busy': (_, response) => response.writeHead(429).end('later'),
  '/broken': (_, response) => response.writeHead(500).end(),
  '/flaky': (_, response) => response.writeHead(received.length > 1 ? 200 : 503).end('better'),
  '/one': (_, response) => response.writeHead(302, { location: '/two' }).end('moved'),
  '/two': (_, response) => response.writeHead(307, { location: 'hello' }).end('moved'),
  '/after-post': (_, response) => response.writeHead(303, { location: '/hello' }).end(),
  '/circle': (_, response) => response.writeHead(302, { location: '/circle' }).end(),
  '/elsewhere': (_, response) =>
    response.writeHead(307, { location: `http://127.0.0.2:${port}/hello` }).end(),
  '/inside': (_, response) => response.writeHead(302, { location: `http://127.0.0.1:${port}/hello` }).end(),
  '/file': (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
};

let server: Server;
let port: number;
let web: string;
let scene: SamplesApp;

beforeAll(async () => {
  server = createServer((request, response) => {
    void text(request).then((body) => {
      const { method = '', url = '', headers } = request;
      received.push({ method, url, headers, body });
      pages[url]?.(request, response);
    });
  });
  // Every address of 127.0.0.0/8 is this machine; some tests need two of them.
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
  web = `http://127.0.0.1:${port}`;
});
beforeEach(() => {
  received = [];
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

async function run(payload: Record<string, unknown>, options: Record<string, unknown> = {}): Promise<Job> {
  const made = await scene.send<{ id: string }>('POST', '/job', {
    name: 'http:request',
    payload,
    maxAttempts: 1,
    ...options,
  });
  expect(made.body).toMatchObject({ id: expect.any(String) as string });
  await scene.send('GET', `/job/${made.body.id}/status?wait=20s`);
  return (await scene.send<Job>('GET', `/job/${made.body.id}`)).body;
}

function messageOf(job: Job): string {
  return job.history.at(-1)?.error?.message ?? '';
}

describe('http:request where private addresses are allowed', () => {
  beforeAll(async () => {
    scene = await SamplesApp.boot({
      samples: {
        httpRequest: { allowPrivateAddresses: true, maxResponseBytes: KEPT_BYTES, maxRedirects: 3 },
      },
    });
  });
  afterAll(() => scene.close());

  it('records status, headers and body', async () => {
    const { status, result } = await run({ url: `${web}/hello` });
    expect(status).toBe('done');
    expect(result).toMatchObject({
      url: `${web}/hello`,
      status: 200,
      headers: { 'x-two': ['a', 'b'] },
      body: 'hällo',
      encoding: 'utf-8',
      truncated: false,
      redirects: [],
    });
    expect(received).toMatchObject([{ method: 'GET', headers: { 'user-agent': 'rookery' } }]);
  });

  it('sends method, headers and a body of JSON', async () => {
    const { result } = await run({
      url: `${web}/created`,
      method: 'PUT',
      headers: { 'X-Token': 'secret', 'User-Agent': 'mine' },
      body: { a: [1] },
    });
    expect(result.status).toBe(201);
    expect(received).toMatchObject([
      {
        method: 'PUT',
        body: '{"a":[1]}',
        headers: {
          'content-type': 'application/json',
          'x-token': 'secret',
          'user-agent': 'mine',
          host: `127.0.0.1:${port}`,
        },
      },
    ]);
  });

  it('shows the values of its headers to nobody, and takes none that were copied from there', async () => {
    const payload = { url: `${web}/hello`, headers: { 'X-Token': 'open sesame' } };
    await run(payload);
    const shown = { url: `${web}/hello`, method: 'GET', headers: { 'X-Token': '[secret]' } };
    const { body } = await scene.send<{ jobs: unknown[] }>('GET', '/job/all?name=http:request&limit=1');
    expect(body.jobs).toMatchObject([{ payload: shown }]);
    expect(JSON.stringify(body)).not.toContain('open sesame');
    expect(received).toMatchObject([{ headers: { 'x-token': 'open sesame' } }]);
    const copied = await scene.send('POST', '/job', { name: 'http:request', payload: shown });
    expect(copied).toMatchObject({ status: 400, body: { code: 'invalid_payload' } });
    expect(JSON.stringify(copied.body)).toContain('payload.headers.X-Token is [secret]');
  });

  it('shows none in a schedule, whose jobs have them', async () => {
    const payload = { url: `${web}/hello`, headers: { 'X-Token': 'open sesame' } };
    const made = await scene.send('PUT', '/schedule/hello', {
      job: 'http:request',
      cron: '0 0 1 1 *',
      payload,
    });
    expect(made).toMatchObject({ status: 201, body: { payload: { headers: { 'X-Token': '[secret]' } } } });
    const { body } = await scene.send<{ jobId: string }>('POST', '/schedule/hello/trigger');
    const { body: job } = await scene.send('GET', `/job/${body.jobId}/status?wait=20s`);
    expect(job).toMatchObject({ status: 'done' });
    expect(received).toMatchObject([{ headers: { 'x-token': 'open sesame' } }]);
    await scene.send('DELETE', '/schedule/hello');
  });

  it('sends a body that is a string as it is', async () => {
    await run({
      url: `${web}/created`,
      method: 'POST',
      headers: { 'content-type': 'text/csv' },
      body: 'a,b',
    });
    expect(received).toMatchObject([{ body: 'a,b', headers: { 'content-type': 'text/csv' } }]);
  });

  it('records an answer without a body', async () => {
    expect((await run({ url: `${web}/empty` })).result).toMatchObject({ status: 204, body: '' });
    expect((await run({ url: `${web}/gzip`, method: 'HEAD' })).result).toMatchObject({ body: '' });
  });

  it('keeps the beginning of a big body and says so, and cuts through no character', async () => {
    const { result } = await run({ url: `${web}/big` });
    expect(result).toMatchObject({ truncated: true, encoding: 'utf-8', body: 'ä'.repeat(KEPT_BYTES / 2) });
  });

  it('ends an endless body', async () => {
    const { result } = await run({ url: `${web}/endless` });
    expect(result).toMatchObject({ truncated: true });
    expect(result.body).toHaveLength(KEPT_BYTES);
  });

  it('unpacks a body, and of one that would unpack to 50 MB only the beginning', async () => {
    expect((await run({ url: `${web}/gzip` })).result.body).toBe('unpacked');
    const { result } = await run({ url: `${web}/bomb` });
    expect(result).toMatchObject({ truncated: true, body: 'x'.repeat(KEPT_BYTES) });
  });

  it.each(['/binary', '/nul'])('records %s, which no text can hold, as base64', async (path) => {
    const { result } = await run({ url: `${web}${path}` });
    expect(result.encoding).toBe('base64');
    expect(Buffer.from(result.body, 'base64')).toContain(0);
  });

  it('follows redirects and names them', async () => {
    const { result } = await run({ url: `${web}/one` });
    expect(result).toMatchObject({
      url: `${web}/hello`,
      status: 200,
      redirects: [`${web}/one`, `${web}/two`],
    });
  });

  it('turns a POST into a GET without a body after 303', async () => {
    await run({ url: `${web}/after-post`, method: 'POST', body: { a: 1 } });
    expect(received.map(({ method, body }) => [method, body])).toEqual([
      ['POST', '{"a":1}'],
      ['GET', ''],
    ]);
    expect(received[1]?.headers).not.toHaveProperty('content-type');
  });

  it('keeps secrets from another origin', async () => {
    await run({
      url: `${web}/elsewhere`,
      headers: { Authorization: 'Bearer secret', Cookie: 'a=b', 'X-Api-Key': 'secret', Accept: 'text/plain' },
    });
    expect(received[0]?.headers).toMatchObject({ authorization: 'Bearer secret', 'x-api-key': 'secret' });
    const [, second] = received;
    expect(second?.headers).toMatchObject({ host: `127.0.0.2:${port}`, accept: 'text/plain' });
    for (const name of ['authorization', 'cookie', 'x-api-key'])
      expect(second?.headers).not.toHaveProperty(name);
  });

  it('fails for good after too many redirects', async () => {
    const job = await run({ url: `${web}/circle` }, { maxAttempts: 3 });
    expect([job.status, job.attempt]).toEqual(['failed', 1]);
    expect(messageOf(job)).toContain('redirects more than 3 times');
    expect(received).toHaveLength(4);
  });

  it('fails for good on a redirect that is not http', async () => {
    const job = await run({ url: `${web}/file` }, { maxAttempts: 3 });
    expect([job.status, job.attempt]).toEqual(['failed', 1]);
    expect(messageOf(job)).toContain('neither http nor https');
  });

  it('fails for good on 404 and quotes the page', async () => {
    const job = await run({ url: `${web}/missing` }, { maxAttempts: 3 });
    expect([job.status, job.attempt]).toEqual(['failed', 1]);
    expect(messageOf(job)).toBe(`GET ${web}/missing answered 404: no such page`);
  });

  it('asks again after 503 and keeps the answer that comes then', async () => {
    const job = await run({ url: `${web}/flaky` }, { maxAttempts: 3 });
    expect(job).toMatchObject({ status: 'done', attempt: 2, result: { body: 'better' } });
    expect(messageOf(job)).toContain('answered 503');
  });

  it.each([
    ['/broken', 'answered 500'],
    ['/busy', 'answered 429: later'],
    ['/dropped', 'failed: '],
  ])('tries %s again until its attempts are used up', async (path, message) => {
    const job = await run({ url: `${web}${path}` }, { maxAttempts: 2 });
    expect(job).toMatchObject({ status: 'failed', attempt: 2 });
    expect(messageOf(job)).toContain(message);
  });

  it('tries a port that nobody listens on again', async () => {
    const job = await run({ url: 'http://127.0.0.1:1/' }, { maxAttempts: 2 });
    expect(job).toMatchObject({ status: 'failed', attempt: 2 });
    expect(messageOf(job)).toContain('ECONNREFUSED');
  });

  it.each(['/silent', '/stalled'])('gives up %s at its timeout, and closes the connection', async (path) => {
    const closed = new Promise<void>((resolve) => {
      server.once('request', ({ socket }: { socket: NodeJS.EventEmitter }) => socket.once('close', resolve));
    });
    const job = await run({ url: `${web}${path}` }, { timeout: '300ms' });
    expect(job).toMatchObject({ status: 'failed', history: [{ outcome: 'failed' }] });
    expect(messageOf(job)).toContain('timeout');
    await closed;
  });

  it.each([
    ['a relative URL', { url: '/hello' }, 'payload.url'],
    ['another protocol', { url: 'file:///etc/passwd' }, 'payload.url'],
    ['a password in the URL', { url: 'http://user:pass@example.com/' }, 'payload.url'],
    ['an unknown method', { url: 'http://example.com/', method: 'TRACE' }, 'payload.method'],
    ['a host header', { url: 'http://example.com/', headers: { Host: 'inside' } }, 'payload.headers'],
    [
      'a header with a line break',
      { url: 'http://example.com/', headers: { a: 'b\r\nc: d' } },
      'payload.headers',
    ],
    ['a body with GET', { url: 'http://example.com/', body: 'x' }, 'payload.body'],
    ['an unknown field', { url: 'http://example.com/', verb: 'GET' }, 'payload'],
  ])('refuses %s when the job is made', async (_, payload, path) => {
    const { status, body } = await scene.send<{ code: string; issues: { path: string }[] }>('POST', '/job', {
      name: 'http:request',
      payload,
    });
    expect([status, body.code]).toEqual([400, 'invalid_payload']);
    expect(body.issues[0]?.path).toMatch(new RegExp(`^${path}`));
  });
});

describe('http:request by default', () => {
  beforeAll(async () => {
    scene = await SamplesApp.boot();
  });
  afterAll(() => scene.close());

  it.each([
    '127.0.0.1',
    'localhost',
    '[::1]',
    '2130706433',
    '0x7f.1',
    '127.0.0.2',
    '[::ffff:127.0.0.1]',
    '0',
  ])('does not call %s, and does not try again', async (host) => {
    const job = await run({ url: `http://${host}:${port}/hello` }, { maxAttempts: 3 });
    expect([job.status, job.attempt]).toEqual(['failed', 1]);
    expect(messageOf(job)).toContain('no address of the public internet');
    expect(received).toEqual([]);
  });
});

describe('the guard', () => {
  it('judges every redirect anew', async () => {
    const agent = guardedAgent((address) => address === '127.0.0.2');
    const request = (path: string, host = '127.0.0.2') =>
      exchange(
        { url: new URL(`http://${host}:${port}${path}`), method: 'GET', headers: {}, body: undefined },
        { agent, signal: AbortSignal.timeout(10_000), maxRedirects: 3, maxResponseBytes: KEPT_BYTES },
      );
    try {
      expect(await request('/hello')).toMatchObject({ status: 200 });
      await expect(request('/inside')).rejects.toMatchObject({
        isFinal: true,
        message: expect.stringMatching(/^127\.0\.0\.1 is no address/) as string,
      });
      expect(received.map(({ url }) => url)).toEqual(['/hello', '/inside']);
      await expect(request('/hello', 'localhost')).rejects.toMatchObject({ isFinal: true });
    } finally {
      await agent.destroy();
    }
  });
});
