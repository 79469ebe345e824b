import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lowestIdAt } from '../../src/kernel/ids.js';
import {
  DAY_MS,
  FIRST_ID,
  Partitions,
  cancelJobs,
  findJobs,
  freshAbove,
  jobLog,
  oldestKeptDay,
  passRows,
  startOfDay,
  statesOf,
  walkNewest,
  walkQuery,
  type Query,
} from '../../src/modules/job/index.js';
import { REOPEN } from '../../src/modules/job/repository/control.sql.js';
import { Pruner } from '../../src/modules/scheduler/duties/pruner.js';
import { idAgo, JobTables } from '../support/job-tables.js';

const DAYS = 95;
const JOBS_A_DAY = 2_000;
const RETENTION_MS = 14 * DAY_MS;

let tables: JobTables;

beforeAll(async () => {
  tables = await JobTables.open();
  const partitions = new Partitions(tables.database);
  const today = startOfDay(tables.database.clock.now());
  await tables.addQueue('mail');
  for (let day = today - DAYS * DAY_MS; day <= today + 14 * DAY_MS; day += DAY_MS) {
    await partitions.ensure(day);
    if (day < today) await fill(day);
  }
  await tables.test.query('ANALYZE');
  await tables.test.query('UPDATE queue SET watermark = $1', [lowestIdAt(today)]);
});
afterAll(() => tables.close());

/** A day's finished jobs, every hundredth failed. */
async function fill(day: number): Promise<void> {
  await tables.test.query(
    `INSERT INTO job (id, queue, name, status, max_attempts, payload, finished_at, discarded_at)
     SELECT (lpad(to_hex($1::bigint + n * 40000), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid, 'mail', 'send',
            (CASE WHEN n % 100 = 0 THEN 'failed' ELSE 'done' END)::job_status, 3, '{}', now(), CASE WHEN n % 100 = 0 THEN now() END
       FROM generate_series(1, $2::int) AS n`,
    [day, JOBS_A_DAY],
  );
}

/** The plan of each statement that `read` sends. */
async function plansOf(query: Query, read: (explained: Query) => Promise<unknown>): Promise<string[]> {
  const plans: string[] = [];
  await read(async (statement, values) => {
    const explain = { ...statement, text: `EXPLAIN (ANALYZE, SUMMARY) ${statement.text}` };
    // Whoever plans first in a session also fills its caches.
    let lines: { 'QUERY PLAN': string }[] = [];
    for (let time = 0; time < 3; time++) lines = await query(explain, values);
    plans.push(lines.map((line) => line['QUERY PLAN']).join('\n'));
    return query(statement, values);
  });
  return plans;
}

const millisecondsOf = (plan: string, what: string): number =>
  Number(new RegExp(`${what} Time: ([\\d.]+)`).exec(plan)?.[1]);

describe('three months of days', () => {
  const id = idAgo(40 * DAY_MS);
  const recent = { queue: 'mail', after: idAgo(600_000), upTo: idAgo(0), limit: 1_000 };
  const page = { place: undefined, limits: { jobs: 25, rows: 100_000 } };
  // 17 are the three days of a page's first stretch and the 14 made ahead.
  it.each<[string, number, (query: Query) => Promise<unknown>]>([
    ['a job', 1, (query) => findJobs(query, [id])],
    ['its state', 1, (query) => statesOf(query, [id])],
    ['its log', 2, (query) => jobLog(query, id, 100)],
    ['a cancel', 3, (query) => cancelJobs(query, [id])],
    ['a retry', 3, (query) => query(REOPEN, [`{${id}}`, FIRST_ID, FIRST_ID])],
    ['an audit of the tickets', 2, (query) => freshAbove(query, recent)],
    ['a step of the watermark', 6, (query) => passRows(query, { ...recent, moves: false })],
    ['a page of all jobs', 18, (query) => walkNewest(query, {}, page)],
    ['a page of a state', 18, (query) => walkNewest(query, { states: ['done'] }, page)],
    ['a page of a queue', 18, (query) => walkNewest(query, { queue: 'mail' }, page)],
  ])('leave the plan of %s at no more than %i partitions', async (what, most, read) => {
    const query = what.startsWith('a page') ? walkQuery(tables.database.dataSource) : tables.query;
    const plans = await plansOf(query, read);
    expect(plans).toHaveLength(1);
    for (const plan of plans) {
      const scans = plan.split('\n').filter((line) => / on job_(log_)?2/.test(line)).length;
      process.stdout.write(
        `${what}: ${scans} scans, planned in ${millisecondsOf(plan, 'Planning')} ms, run in ${millisecondsOf(plan, 'Execution')} ms\n`,
      );
      expect(scans).toBeLessThanOrEqual(most);
    }
  });

  it('are dropped but for the last fourteen, while jobs come in', async () => {
    const took: number[] = [];
    const log = (line: string): void => {
      const [, number, unit] = / in ([\d.]+)(ms|s)$/.exec(line) ?? [];
      took.push(Number(number) * (unit === 's' ? 1_000 : 1));
    };
    const pruner = new Pruner({
      retention: { finishedMs: RETENTION_MS, failedMs: RETENTION_MS },
      log: { log, warn: (line) => void took.push(Number.NaN, line.length) },
      connect: () => tables.database.dedicated('pruner'),
    });
    let isOver = false;
    const waits: number[] = [];
    const pruning = (async (): Promise<void> => {
      while (await pruner.runOnce(tables.step));
      isOver = true;
    })();
    const startedAt = performance.now();
    while (!isOver) {
      const askedAt = performance.now();
      await tables.insert([{ status: 'waiting' }]);
      waits.push(performance.now() - askedAt);
    }
    await pruning;
    const allMs = performance.now() - startedAt;
    const sorted = took.toSorted((a, b) => a - b);
    process.stdout.write(
      `${took.length} days of ${JOBS_A_DAY} jobs dropped in ${Math.round(allMs)} ms: ${sorted[Math.floor(took.length / 2)]} ms each, ` +
        `at most ${sorted.at(-1)} ms; an insert meanwhile took at most ${Math.round(Math.max(...waits))} ms\n`,
    );
    const first = oldestKeptDay(tables.database.clock.now(), RETENTION_MS);
    const [row] = await tables.test.query<{ days: number; oldest: string }>(
      `SELECT count(*)::int AS days, min(inhrelid::regclass::text) AS oldest FROM pg_inherits WHERE inhparent = 'job'::regclass`,
    );
    expect(row?.oldest).toContain(new Date(first).toISOString().slice(0, 10).replaceAll('-', ''));
    expect(took).toHaveLength(DAYS - 14);
    expect(Math.max(...waits)).toBeLessThan(1_000);
  });
});
