import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Database, type HotConnection, isItemFault, isTransient } from '../../src/modules/database/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { openLossyProxy } from '../support/lossy-proxy.js';

let testDatabase: TestDatabase;
let database: Database;
let hot: HotConnection;
const opened: HotConnection[] = [];

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  await testDatabase.query('CREATE TABLE note (id bigint PRIMARY KEY, text text)');
  const log = { log: () => undefined, warn: () => undefined };
  database = new Database({ settings: { url: testDatabase.url, schema: 'public', folder: '' }, log });
  await database.open();
  hot = database.hot('test', { durable: true });
});

afterEach(async () => {
  await testDatabase.query('TRUNCATE note');
  await Promise.all(opened.splice(0).map((connection) => connection.close()));
});

afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

function open(name: string, durable = true): HotConnection {
  const connection = database.hot(name, { durable });
  opened.push(connection);
  return connection;
}

async function setting(connection: HotConnection, name: string): Promise<string | undefined> {
  const [row] = await connection.query<{ value: string }>({
    name: 'setting',
    text: 'SELECT current_setting($1) AS value',
    values: [name],
  });
  return row?.value;
}

async function pidOf(connection: HotConnection): Promise<number | undefined> {
  const [row] = await connection.query<{ pid: number }>({
    name: 'pid',
    text: 'SELECT pg_backend_pid() AS pid',
  });
  return row?.pid;
}

const insert = (id: number) => ({ name: 'insert', text: 'INSERT INTO note (id) VALUES ($1)', values: [id] });

describe('a hot connection', () => {
  it('has its session settings', async () => {
    const names = [
      'lock_timeout',
      'statement_timeout',
      'idle_in_transaction_session_timeout',
      'plan_cache_mode',
    ];
    names.push('enable_seqscan', 'jit', 'TimeZone', 'search_path', 'application_name');
    const values = await Promise.all(names.map((name) => setting(hot, name)));
    expect(Object.fromEntries(names.map((name, index) => [name, values[index]]))).toEqual({
      lock_timeout: '1s',
      statement_timeout: '30s',
      idle_in_transaction_session_timeout: '10s',
      plan_cache_mode: 'force_generic_plan',
      enable_seqscan: 'off',
      jit: 'off',
      TimeZone: 'UTC',
      search_path: '"public"',
      application_name: 'rookery:test',
    });
  });

  it('commits durably or not, as it was asked for, whatever the default of the database', async () => {
    await testDatabase.query(`ALTER DATABASE ${testDatabase.name} SET synchronous_commit = off`);
    expect(await setting(open('durable', true), 'synchronous_commit')).toBe('on');
    expect(await setting(open('relaxed', false), 'synchronous_commit')).toBe('off');
    await testDatabase.query(`ALTER DATABASE ${testDatabase.name} SET synchronous_commit = local`);
    expect(await setting(open('durable', true), 'synchronous_commit')).toBe('local');
    expect(await setting(open('relaxed', false), 'synchronous_commit')).toBe('off');
  });

  it('reads int8 as a number, timestamptz as a Date, and uuid as text', async () => {
    const rows = await hot.query({
      name: 'types',
      text: `SELECT 9007199254740991::int8 AS big, count(*) AS counted, to_timestamp(1.5) AS at,
                    '018f0000-0000-7000-8000-000000000000'::uuid AS id, '{"a":[1]}'::jsonb AS json, NULL::int8 AS none`,
    });
    expect(rows).toEqual([
      {
        big: 9007199254740991,
        counted: 1,
        at: new Date(1500),
        id: '018f0000-0000-7000-8000-000000000000',
        json: { a: [1] },
        none: null,
      },
    ]);
  });

  it('runs what is asked for at once one after the other, in order, also around a transaction', async () => {
    const order: string[] = [];
    const note = (name: string) => () => void order.push(name);
    await Promise.all([
      hot.execute(insert(1)).then(note('first')),
      hot
        .transaction(async (queries) => {
          await queries.execute(insert(2));
          await queries.execute(insert(3));
        })
        .then(note('transaction')),
      hot.execute(insert(4)).then(note('last')),
    ]);
    expect(order).toEqual(['first', 'transaction', 'last']);
    const rows = await testDatabase.query<{ id: string }>('SELECT id FROM note ORDER BY ctid');
    expect(rows.map(({ id }) => Number(id))).toEqual([1, 2, 3, 4]);
  });

  it('tells how many rows a statement changed', async () => {
    const text = 'INSERT INTO note (id) SELECT generate_series(1, $1::int)';
    await expect(hot.execute({ name: 'fill', text, values: [7] })).resolves.toBe(7);
  });

  it('goes on after a statement that failed', async () => {
    await hot.execute(insert(1));
    const failure = await hot.execute(insert(1)).catch((error: unknown) => error);
    expect(isItemFault(failure)).toBe(true);
    await expect(hot.execute(insert(2))).resolves.toBe(1);
    expect(hot.stats).toEqual({ name: 'test', isConnected: true, reconnects: 0 });
  });

  it('does not wait for the lock of a stranger longer than a second', async () => {
    await testDatabase.query(`INSERT INTO note VALUES (1, '')`);
    await testDatabase.query('BEGIN');
    try {
      await testDatabase.query('SELECT FROM note FOR UPDATE');
      const failure = await hot
        .execute({ name: 'update', text: 'UPDATE note SET id = id' })
        .catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: '55P03' });
      expect(isItemFault(failure)).toBe(true);
      expect(isTransient(failure)).toBe(false);
    } finally {
      await testDatabase.query('ROLLBACK');
    }
  });

  it('heals a prepared statement whose table changed or was made anew, unnoticed', async () => {
    await testDatabase.query('CREATE TABLE changing (a int)');
    const read = { name: 'changing', text: 'SELECT * FROM changing' };
    await expect(hot.query(read)).resolves.toEqual([]);
    await testDatabase.query('ALTER TABLE changing ADD b int');
    await testDatabase.query('INSERT INTO changing VALUES (1, 2)');
    await expect(hot.query(read)).resolves.toEqual([{ a: 1, b: 2 }]);
    await testDatabase.query('DROP TABLE changing');
    await expect(hot.query(read)).rejects.toMatchObject({ code: '42P01' });
    await testDatabase.query('CREATE TABLE changing (c text)');
    await expect(hot.query(read)).resolves.toEqual([]);
    await testDatabase.query('DROP TABLE changing');
  });

  it('heals a prepared statement that the server has forgotten', async () => {
    await hot.execute(insert(1));
    await hot.execute({ name: 'forget', text: 'DEALLOCATE ALL' });
    await expect(hot.execute(insert(2))).resolves.toBe(1);
    expect(hot.stats.reconnects).toBe(0);
  });

  it('keeps the number of prepared statements bounded', async () => {
    const busy = open('busy');
    for (let day = 0; day < 450; day++)
      await busy.query({ name: `day_${day}`, text: `SELECT ${day} AS day` });
    const rows = await busy.query<{ kept: number }>({
      name: 'count',
      text: 'SELECT count(*) AS kept FROM pg_prepared_statements',
    });
    expect(rows[0]?.kept).toBeLessThanOrEqual(200);
    expect(busy.stats.reconnects).toBe(0);
  });

  it('fails the statement in flight when its session is ended, and connects anew for the next', async () => {
    const victim = open('victim');
    const pid = await pidOf(victim);
    const sleeping = victim
      .query({ name: 'sleep', text: 'SELECT pg_sleep(30)' })
      .catch((error: unknown) => error);
    await expect
      .poll(() =>
        testDatabase.query(`SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'`, [pid]),
      )
      .toHaveLength(1);
    await testDatabase.query('SELECT pg_terminate_backend($1)', [pid]);
    expect(isTransient(await sleeping)).toBe(true);
    expect(await pidOf(victim)).not.toBe(pid);
    expect(victim.stats).toEqual({ name: 'victim', isConnected: true, reconnects: 1 });
  });

  it('notices a session that is ended while idle before the next statement', async () => {
    const idle = open('idle');
    const pid = await pidOf(idle);
    await testDatabase.query('SELECT pg_terminate_backend($1, 5000)', [pid]);
    await expect.poll(() => idle.stats.isConnected).toBe(false);
    expect(await pidOf(idle)).not.toBe(pid);
    expect(idle.stats.reconnects).toBe(1);
  });

  it('lets no statement of a session that broke take effect behind the next one', async () => {
    const proxy = await openLossyProxy(testDatabase.url);
    const log = { log: () => undefined, warn: () => undefined };
    const away = new Database({ settings: { url: proxy.url, schema: 'public', folder: '' }, log });
    const plain = new Client({ connectionString: proxy.url });
    plain.on('error', () => undefined);
    const slow = (id: number) => `INSERT INTO note (id) SELECT ${id} FROM pg_sleep(1)`;
    const underWay = async () =>
      (
        await testDatabase.query<{ id: string }>(
          `SELECT substring(query from 'SELECT (.)') AS id FROM pg_stat_activity
            WHERE state = 'active' AND query LIKE '%pg_sleep(1)' ORDER BY 1`,
        )
      ).map(({ id }) => id);
    try {
      await away.open();
      const broken = away.hot('broken', { durable: true });
      await plain.connect();
      const lost = [broken.execute({ name: 'slow', text: slow(1) }), plain.query(slow(2))];
      const ends = Promise.allSettled(lost);
      await eventually(async () => (await underWay()).length === 2);
      proxy.cut();
      expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      // The control: the server goes on with both.
      expect(await underWay()).toEqual(['1', '2']);
      proxy.restore();
      await broken.quiesce();
      expect(await underWay()).toEqual(['2']);
      await eventually(async () => (await underWay()).length === 0);
      expect(await testDatabase.query('SELECT id FROM note')).toEqual([{ id: '2' }]);
    } finally {
      await away.close();
      await proxy.close();
      await plain.end().catch(() => undefined);
    }
  });

  it('refuses statements once closed', async () => {
    const closed = open('closed');
    const last = closed.execute(insert(1));
    await closed.close();
    await expect(last).resolves.toBe(1);
    await expect(closed.execute(insert(2))).rejects.toThrow('the closed connection is closed');
  });
});

describe('a transaction on a hot connection', () => {
  it('leaves nothing when its work rejects', async () => {
    const work = hot.transaction(async (queries) => {
      await queries.execute(insert(1));
      throw new Error('changed my mind');
    });
    await expect(work).rejects.toThrow('changed my mind');
    await expect(testDatabase.query('SELECT FROM note')).resolves.toEqual([]);
    await expect(hot.execute(insert(1))).resolves.toBe(1);
  });

  it('rejects when a statement in it failed although its work went on', async () => {
    const work = hot.transaction(async (queries) => {
      await queries.execute({ name: 'fail', text: 'SELECT 1 / 0' }).catch(() => undefined);
    });
    await expect(work).rejects.toThrow('was rolled back');
  });

  it('heals a stale statement for the next transaction', async () => {
    await testDatabase.query('CREATE TABLE changing (a int)');
    const read = { name: 'changing in transaction', text: 'SELECT * FROM changing' };
    await hot.transaction((queries) => queries.query(read));
    await testDatabase.query('ALTER TABLE changing ADD b int');
    const failure = await hot.transaction((queries) => queries.query(read)).catch((error: unknown) => error);
    expect(isTransient(failure)).toBe(true);
    await expect(hot.transaction((queries) => queries.query(read))).resolves.toEqual([]);
  });
});

describe('the control pool', () => {
  it('runs a transaction and keeps its sessions after a statement that failed', async () => {
    await database.control.transaction(async (queries) => {
      await queries.execute('INSERT INTO note VALUES ($1, $2)', [1, 'a']);
    });
    const failing = database.control.transaction(async (queries) => {
      await queries.execute('INSERT INTO note VALUES ($1, $2)', [2, 'b']);
      await queries.execute('INSERT INTO note VALUES ($1, $2)', [1, 'c']);
    });
    await expect(failing).rejects.toMatchObject({ code: '23505' });
    await expect(database.control.query('SELECT * FROM note')).resolves.toEqual([{ id: 1, text: 'a' }]);
    const [before] = await database.control.query('SELECT pg_backend_pid() AS pid');
    await expect(database.control.query('SELECT nonsense')).rejects.toThrow('nonsense');
    expect(await database.control.query('SELECT pg_backend_pid() AS pid')).toEqual([before]);
  });

  it('has a statement timeout of 10 s and a lock timeout of 1 s', async () => {
    const [row] = await database.control.query(
      `SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock`,
    );
    expect(row).toEqual({ statement: '10s', lock: '1s' });
  });
});

describe('a dedicated connection', () => {
  it('holds a session lock until it is closed', async () => {
    const holder = await database.dedicated('holder');
    const take = 'SELECT pg_try_advisory_lock(42) AS taken';
    await expect(holder.query(take)).resolves.toEqual([{ taken: true }]);
    await expect(testDatabase.query(take)).resolves.toEqual([{ taken: false }]);
    await holder.close();
    await expect.poll(() => testDatabase.query(take)).toEqual([{ taken: true }]);
    await testDatabase.query('SELECT pg_advisory_unlock(42)');
    expect(holder.broken).toBeUndefined();
  });

  it('tells its owner at once when it breaks', async () => {
    const holder = await database.dedicated('holder');
    const broken = new Promise<Error>((resolve) => holder.onBroken(resolve));
    const [row] = await holder.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await testDatabase.query('SELECT pg_terminate_backend($1)', [row?.pid]);
    expect((await broken).message).toMatch(/terminat/);
    expect(holder.broken).toBe(await broken);
    await holder.close();
  });
});
