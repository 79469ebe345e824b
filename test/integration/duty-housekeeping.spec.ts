import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TRY_LOCK_KEYS } from '../../src/modules/job/repository/enqueue.sql.js';
import {
  DAY_MS,
  Partitions,
  daySuffix,
  foldCounters,
  minuteFlows,
  startOfDay,
  totals,
} from '../../src/modules/job/index.js';
import { CounterFolder } from '../../src/modules/scheduler/duties/counter-folder.js';
import { KeySweeper } from '../../src/modules/scheduler/duties/key-sweeper.js';
import { PartitionKeeper } from '../../src/modules/scheduler/duties/partition-keeper.js';
import type { Step } from '../../src/modules/scheduler/duty.js';
import { idAgo, JobTables } from '../support/job-tables.js';

const HOUR = 3_600_000;

let tables: JobTables;

beforeAll(async () => {
  tables = await JobTables.open();
});
afterAll(() => tables.close());

beforeEach(() => tables.test.query('TRUNCATE job, queue, job_key, counter_delta, counter_minute'));

async function count(table: string): Promise<number> {
  const [row] = await tables.test.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${table}`);
  return row?.count ?? 0;
}

describe('the counter folder', () => {
  const addDeltas = (rows: number): Promise<unknown> =>
    tables.test.query(
      `INSERT INTO counter_delta (at, queue, name, enqueued, claimed, done)
       SELECT now() - (g % 3) * interval '1 minute', 'mail', 'send' || g % 2, 5, 3, 2 FROM generate_series(1, $1) g`,
      [rows],
    );

  it('folds all deltas into minutes and totals, which stay the same', async () => {
    await addDeltas(6_000);
    const before = [await totals(tables.query), await minuteFlows(tables.query, new Date(0))];
    const folder = new CounterFolder();
    while (await folder.runOnce(tables.step));
    expect(await count('counter_delta')).toBe(0);
    expect([await totals(tables.query), await minuteFlows(tables.query, new Date(0))]).toEqual(before);
    expect(await totals(tables.query)).toMatchObject([
      { name: 'send0', waiting: 6_000, executing: 3_000, done: 6_000 },
      { name: 'send1', waiting: 6_000, executing: 3_000, done: 6_000 },
    ]);
    expect(await count('counter_minute')).toBeLessThanOrEqual(10);
  });

  it('never lets a reader see a delta missing or twice, though others append and two fold at once', async () => {
    await addDeltas(4_000);
    let isFolding = true;
    const fold = async (): Promise<void> => {
      while ((await tables.step((query) => foldCounters(query, 50))) > 0);
    };
    const folding = Promise.all([fold(), fold()]).then(() => (isFolding = false));
    const sums = new Set<number>();
    while (isFolding) sums.add((await totals(tables.query)).reduce((sum, row) => sum + row.done, 0));
    await folding;
    expect([...sums]).toEqual([8_000]);
  });

  it('forgets minutes after 14 days and keeps the totals', async () => {
    await tables.test.query(
      `INSERT INTO counter_minute (minute, queue, name, done) VALUES ('-infinity', 'mail', 'send', 3),
              (date_trunc('minute', now() - interval '14 days 2 minutes'), 'mail', 'send', 1), (date_trunc('minute', now() - interval '13 days'), 'mail', 'send', 2)`,
    );
    const folder = new CounterFolder();
    await folder.runOnce(tables.step);
    expect(await count('counter_minute')).toBe(2);
    expect((await totals(tables.query))[0]?.done).toBe(3);
  });

  it('writes nothing when there is nothing to fold', async () => {
    // Whether each step came to write: only then does its transaction get a number.
    let wrote: boolean[] = [];
    const noting: Step = (work) =>
      tables.step(async (query) => {
        const result = await work(query);
        const text = 'SELECT pg_current_xact_id_if_assigned() IS NOT NULL AS "hasWritten"';
        const [row] = await query<{ hasWritten: boolean }>({ name: 'has_written', text }, []);
        wrote.push(row?.hasWritten ?? true);
        return result;
      });
    const folder = new CounterFolder();
    await addDeltas(1);
    while (await folder.runOnce(noting));
    expect(wrote).toContain(true);
    wrote = [];
    await folder.runOnce(noting);
    expect(new Set(wrote)).toEqual(new Set([false]));
  });
});

describe('the key sweeper', () => {
  interface KeyRow {
    readonly key: string;
    readonly jobId?: string;
    readonly expiresInMs?: number;
  }

  const addKeys = (rows: readonly KeyRow[]): Promise<unknown> =>
    tables.test.query(
      `INSERT INTO job_key (key, job_id, expires_at)
       SELECT r.key, coalesce(r."jobId", gen_random_uuid()), now() + r."expiresInMs" * interval '1 ms'
         FROM jsonb_to_recordset($1::jsonb) AS r(key text, "jobId" uuid, "expiresInMs" float8)`,
      [JSON.stringify(rows)],
    );

  const keys = async (): Promise<string[]> =>
    (await tables.test.query<{ key: string }>('SELECT key FROM job_key ORDER BY key')).map((row) => row.key);

  async function sweep(sweeper = newSweeper()): Promise<void> {
    while (await sweeper.runOnce(tables.step));
  }

  const newSweeper = (elapsed?: () => number): KeySweeper => new KeySweeper(tables.database.clock, elapsed);

  it('deletes keys whose time is over, and no others', async () => {
    await addKeys([
      { key: 'over', expiresInMs: -1 },
      { key: 'held', expiresInMs: HOUR },
    ]);
    await sweep();
    expect(await keys()).toEqual(['held']);
  });

  it('deletes thousands in small steps', async () => {
    await addKeys(Array.from({ length: 5_000 }, (_, number) => ({ key: `over${number}`, expiresInMs: -1 })));
    await addKeys(
      Array.from({ length: 5_000 }, (_, number) => ({ key: `free${number}`, jobId: idAgo(2 * HOUR) })),
    );
    await sweep();
    expect(await keys()).toEqual([]);
  });

  it('deletes keys held until a job has finished when the job is over or gone, unless it is young', async () => {
    const [open, running, done, failed, young] = await tables.insert([
      { agoMs: 2 * HOUR },
      { agoMs: 2 * HOUR, status: 'executing', workerId: idAgo(0) },
      { agoMs: 2 * HOUR, status: 'done' },
      { agoMs: 2 * HOUR, status: 'failed' },
      { agoMs: HOUR / 2, status: 'done' },
    ]);
    const jobs = { open, running, done, failed, young, gone: idAgo(400 * 24 * HOUR) };
    await addKeys(Object.entries(jobs).map(([key, jobId]) => ({ key, jobId: jobId ?? '' })));
    await sweep();
    expect(await keys()).toEqual(['open', 'running', 'young']);
  });

  it('leaves a key that an open transaction is taking over, and does not wait for it', async () => {
    const [job] = await tables.insert([{ agoMs: 2 * HOUR, status: 'failed' }]);
    await addKeys([
      { key: 'taken', expiresInMs: -1 },
      { key: 'reopened', jobId: job ?? '' },
    ]);
    const session = await tables.session();
    await session.query('BEGIN');
    await session.query(TRY_LOCK_KEYS.text, ['{reopened,taken}']);
    await session.query(`UPDATE job_key SET expires_at = now() + interval '1 hour' WHERE key = 'taken'`);
    await session.query(
      `UPDATE job SET status = 'waiting', finished_at = NULL, discarded_at = NULL, due_at = now()`,
    );
    await sweep();
    expect(await keys()).toEqual(['reopened', 'taken']);
    await session.query('COMMIT');
    await session.end();
    await sweep();
    expect(await keys()).toEqual(['reopened', 'taken']);
  });

  it('walks over all keys once in ten minutes', async () => {
    let elapsedMs = 0;
    const sweeper = newSweeper(() => elapsedMs);
    await sweep(sweeper);
    await addKeys([{ key: 'free', jobId: idAgo(2 * HOUR) }]);
    elapsedMs += 599_999;
    await sweep(sweeper);
    expect(await keys()).toEqual(['free']);
    elapsedMs += 1;
    await sweep(sweeper);
    expect(await keys()).toEqual([]);
  });
});

describe('the partition keeper', () => {
  it('makes the partitions of the next 14 days, and finds them there the next time', async () => {
    const keeper = new PartitionKeeper(new Partitions(tables.database));
    await keeper.runOnce();
    await keeper.runOnce();
    await new PartitionKeeper(new Partitions(tables.database)).runOnce();
    const today = startOfDay(tables.database.clock.now());
    const rows = await tables.test.query<{ name: string }>(
      `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'job'::regclass`,
    );
    const names = rows.map((row) => row.name);
    for (let ahead = 0; ahead <= 14; ahead++)
      expect(names).toContain(`job_${daySuffix(today + ahead * DAY_MS)}`);
  });
});
