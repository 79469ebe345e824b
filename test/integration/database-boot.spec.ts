import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Database, type DatabaseOptions } from '../../src/modules/database/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

let testDatabase: TestDatabase;
let proxy: TcpProxy | undefined;
let databases: Database[];
let lines: string[];

beforeAll(async () => {
  testDatabase = await createTestDatabase();
});

beforeEach(() => {
  databases = [];
  lines = [];
});

afterEach(async () => {
  await Promise.all(databases.map((database) => database.close()));
  await proxy?.close();
  proxy = undefined;
});

afterAll(async () => {
  await testDatabase.drop();
});

function database(url: string, options: Partial<DatabaseOptions> = {}): Database {
  const take = (line: string): void => void lines.push(line);
  const made = new Database({
    settings: { url, schema: 'public', folder: '' },
    log: { log: take, warn: take },
    ...options,
  });
  databases.push(made);
  return made;
}

async function throughProxy(isCut: boolean): Promise<string> {
  const url = new URL(testDatabase.url);
  proxy = await openTcpProxy({ host: url.hostname, port: Number(url.port) }, { isCut });
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  if (url.username === '') url.username = 'postgres';
  url.password ||= 'the-secret';
  return url.href;
}

describe('a database at boot', () => {
  it('is up, with the schema in place and the clock set, once open resolves', async () => {
    const opened = database(testDatabase.url);
    await opened.open();
    expect(opened.state.status).toBe('up');
    expect(opened.isEmbedded).toBe(false);
    await expect(opened.control.query('SELECT count(*) AS jobs FROM job')).resolves.toEqual([{ jobs: 0 }]);
    await expect(opened.dataSource.query('SELECT count(*) AS jobs FROM job')).resolves.toEqual([{ jobs: 0 }]);
    const [row] = await testDatabase.query<{ now: Date }>('SELECT clock_timestamp() AS now');
    expect(Math.abs(opened.clock.now() - (row?.now.getTime() ?? 0))).toBeLessThan(1_000);
  });

  it('keeps its clock right though the machine’s clock steps after boot', async () => {
    const opened = database(testDatabase.url);
    await opened.open();
    const realNow = Date.now;
    const stepped = vi.spyOn(Date, 'now').mockImplementation(() => realNow() + 3_600_000);
    try {
      expect(opened.clock.now() - realNow()).toBeGreaterThan(3_000_000);
      await eventually(() => Math.abs(opened.clock.now() - realNow()) < 1_000);
    } finally {
      stepped.mockRestore();
    }
  });

  it('waits for a server that comes up late, with one readable line an attempt', async () => {
    const url = await throughProxy(true);
    const opening = database(url).open();
    await expect.poll(() => lines.length).toBeGreaterThanOrEqual(2);
    await proxy?.restore();
    await opening;
    expect(lines[0]).toMatch(
      /^PostgreSQL at 127\.0\.0\.1:\d+\/rookery_test_\w+ is not ready: connect ECONNREFUSED .*; trying again, for \d+ s at most$/,
    );
    expect(lines.join()).not.toContain(new URL(url).password);
  });

  it('gives up after its bound with database_unavailable, which names the server, the reason and the remedy', async () => {
    const url = await throughProxy(true);
    const failure = await database(url, { bootTimeoutMs: 600 })
      .open()
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'database_unavailable',
      message: expect.stringMatching(
        /^PostgreSQL at 127\.0\.0\.1:\d+\/\w+ cannot be used: connect ECONNREFUSED.*; check that the server runs/,
      ) as string,
    });
    expect(String(failure)).not.toContain(new URL(url).password);
  });

  it('does not wait for a database that does not exist', async () => {
    const url = new URL(testDatabase.url);
    url.pathname = '/no_such_database';
    await expect(database(url.href).open()).rejects.toMatchObject({
      code: 'database_unavailable',
      message: expect.stringContaining('"no_such_database" does not exist; create that database') as string,
    });
    expect(lines).toEqual([]);
  });

  it('does not wait for a server that has no TLS when TLS is asked for', async () => {
    const url = new URL(testDatabase.url);
    url.searchParams.set('sslmode', 'no-verify');
    await expect(database(url.href).open()).rejects.toMatchObject({
      code: 'database_unavailable',
      message: expect.stringContaining('add ?sslmode=disable to DATABASE_URL') as string,
    });
  });

  it('refuses a URL that is none without repeating it', async () => {
    const failure = await database('mysql://app:the-secret@db/app')
      .open()
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'invalid_config' });
    expect(String(failure)).not.toContain('the-secret');
  });

  it('stops waiting when it is closed', async () => {
    const waiting = database(await throughProxy(true));
    const opening = waiting.open();
    opening.catch(() => undefined);
    await expect.poll(() => lines.length).toBeGreaterThanOrEqual(1);
    await waiting.close();
    await expect(opening).rejects.toThrow('was closed while it was being opened');
  });

  it('closes once, however often it is asked', async () => {
    const opened = database(testDatabase.url);
    await opened.open();
    await Promise.all([opened.close(), opened.close()]);
    await opened.close();
  });
});

describe('a database without a URL', () => {
  it('runs the embedded server in its folder and takes it down with itself', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rookery-boot-'));
    await chmod(folder, 0o755);
    try {
      const opened = database('', { settings: { schema: 'public', folder } });
      await opened.open();
      expect(opened.isEmbedded).toBe(true);
      const { server } = opened;
      await expect(opened.control.query('SELECT count(*) AS jobs FROM job')).resolves.toEqual([{ jobs: 0 }]);
      await opened.close();
      const url = `postgres://rookery@${server}`;
      await expect(database(url, { bootTimeoutMs: 0 }).open()).rejects.toThrow('ECONNREFUSED');
    } finally {
      await Promise.all(databases.map((one) => one.close()));
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe("a database of a foreign application's DataSource", () => {
  it('uses the same server through connections of its own', async () => {
    const url = new URL(testDatabase.url);
    const foreign = new DataSource({
      type: 'postgres',
      host: url.hostname,
      port: Number(url.port),
      username: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      database: testDatabase.name,
      extra: { max: 1 },
    });
    const opened = database('', { dataSource: foreign });
    await opened.open();
    const [row] = await opened.control.query('SELECT current_database() AS name, count(*) AS jobs FROM job');
    expect(row).toEqual({ name: testDatabase.name, jobs: 0 });
    expect(foreign.isInitialized).toBe(false);
  });

  it('refuses one that is not of PostgreSQL', async () => {
    const foreign = new DataSource({ type: 'postgres' });
    Object.assign(foreign.options, { type: 'mysql' });
    await expect(database('', { dataSource: foreign }).open()).rejects.toMatchObject({
      code: 'invalid_config',
      message: expect.stringContaining('of type "mysql"') as string,
    });
  });
});
