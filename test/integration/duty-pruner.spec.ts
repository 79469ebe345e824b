import type { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  DAY_MS,
  DOOMED,
  FIRST_ID,
  Partitions,
  contentOf,
  daySuffix,
  startOfDay,
} from '../../src/modules/job/index.js';
import { REOPEN } from '../../src/modules/job/repository/control.sql.js';
import type { Statement } from '../../src/modules/job/repository/partition-statement.js';
import { Pruner } from '../../src/modules/scheduler/duties/pruner.js';
import { eventually } from '../support/eventually.js';
import type { Step } from '../../src/modules/scheduler/duty.js';
import { JobTables, idAgo, type JobRow } from '../support/job-tables.js';

const RETENTION_MS = 14 * DAY_MS;
const HOUR_MS = 3_600_000;

let tables: JobTables;
let lines: string[];
/** How much time the pruner believes to have passed besides. */
let skippedMs = 0;
const sessions: Client[] = [];

beforeAll(async () => {
  tables = await JobTables.open();
});
afterAll(() => tables.close());
beforeEach(() => (lines = []));
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.end();
});

async function sql<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
  return tables.query<Row>({ name: 'test', text }, values);
}

function pruner({ failedMs = RETENTION_MS } = {}): Pruner {
  const take = (line: string): void => void lines.push(line);
  return new Pruner({
    retention: { finishedMs: RETENTION_MS, failedMs },
    elapsed: () => performance.now() + skippedMs,
    log: { log: take, warn: take },
    connect: () => tables.database.dedicated('pruner'),
  });
}

/** Rounds until there is nothing left to do at once. */
async function prune(duty = pruner()): Promise<void> {
  while (await duty.runOnce(tables.step));
}

let nextDay = 20;

/** A day of its own, so many days ago, with these jobs. */
async function oldDay(
  rows: readonly JobRow[],
): Promise<{ readonly day: number; readonly suffix: string; readonly ids: string[] }> {
  const ago = nextDay++;
  const day = startOfDay(tables.database.clock.now()) - ago * DAY_MS;
  await new Partitions(tables.database).ensure(day);
  const agoMs = tables.database.clock.now() - day - DAY_MS / 2;
  const ids = await tables.insert(rows.map((row, index) => ({ ...row, agoMs: agoMs - index })));
  // As once the auditor has passed them.
  await sql(`UPDATE queue SET watermark = 'ffffffff-ffff-ffff-ffff-ffffffffffff'`);
  return { day, suffix: daySuffix(day), ids };
}

/** The day's tables that are there, attached or not. */
async function standing(suffix: string): Promise<string[]> {
  const rows = await sql<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relname IN ($1, $2) ORDER BY 1`,
    [`job_${suffix}`, `job_log_${suffix}`],
  );
  return rows.map(({ name }) => name);
}

const reopen = (suffix: string, id: string | undefined): string =>
  `UPDATE job_${suffix} SET status = 'waiting', due_at = now(), finished_at = NULL, discarded_at = NULL WHERE id = '${id}'`;

/** A session that ends with its test, if not before. */
async function openSession(): Promise<Client> {
  const session = await tables.session();
  sessions.push(session);
  return session;
}

/** A session that has read all of `job` and sits idle in its transaction. */
async function idleReader(isolation: 'READ COMMITTED' | 'REPEATABLE READ'): Promise<Client> {
  const session = await openSession();
  await session.query(`BEGIN ISOLATION LEVEL ${isolation}`);
  await session.query('SELECT count(*) FROM job');
  await session.query('SELECT count(*) FROM job_log');
  return session;
}

async function end(session: Client): Promise<void> {
  await session.query('COMMIT');
  sessions.splice(sessions.indexOf(session), 1);
  await session.end();
}

/** Begins a detach that is broken off while it waits. */
async function leavePending(parent: 'job' | 'job_log', suffix: string): Promise<void> {
  const reader = await idleReader('READ COMMITTED');
  const breaking = await openSession();
  await breaking.query(`SET lock_timeout = '50ms'`);
  await breaking
    .query(`ALTER TABLE ${parent} DETACH PARTITION ${parent}_${suffix} CONCURRENTLY`)
    .catch(() => undefined);
  await end(reader);
}

const doom = (table: string): Promise<unknown> => sql(`COMMENT ON TABLE ${table} IS '${DOOMED}'`);

const pendingDays = async (): Promise<string[]> =>
  (
    await sql<{ name: string }>(
      'SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhdetachpending ORDER BY 1',
    )
  ).map(({ name }) => name);

const idsIn = async (suffix: string): Promise<string[]> =>
  (await sql<{ id: string }>(`SELECT id FROM job_${suffix} ORDER BY id`)).map(({ id }) => id);

describe('a day past its retention', () => {
  it('is dropped with its logs when nothing in it is open', async () => {
    const { suffix, ids } = await oldDay([{ status: 'done' }, { status: 'failed' }, { status: 'canceled' }]);
    await sql(`INSERT INTO job_log (at, line, run, job_id, message) VALUES (now(), 1, 1, $1, 'x')`, [ids[0]]);
    await prune();
    expect(await standing(suffix)).toEqual([]);
    expect(lines).toEqual([expect.stringContaining(`dropped the jobs of ${suffix}`)]);
  });

  it('stays with its open jobs and their logs, loses the others, and goes when the last of them has ended', async () => {
    const { suffix, ids } = await oldDay([
      { status: 'done' },
      { status: 'waiting', dueAgoMs: -30 * DAY_MS },
      { status: 'failed' },
      { status: 'executing', dueAgoMs: 1_000, workerId: idAgo(0), run: 1 },
    ]);
    await sql(
      `INSERT INTO job_log (at, line, run, job_id, message) SELECT now(), 1, 1, id, 'x' FROM unnest($1::uuid[]) id`,
      [ids],
    );
    const duty = pruner();
    await prune(duty);
    expect(await idsIn(suffix)).toEqual([ids[1], ids[3]]);
    expect(await sql(`SELECT job_id AS id FROM job_log_${suffix} ORDER BY 1`)).toEqual([
      { id: ids[1] },
      { id: ids[3] },
    ]);
    await sql(`UPDATE job_${suffix} SET status = 'done', due_at = NULL, finished_at = now()`);
    await prune(duty);
    expect(await standing(suffix)).toHaveLength(2);
    skippedMs += HOUR_MS;
    await prune(duty);
    expect(await standing(suffix)).toEqual([]);
  });

  it('loses thousands of jobs in small steps, each of which leaves what somebody has locked', async () => {
    const { suffix, ids } = await oldDay([
      ...Array.from({ length: 4_000 }, (): JobRow => ({ status: 'done' })),
      { status: 'waiting', dueAgoMs: -30 * DAY_MS },
    ]);
    const session = await openSession();
    await session.query('BEGIN');
    await session.query(`SELECT FROM job_${suffix} WHERE id = $1 FOR UPDATE`, [ids[7]]);
    const duty = pruner();
    let steps = 0;
    const counted: Step = (work) => {
      steps++;
      return tables.step(work);
    };
    while (await duty.runOnce(counted));
    expect(await idsIn(suffix)).toEqual([ids[7], ids[4_000]].sort());
    expect(steps).toBeGreaterThan(4);
    await end(session);
    skippedMs += DAY_MS;
    await prune(duty);
    expect(await idsIn(suffix)).toEqual([ids[4_000]]);
    await sql(`DELETE FROM job_${suffix}`);
  });

  it('keeps its failed jobs for as long as those are kept, and no canceled ones', async () => {
    const { suffix, ids } = await oldDay([{ status: 'done' }, { status: 'failed' }, { status: 'canceled' }]);
    await prune(pruner({ failedMs: 90 * DAY_MS }));
    expect(await idsIn(suffix)).toEqual([ids[1]]);
    await prune();
    expect(await standing(suffix)).toEqual([]);
  });

  it('is asked for failed jobs only while those are kept, and by so many of its canceled ones at most', async () => {
    const { suffix } = await oldDay(Array.from({ length: 4_000 }, (): JobRow => ({ status: 'canceled' })));
    await sql(`VACUUM ANALYZE job_${suffix}`);
    const plan: string[] = [];
    const explained: Step = (work) =>
      tables.step((query) =>
        work(async <Row extends object>(statement: Statement, values: readonly unknown[]) => {
          if (!/status = 'failed'/.test(statement.text)) return query<Row>(statement, values);
          const text = `EXPLAIN (ANALYZE, TIMING OFF) ${statement.text}`;
          const rows = await query<{ 'QUERY PLAN': string }>({ ...statement, text }, values);
          plan.push(...rows.map((row) => row['QUERY PLAN']));
          return [];
        }),
      );
    await pruner({ failedMs: 90 * DAY_MS }).runOnce(explained);
    const read = plan
      .filter((line) => line.includes(` on job_${suffix}`))
      .map((line) => Number(/rows=(\d+)(?:\.00)? loops/.exec(line)?.[1]));
    expect(read).toEqual([2_000]);
    expect(await idsIn(suffix)).toEqual([]);
    plan.length = 0;
    await pruner().runOnce(explained);
    expect(plan).toEqual([]);
    expect(await standing(suffix)).toEqual([]);
  });

  it('keeps no other day, and no old row, from its end when it cannot be looked into', async () => {
    const stuck = await oldDay([{ status: 'done' }]);
    const other = await oldDay([{ status: 'done' }]);
    await sql(
      `INSERT INTO worker (id, host, pid, entry, queues, types, slots, visibility_timeout_ms, stopped_at)
       VALUES ($1, 'h', 1, 'worker', '{}', '{}', '{}', 30000, now() - interval '2 days')`,
      [idAgo(0)],
    );
    const session = await openSession();
    await session.query('BEGIN');
    await session.query(`LOCK TABLE job_${stuck.suffix} IN ACCESS EXCLUSIVE MODE`);
    await prune();
    expect(await standing(other.suffix)).toEqual([]);
    expect(await standing(stuck.suffix)).toHaveLength(2);
    expect(await sql('SELECT FROM worker')).toEqual([]);
    expect(lines).toContainEqual(expect.stringContaining(`the day ${stuck.suffix} cannot be pruned`));
    await end(session);
    await prune();
    expect(await standing(stuck.suffix)).toEqual([]);
  });

  it('stays untouched while a queue’s watermark has not passed it', async () => {
    const { suffix, ids } = await oldDay([{ status: 'waiting' }, { status: 'done' }]);
    await sql(`UPDATE queue SET watermark = $1`, [FIRST_ID]);
    await prune();
    expect(await idsIn(suffix)).toEqual(ids.toSorted());
    await sql(`DELETE FROM job`);
  });

  it('of yesterday, or of tomorrow, is not past it', async () => {
    const days = [-DAY_MS, DAY_MS].map((ms) => daySuffix(startOfDay(tables.database.clock.now() + ms)));
    await prune();
    for (const suffix of days) expect(await standing(suffix)).toHaveLength(2);
  });

  it('is looked into by indexes that hold no row that is done', async () => {
    const { suffix, day, ids } = await oldDay(
      Array.from({ length: 10_000 }, (): JobRow => ({ status: 'done' })),
    );
    await sql(`VACUUM ANALYZE job_${suffix}`);
    // As the auditor leaves it: at the last job.
    await sql('UPDATE queue SET watermark = $1', [ids.at(-1)]);
    const plan: string[] = [];
    await tables.step((query) =>
      contentOf(async (statement, values) => {
        const rows = await query<{ 'QUERY PLAN': string }>(
          { ...statement, text: `EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) ${statement.text}` },
          values,
        );
        plan.push(...rows.map((row) => row['QUERY PLAN']));
        return [];
      }, day),
    );
    const scans = plan.filter((line) => line.includes(' on job_2'));
    expect(scans).toHaveLength(2);
    for (const scan of scans) expect(scan).toMatch(/Index (Only )?Scan .*rows=0(\.00)? /);
    // All of the statement's: an index of 10,000 rows alone has more than 60.
    expect(Number(/Buffers: shared hit=(\d+)/.exec(plan.join('\n'))?.[1])).toBeLessThan(20);
  });
});

describe('an end that was broken off', () => {
  it.each<[string, (suffix: string) => Promise<unknown>]>([
    ['before the detach', (suffix) => doom(`job_${suffix}`)],
    [
      'amid the detach of the jobs',
      async (suffix) => {
        await doom(`job_${suffix}`);
        await leavePending('job', suffix);
      },
    ],
    [
      'after the detach of the jobs',
      async (suffix) => {
        await doom(`job_${suffix}`);
        await sql(`ALTER TABLE job DETACH PARTITION job_${suffix}`);
      },
    ],
    ['before the detach of the logs', (suffix) => sql(`DROP TABLE job_${suffix}`)],
    [
      'amid the detach of the logs',
      async (suffix) => {
        await sql(`DROP TABLE job_${suffix}`);
        await doom(`job_log_${suffix}`);
        await leavePending('job_log', suffix);
      },
    ],
    [
      'after the detach of the logs',
      async (suffix) => {
        await sql(`DROP TABLE job_${suffix}`);
        await doom(`job_log_${suffix}`);
        await sql(`ALTER TABLE job_log DETACH PARTITION job_log_${suffix}`);
      },
    ],
  ])('%s is gone on with', async (_, breakOff) => {
    const { suffix } = await oldDay([{ status: 'done' }]);
    await breakOff(suffix);
    await prune();
    expect(await standing(suffix)).toEqual([]);
  });

  it('puts the day back when a job in it was opened again meanwhile', async () => {
    const { suffix, ids } = await oldDay([{ status: 'failed' }, { status: 'done' }]);
    await doom(`job_${suffix}`);
    await sql(`ALTER TABLE job DETACH PARTITION job_${suffix}`);
    await sql(reopen(suffix, ids[0]));
    await prune();
    expect(await sql('SELECT id FROM job WHERE id = $1', [ids[0]])).toEqual([{ id: ids[0] }]);
    expect(lines).toEqual([expect.stringContaining('opened again')]);
    await sql(`UPDATE job_${suffix} SET status = 'done', due_at = NULL, finished_at = now()`);
    await prune();
    expect(await standing(suffix)).toEqual([]);
  });

  it('of a table that somebody else has detached is theirs', async () => {
    const { suffix } = await oldDay([{ status: 'done' }]);
    await sql(`ALTER TABLE job DETACH PARTITION job_${suffix}`);
    const other = await oldDay([{ status: 'done' }]);
    await leavePending('job', other.suffix);
    await prune();
    expect(await standing(suffix)).toHaveLength(2);
    expect(await standing(other.suffix)).toHaveLength(2);
    expect(await pendingDays()).toEqual([]);
    await sql(`DROP TABLE job_${suffix}, job_${other.suffix}`);
    await prune();
    expect([await standing(suffix), await standing(other.suffix)]).toEqual([[], []]);
  });

  it('of whose tables only the logs are left is told of as such, and let be once those are detached by somebody else', async () => {
    const [taken, kept] = [await oldDay([{ status: 'done' }]), await oldDay([{ status: 'done' }])];
    for (const { suffix } of [taken, kept]) {
      await sql(`ALTER TABLE job DETACH PARTITION job_${suffix}`);
      await sql(`DROP TABLE job_${suffix}`);
    }
    await sql(`ALTER TABLE job_log DETACH PARTITION job_log_${kept.suffix}`);
    await prune();
    expect(lines).toEqual([expect.stringContaining(`dropped the logs of ${taken.suffix}`)]);
    expect(await standing(kept.suffix)).toEqual([`job_log_${kept.suffix}`]);
    await sql(`DROP TABLE job_log_${kept.suffix}`);
  });

  it('is gone on with by one of two who both believe to hold the duty', async () => {
    const days = [];
    for (let count = 0; count < 5; count++) days.push(await oldDay([{ status: 'done' }]));
    const failures: unknown[] = [];
    const one = async (): Promise<void> => prune().catch((error: unknown) => void failures.push(error));
    await Promise.all([one(), one()]);
    await prune();
    for (const { suffix } of days) expect(await standing(suffix)).toEqual([]);
    // One who comes second finds a table gone or going, and comes again.
    for (const failure of failures)
      expect(failure).toMatchObject({ code: /^(42P01|42809|55000|42704|XX000)$/ });
  });
});

describe('a session that sits idle in a transaction in which it has read job', () => {
  it.each(['READ COMMITTED', 'REPEATABLE READ'] as const)(
    'keeps the pruner waiting for a moment, and nobody else; the day is dropped once it is gone (%s)',
    async (isolation) => {
      const { suffix } = await oldDay([{ status: 'done' }]);
      const reader = await idleReader(isolation);
      const duty = pruner();
      const waits: number[] = [];
      const rounds: number[] = [];
      // The first round detaches, the second finalizes what the first has left.
      for (let round = 0; round < 2; round++) {
        let isOver = false;
        const startedAt = performance.now();
        const over = prune(duty).then(() => {
          rounds.push(performance.now() - startedAt);
          isOver = true;
        });
        while (!isOver) {
          const askedAt = performance.now();
          await tables.insert([{ status: 'waiting' }]);
          await sql('SELECT count(*) FROM job');
          await tables.query(REOPEN, ['{}', FIRST_ID, FIRST_ID]);
          await new Partitions(tables.database).ensure(startOfDay(Date.now()) + (100 + nextDay) * DAY_MS);
          waits.push(performance.now() - askedAt);
        }
        await over;
        expect(await pendingDays()).toEqual([`job_${suffix}`]);
      }
      // The control: while the day is pending and the session idle, it is there; without the session it goes.
      expect(await standing(suffix)).toHaveLength(2);
      expect(Math.max(...rounds)).toBeLessThan(3_000);
      expect(Math.max(...waits)).toBeLessThan(1_000);
      expect(waits.length).toBeGreaterThan(10);
      expect(lines).toEqual([expect.stringContaining('cannot be dropped while a transaction')]);
      await end(reader);
      await prune(duty);
      expect(await standing(suffix)).toEqual([]);
    },
  );

  it('would make everybody wait for a plain detach, which is the control', async () => {
    const { suffix } = await oldDay([{ status: 'done' }]);
    const reader = await idleReader('READ COMMITTED');
    const detaching = await openSession();
    const detached = detaching.query(`ALTER TABLE job DETACH PARTITION job_${suffix}`);
    await eventually(
      async () =>
        (await sql(`SELECT FROM pg_locks WHERE NOT granted AND relation = 'job'::regclass`)).length > 0,
    );
    await expect(sql('SELECT count(*) FROM job')).rejects.toMatchObject({ code: '55P03' });
    await end(reader);
    await detached;
    await sql(`DROP TABLE job_${suffix}`);
    await prune();
    expect(await standing(suffix)).toEqual([]);
  });

  it('and opens a job again keeps its day, though the pruner had begun to end it', async () => {
    const { suffix, ids } = await oldDay([{ status: 'failed' }]);
    const retrying = await openSession();
    await retrying.query('BEGIN');
    await retrying.query(REOPEN.text, [`{${ids[0]}}`, FIRST_ID, FIRST_ID]);
    const duty = pruner();
    await prune(duty);
    expect(await pendingDays()).toEqual([`job_${suffix}`]);
    await end(retrying);
    await eventually(async () => {
      await prune(duty);
      return (await pendingDays()).length === 0;
    });
    expect(await sql('SELECT id, status FROM job WHERE id = $1', [ids[0]])).toEqual([
      { id: ids[0], status: 'waiting' },
    ]);
    await sql(`DELETE FROM job_${suffix}`);
  });
});

describe('old rows of other tables', () => {
  it('go too: workers that ended, fires, batches that were told of', async () => {
    await sql(`INSERT INTO worker (id, host, pid, entry, queues, types, slots, visibility_timeout_ms, stopped_at)
               SELECT gen_random_uuid(), 'h', 1, 'worker', '{}', '{}', '{}', 30000, now() - days * interval '1 day' FROM unnest('{0,2,NULL}'::int[]) AS d(days)`);
    await sql(`INSERT INTO schedule_fire (schedule, fire_at, fired_at, job_id)
               SELECT 's', t, t, gen_random_uuid() FROM unnest(ARRAY[now(), now() - interval '20 days']) AS f(t)`);
    const [ended, untold, late, fresh] = [30, 30, 30, 0].map((days) => idAgo(days * DAY_MS));
    await sql(
      `INSERT INTO batch (id, name, queue, is_deadline_default, completed_at, fin_at)
       SELECT id, 'b', 'q', true, now() - days * interval '1 day', CASE WHEN is_told THEN now() END
         FROM (VALUES ($1::uuid, 20, true), ($2, 20, false), ($3, 1, true), ($4, 0, true)) AS b(id, days, is_told)`,
      [ended, untold, late, fresh],
    );
    await prune();
    const count = async (table: string): Promise<unknown> =>
      (await sql(`SELECT count(*)::int AS count FROM ${table}`))[0];
    expect([await count('worker'), await count('schedule_fire')]).toEqual([{ count: 2 }, { count: 1 }]);
    const left = await sql<{ id: string }>('SELECT id FROM batch ORDER BY id');
    expect(left.map(({ id }) => id)).toEqual([untold, late, fresh].sort());
  });
});
