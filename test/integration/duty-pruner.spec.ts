import type { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DAY_MS, Partitions, daySuffix, startOfDay } from '../../src/modules/job/index.js';
import { Pruner } from '../../src/modules/scheduler/duties/pruner.js';
import { JobTables, type JobRow } from '../support/job-tables.js';

const RETENTION_MS = 14 * DAY_MS;

let tables: JobTables;
let lines: string[];

beforeAll(async () => {
  tables = await JobTables.open();
});
afterAll(() => tables.close());
beforeEach(() => (lines = []));

async function sql<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
  return tables.query<Row>({ name: 'test', text }, values);
}

function pruner({ failedMs = RETENTION_MS } = {}): Pruner {
  const take = (line: string): void => void lines.push(line);
  return new Pruner({
    retention: { finishedMs: RETENTION_MS, failedMs },
    clock: tables.database.clock,
    log: { log: take, warn: take },
    connect: () => tables.database.dedicated('pruner'),
  });
}

async function prune(duty = pruner()): Promise<void> {
  duty.begin();
  while (await duty.runOnce(tables.step));
}

let nextDay = 20;

/** A day of its own, so many days ago, with these jobs. */
async function oldDay(rows: readonly JobRow[]): Promise<{ readonly suffix: string; readonly ids: string[] }> {
  const ago = nextDay++;
  const day = startOfDay(tables.database.clock.now()) - ago * DAY_MS;
  await new Partitions(tables.database).ensure(day);
  const agoMs = tables.database.clock.now() - day - DAY_MS / 2;
  const ids = await tables.insert(rows.map((row) => ({ ...row, agoMs })));
  // As once the auditor has passed them.
  await sql(`UPDATE queue SET watermark = 'ffffffff-ffff-ffff-ffff-ffffffffffff'`);
  return { suffix: daySuffix(day), ids };
}

/** The day's tables that are there, attached or not. */
async function standing(suffix: string): Promise<string[]> {
  const rows = await sql<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relname IN ($1, $2) ORDER BY 1`,
    [`job_${suffix}`, `job_log_${suffix}`],
  );
  return rows.map(({ name }) => name);
}

const idsIn = async (suffix: string): Promise<string[]> =>
  (await sql<{ id: string }>(`SELECT id FROM job_${suffix} ORDER BY id`)).map(({ id }) => id);

describe('a day past its retention', () => {
  it('is dropped with its logs when nothing in it is open', async () => {
    const { suffix, ids } = await oldDay([{ status: 'done' }, { status: 'failed' }, { status: 'canceled' }]);
    await sql(`INSERT INTO job_log (at, line, run, job_id, message) VALUES (now(), 1, 1, $1, 'x')`, [ids[0]]);
    await prune();
    expect(await standing(suffix)).toEqual([]);
    expect(lines).toContainEqual(expect.stringContaining(`dropped the jobs of ${suffix}`));
  });

  it('stays with its open jobs, and loses the others', async () => {
    const { suffix, ids } = await oldDay([
      { status: 'done' },
      { status: 'waiting', dueAgoMs: -30 * DAY_MS },
      { status: 'failed' },
      { status: 'executing', dueAgoMs: 1_000, workerId: '01900000-0000-7000-8000-000000000001', run: 1 },
    ]);
    await prune();
    expect(await idsIn(suffix)).toEqual([ids[1], ids[3]].sort());
  });

  it('keeps its failed jobs for as long as those are kept', async () => {
    const { suffix, ids } = await oldDay([{ status: 'done' }, { status: 'failed' }]);
    await prune(pruner({ failedMs: 90 * DAY_MS }));
    expect(await idsIn(suffix)).toEqual([ids[1]]);
    await prune();
    expect(await standing(suffix)).toEqual([]);
  });

  it('stays untouched while a queue’s watermark has not passed it', async () => {
    const { suffix, ids } = await oldDay([{ status: 'waiting' }, { status: 'done' }]);
    await sql(`UPDATE queue SET watermark = '00000000-0000-0000-0000-000000000000'`);
    await prune();
    expect(await idsIn(suffix)).toEqual(ids.toSorted());
    await sql(`DELETE FROM job`);
  });

  it('of yesterday, or of tomorrow, is not past it', async () => {
    const days = [-DAY_MS, DAY_MS].map((ms) => daySuffix(startOfDay(tables.database.clock.now() + ms)));
    await prune();
    for (const suffix of days) expect(await standing(suffix)).toHaveLength(2);
  });
});

describe('a drop that is broken off', () => {
  it('after the detach is finished by the next round', async () => {
    const { suffix } = await oldDay([{ status: 'done' }]);
    await sql(`ALTER TABLE job DETACH PARTITION job_${suffix}`);
    await prune();
    expect(await standing(suffix)).toEqual([]);
  });

  it('puts the day back when a job in it was opened again meanwhile', async () => {
    const { suffix, ids } = await oldDay([{ status: 'failed' }]);
    await sql(`ALTER TABLE job DETACH PARTITION job_${suffix}`);
    await sql(
      `UPDATE job_${suffix} SET status = 'waiting', due_at = now(), finished_at = NULL, discarded_at = NULL`,
    );
    await prune();
    expect(await sql('SELECT id FROM job WHERE id = $1', [ids[0]])).toEqual([{ id: ids[0] }]);
  });
});

describe('a session that sits idle in a transaction in which it has read job', () => {
  let idle: Client;

  it('keeps the pruner waiting for a while, and nobody else; the drop is finished once it is gone', async () => {
    const { suffix } = await oldDay([{ status: 'done' }]);
    idle = await tables.session();
    await idle.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await idle.query('SELECT count(*) FROM job');
    const pruning = prune();
    let isOver = false;
    const over = pruning.then(() => (isOver = true));
    const waits: number[] = [];
    while (!isOver) {
      const startedAt = performance.now();
      await tables.insert([{ status: 'waiting' }]);
      await sql('SELECT count(*) FROM job');
      waits.push(performance.now() - startedAt);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await over;
    // The control: without that session the day would be gone.
    expect(await standing(suffix)).toHaveLength(2);
    expect(Math.max(...waits)).toBeLessThan(1_000);
    expect(waits.length).toBeGreaterThan(10);
    await idle.query('COMMIT');
    await idle.end();
    await prune();
    expect(await standing(suffix)).toEqual([]);
  });
});

describe('old rows of other tables', () => {
  it('go too: workers that ended, fires, batches that were told of', async () => {
    await sql(`INSERT INTO worker (id, host, pid, entry, queues, types, slots, visibility_timeout_ms, stopped_at)
               SELECT gen_random_uuid(), 'h', 1, 'worker', '{}', '{}', '{}', 30000, now() - days * interval '1 day' FROM unnest('{0,2}'::int[]) AS d(days)`);
    await sql(`INSERT INTO schedule_fire (schedule, fire_at, fired_at, job_id)
               SELECT 's', t, t, gen_random_uuid() FROM unnest(ARRAY[now(), now() - interval '20 days']) AS f(t)`);
    await sql(`INSERT INTO batch (id, name, queue, is_deadline_default, completed_at, fin_at)
               SELECT gen_random_uuid(), 'b', 'q', true, t, told FROM (VALUES (now(), now()), (now() - interval '20 days', now()), (now() - interval '20 days', NULL)) AS b(t, told)`);
    await prune();
    const count = async (table: string): Promise<unknown> =>
      (await sql(`SELECT count(*)::int AS count FROM ${table}`))[0];
    expect([await count('worker'), await count('schedule_fire'), await count('batch')]).toEqual([
      { count: 1 },
      { count: 1 },
      { count: 2 },
    ]);
  });
});
