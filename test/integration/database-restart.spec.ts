import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedPostgres, openEmbeddedPostgres } from '../../src/modules/database/embedded/index.js';
import { Database, isConnectionLost, isTransient } from '../../src/modules/database/index.js';
import { openClient, queryWithin } from '../../src/modules/database/open-client.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

/** Repeats `work` until told to stop, and keeps what it answered and how it failed. */
function keepDoing(work: (round: number) => Promise<unknown>) {
  let isStopped = false;
  const failures: unknown[] = [];
  const done: number[] = [];
  const running = (async () => {
    for (let round = 0; !isStopped; round++) {
      try {
        await work(round);
        done.push(round);
      } catch (error) {
        failures.push(error);
        // Lets the event loop turn when a failure is immediate.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  })();
  return { failures, done, stop: () => ((isStopped = true), running) };
}

describe('while PostgreSQL is killed and started again', () => {
  let folder: string;
  let server: EmbeddedPostgres;
  let database: Database;
  const lines: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rookery-restart-'));
    await chmod(folder, 0o755);
    server = await openEmbeddedPostgres({ folder });
    const take = (line: string): void => void lines.push(line);
    const settings = { url: server.url, schema: 'public', folder };
    database = new Database({ settings, log: { log: take, warn: take } });
    await database.open();
    await database.control.execute('CREATE TABLE note (id int PRIMARY KEY, writer text)');
  });

  afterAll(async () => {
    await database.close();
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('every connection heals by itself, nothing acknowledged is lost, and the process lives', async () => {
    const hot = database.hot('under-load', { durable: true });
    const lock = await database.dedicated('lock');
    const lockBroke = new Promise((resolve) => lock.onBroken(resolve));
    const insert = { name: 'insert', text: `INSERT INTO note VALUES ($1, 'hot')` };
    const writers = [
      keepDoing((round) => hot.execute({ ...insert, values: [round] })),
      keepDoing(() => hot.transaction((queries) => queries.query({ name: 'one', text: 'SELECT 1' }))),
      ...Array.from({ length: 6 }, () => keepDoing(() => database.control.query('SELECT pg_sleep(0.001)'))),
      ...Array.from({ length: 6 }, () =>
        keepDoing(() => database.dataSource.query('SELECT pg_sleep(0.001)')),
      ),
      keepDoing(() => database.dataSource.transaction((manager) => manager.query('SELECT 1'))),
    ];
    const progressed = () => {
      const before = writers.map(({ done }) => done.length);
      return eventually(() => writers.every(({ done }, index) => done.length > (before[index] ?? 0) + 5));
    };

    await progressed();
    process.kill(server.pid, 'SIGKILL');
    await lockBroke;
    await eventually(() => database.state.status === 'up');
    await progressed();
    await Promise.all(writers.map((writer) => writer.stop()));

    const failures = writers.flatMap((writer) => writer.failures);
    expect(failures.length).toBeGreaterThan(0);
    expect(failures.filter((error) => !isTransient(error))).toEqual([]);
    expect(hot.stats.reconnects).toBeGreaterThanOrEqual(1);
    const stored = await database.control.query<{ id: number }>('SELECT id FROM note');
    const missing = writers[0]?.done.filter((id) => !stored.some((row) => row.id === id));
    expect(missing).toEqual([]);
    expect(lines.filter((line) => line.includes(' is away: '))).not.toEqual([]);
    expect(lines.at(-1)).toMatch(/^PostgreSQL at .* is back after \d+\.\d s$/);
  });

  it('connections that were idle heal too', async () => {
    const hot = database.hot('idle', { durable: false });
    const one = { name: 'one', text: 'SELECT 1 AS one' };
    await hot.query(one);
    const killed = server.pid;
    process.kill(killed, 'SIGKILL');
    await eventually(() => !hot.stats.isConnected);
    await eventually(() => database.state.status === 'up');
    await expect(hot.query(one)).resolves.toEqual([{ one: 1 }]);
    await expect(database.control.query('SELECT 1 AS one')).resolves.toEqual([{ one: 1 }]);
    await expect(database.dataSource.query('SELECT 1 AS one')).resolves.toEqual([{ one: 1 }]);
    expect(server.pid).not.toBe(killed);
  });
});

describe('while PostgreSQL cannot be reached', () => {
  let testDatabase: TestDatabase;
  let proxy: TcpProxy;
  let database: Database;
  let url: URL;

  beforeEach(async () => {
    testDatabase = await createTestDatabase();
    url = new URL(testDatabase.url);
    proxy = await openTcpProxy({ host: url.hostname, port: Number(url.port) });
    url.host = `127.0.0.1:${proxy.port}`;
    const log = { log: () => undefined, warn: () => undefined };
    database = new Database({ settings: { url: url.href, schema: 'public', folder: '' }, log });
    await database.open();
  });

  afterEach(async () => {
    await database.close();
    await proxy.close();
    await testDatabase.drop();
  });

  it('the state is away with its reason, and up again by itself although nobody asks', async () => {
    const before = database.state;
    expect(before).toMatchObject({ status: 'up' });
    await proxy.cut();
    await eventually(() => database.state.status === 'away');
    await eventually(() => database.state.reason?.includes('ECONNREFUSED') === true);
    await proxy.restore();
    await eventually(() => database.state.status === 'up');
    expect(database.state.forMs).toBeLessThan(before.forMs + 10_000);
    expect(database.state.since).toBeGreaterThan(before.since);
    expect(database.state.reason).toBeUndefined();
  });

  it('statements fail at once as lost connections', async () => {
    const hot = database.hot('cut-off', { durable: true });
    await hot.query({ name: 'one', text: 'SELECT 1' });
    await proxy.cut();
    const failures = await Promise.all([
      hot.query({ name: 'one', text: 'SELECT 1' }).catch((error: unknown) => error),
      database.control.query('SELECT 1').catch((error: unknown) => error),
      database.dataSource.query('SELECT 1').catch((error: unknown) => error),
      database.dedicated('lock').catch((error: unknown) => error),
      database.ping().catch((error: unknown) => error),
    ]);
    expect(failures.map(isConnectionLost)).toEqual(failures.map(() => true));
  });

  it('close ends although the database is away', async () => {
    await proxy.cut();
    await eventually(() => database.state.status === 'away');
    await database.close();
  });

  it('a network that swallows every packet ends a statement at its deadline, as a lost connection', async () => {
    const { username: user, password } = url;
    const connection = { host: '127.0.0.1', port: proxy.port, user, password, database: testDatabase.name };
    const options = {
      connection: { ...connection, application_name: 'test' },
      name: 'silent',
      setupSql: 'SELECT 1',
    };
    const ended: Error[] = [];
    const client = await openClient(options, (error) => ended.push(error));
    proxy.silence();
    const failure = await queryWithin(client, 200, 'SELECT 1').catch((error: unknown) => error);
    expect(isConnectionLost(failure)).toBe(true);
    await eventually(() => ended.length === 1);
    await proxy.cut();
  });
});
