import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { protectServer, defineConfig } from '../../src/index.js';
import type { OpenApiDocument } from '../../src/modules/job/index.js';
import { DocumentCheck } from '../support/document-check.js';
import { RestApp, type Answered } from '../support/rest-app.js';

const READ = 'read-secret-0123456789';
const OPERATE = 'operate-secret-0123456789';
const ADMIN = 'admin-secret-0123456789';
const SECRETS = { read: READ, operate: OPERATE, admin: ADMIN } as const;
const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });

describe('with tokens', () => {
  let rest: RestApp;
  let check: DocumentCheck;
  beforeAll(async () => {
    rest = await RestApp.boot({
      settings: { api: { tokens: [`r:read:${READ}`, `o:operate:${OPERATE}`, `a:admin:${ADMIN}`] } },
    });
    const { body } = await rest.send('GET', '/openapi.json', undefined, bearer(READ));
    check = new DocumentCheck(body as unknown as OpenApiDocument);
  });
  afterAll(() => rest.close());

  const call = async (
    method: string,
    path: string,
    headers: Record<string, string>,
  ): Promise<Pick<Answered, 'status' | 'headers'> & { code: unknown }> => {
    const response = await rest.app.inject({
      method: method as 'GET',
      // A stream goes on until it is told to end.
      url: path === '/events' ? `${path}?for=1` : path.replaceAll(/\{\w+\}/g, 'x'),
      headers,
    });
    const isProblem = String(response.headers['content-type']).startsWith('application/problem+json');
    const code = isProblem ? response.json<{ code: string }>().code : undefined;
    return { status: response.statusCode, headers: response.headers, code };
  };
  const sign = async (secret: string) => {
    const answer = await rest.post('/session', { token: secret });
    return { answer, cookie: String(answer.headers['set-cookie']).split(';', 1)[0] ?? '' };
  };

  it('answers nobody, and each role exactly where the document says it may', async () => {
    for (const { method, path, role } of check.operations) {
      const nobody = await call(method, path, {});
      if (role === 'nothing') {
        expect([method, path, nobody.code]).not.toEqual([method, path, 'unauthorized']);
        continue;
      }
      expect([path, nobody.status, nobody.code]).toEqual([path, 401, 'unauthorized']);
      expect(nobody.headers['www-authenticate']).toBe('Bearer realm="rookery"');
      const order = ['read', 'operate', 'admin'];
      for (const [has, secret] of Object.entries(SECRETS)) {
        const { code } = await call(method, path, bearer(secret));
        const mayNot = order.indexOf(has) < order.indexOf(role);
        expect([method, path, has, code === 'forbidden']).toEqual([method, path, has, mayNot]);
      }
    }
  });

  it('asks nobody for their health', async () => {
    expect((await rest.get('/health/ready')).status).toBe(200);
  });

  it('names the role that is needed and tells no secret', async () => {
    const { status, body } = await rest.post('/job', { name: 'paint' }, bearer(READ));
    expect({ status, body }).toMatchObject({
      status: 403,
      body: { code: 'forbidden', detail: 'this needs the role operate; the token r has read' },
    });
    expect(JSON.stringify(body)).not.toContain('secret-0');
  });

  it('signs a browser in by a cookie that no script reads, and out', async () => {
    expect((await rest.get('/session')).body).toEqual({
      required: true,
      label: null,
      role: null,
      expiresAt: null,
    });
    const { answer, cookie } = await sign(OPERATE);
    expect(answer).toMatchObject({ status: 200, body: { required: true, label: 'o', role: 'operate' } });
    expect(answer.headers['set-cookie']).toMatch(/; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
    expect(cookie).not.toContain(OPERATE);
    expect((await rest.send('GET', '/status', undefined, { cookie })).status).toBe(200);
    expect((await rest.send('GET', '/session', undefined, { cookie: `a=b; ${cookie}` })).body).toMatchObject({
      role: 'operate',
    });
    const out = await rest.send('DELETE', '/session', undefined, { cookie });
    expect(out.headers['set-cookie']).toMatch(/^rookery_session=; .*Max-Age=0$/);
  });

  it('changes nothing for a session from another page, or from no page', async () => {
    const { cookie } = await sign(OPERATE);
    const from = (headers: Record<string, string>) =>
      rest.post('/queue/mail/pause', undefined, { cookie, host: 'jobs.example:8080', ...headers });
    const statuses = [
      await from({ origin: 'http://jobs.example:8080' }),
      await from({ 'sec-fetch-site': 'same-origin' }),
      await from({ origin: 'http://evil.example' }),
      await from({ origin: 'http://localhost:3000' }),
      await from({ origin: 'null' }),
      await from({ 'sec-fetch-site': 'cross-site' }),
      await from({}),
    ].map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 403, 403, 403, 403, 403]);
    expect((await rest.send('GET', '/status', undefined, { cookie, origin: 'null' })).status).toBe(200);
  });

  it.each([
    ['of another role', (value: string) => value.replace('o.', 'a.')],
    [
      'of a later end',
      (value: string) => value.replace(/\.(\d+)\./, (_, at: string) => `.${Number(at) + 1}.`),
    ],
    ['without its signature', (value: string) => value.replace(/\.[^.]*$/, '.')],
    ['that is empty', () => ''],
  ])('does not know a session %s', async (_, forged) => {
    const { cookie } = await sign(OPERATE);
    const [name = '', value = ''] = cookie.split('=');
    const { status } = await rest.send('GET', '/status', undefined, { cookie: `${name}=${forged(value)}` });
    expect(status).toBe(401);
  });

  it('lets no address guess on, not even right, and others go on', async () => {
    const from = (remoteAddress: string, secret: string) =>
      rest.app.inject({ url: '/status', remoteAddress, headers: bearer(secret) });
    for (let at = 0; at < 10; at++) expect((await from('10.0.0.1', `wrong-${at}`)).statusCode).toBe(401);
    const limited = await from('10.0.0.1', READ);
    expect(limited.statusCode).toBe(429);
    expect(limited.json()).toMatchObject({ code: 'too_many_failures' });
    expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0);
    expect((await from('10.0.0.2', READ)).statusCode).toBe(200);
  });

  it('carries the headers that browsers heed, also where it refuses', async () => {
    for (const { headers } of [await rest.get('/status'), await rest.get('/health/live')]) {
      expect(headers).toMatchObject({
        'content-security-policy': expect.stringContaining("frame-ancestors 'none'") as string,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
      });
    }
  });
});

describe('without tokens', () => {
  let rest: RestApp;
  beforeAll(async () => {
    rest = await RestApp.boot({ beforeInit: (app) => protectServer(app, defineConfig({}, {})) });
  });
  afterAll(() => rest.close());

  it('is open to this machine', async () => {
    expect((await rest.get('/session')).body).toMatchObject({ required: false, role: 'admin' });
    expect((await rest.post('/job', { name: 'paint' })).status).toBe(201);
  });

  it.each([
    ['localhost:8080', 200],
    ['127.0.0.1:8080', 200],
    ['[::1]:8080', 200],
    ['10.1.2.3', 200],
    ['rookery.localhost', 200],
    ['evil.example', 403],
    ['127.0.0.1.evil.example:8080', 403],
  ])('answers a request to %s with %i', async (host, status) => {
    const answered = await rest.send('GET', '/status', undefined, { host });
    expect(answered.status).toBe(status);
    expect(answered.headers['x-content-type-options']).toBe('nosniff');
  });

  it('changes nothing for a page of another site', async () => {
    const from = async (origin: string) =>
      (await rest.post('/queue/mail/pause', undefined, { origin, host: '127.0.0.1:8080' })).status;
    expect(await from('http://127.0.0.1:8080')).toBe(200);
    expect(await from('http://localhost:5173')).toBe(200);
    expect(await from('https://evil.example')).toBe(403);
    expect(await from('null')).toBe(403);
  });
});
