import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lowestIdAt } from '../../src/kernel/ids.js';
import { Database } from '../../src/modules/database/index.js';
import {
  DAY_MS,
  FIRST_ID,
  Partitions,
  cancelJobs,
  controlQuery,
  findJobs,
  jobLog,
  oldestWaiting,
  ordinaryQuery,
  startOfDay,
  walkCancelableAbove,
  walkCancelableDue,
  walkDiscarded,
  walkDiscardedIds,
  walkNewest,
  walkNewestIds,
  walkQuery,
  type Query,
} from '../../src/modules/job/index.js';
import { REOPEN } from '../../src/modules/job/repository/control.sql.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

/** A node of a plan, as EXPLAIN writes it. */
interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly Plans?: readonly PlanNode[];
}

const quiet = { log: () => undefined, warn: () => undefined };
const JOBS_A_DAY = 5_000;
const LIMITS = { jobs: 20, rows: 100_000 };
const START = { place: undefined, limits: LIMITS };

let testDatabase: TestDatabase;
let database: Database;
let today: number;

const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

/** Runs a read with EXPLAIN ANALYZE before each of its statements, and answers the nodes of all the plans. */
async function plansOf(query: Query, read: (explained: Query) => Promise<unknown>): Promise<PlanNode[]> {
  const nodes: PlanNode[] = [];
  await read(async (statement, values) => {
    const [row] = await query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
      { name: statement.name, text: `EXPLAIN (ANALYZE, FORMAT JSON) ${statement.text}` },
      values,
    );
    if (row) nodes.push(...nodesOf(row['QUERY PLAN'][0].Plan));
    return query(statement, values);
  });
  return nodes;
}

/** Rows read from tables and indexes, whatever became of them. */
const rowsRead = (nodes: readonly PlanNode[]): number =>
  nodes
    .filter((node) => node['Relation Name'] !== undefined)
    .reduce((sum, node) => sum + node['Actual Rows'] * node['Actual Loops'], 0);

const tablesRead = (nodes: readonly PlanNode[]): string[] => [
  ...new Set(
    nodes
      .filter((node) => node['Relation Name']?.startsWith('job_2') === true && node['Actual Loops'] > 0)
      .map((node) => String(node['Relation Name'])),
  ),
];

/**
 * Three days of finished jobs of two queues: every tenth failed, every third about something, every hundredth with a due time. Only the
 * first day has jobs of a third queue, and many, so that it looks common.
 */
async function fill(): Promise<void> {
  const partitions = new Partitions(database);
  today = startOfDay(database.clock.now());
  for (const day of [today - 2 * DAY_MS, today - DAY_MS, today]) {
    await partitions.ensure(day);
    await testDatabase.query(
      `INSERT INTO job (id, queue, name, max_attempts, payload, object_id, status, finished_at, discarded_at, due_at)
       SELECT (left($1, 24) || lpad(to_hex(n), 12, '0'))::uuid, CASE WHEN $3 THEN 'early' WHEN n % 2 = 0 THEN 'even' ELSE 'odd' END, 'count', 1, '{}',
              CASE WHEN n % 3 = 0 THEN 'object-' || n % 30 END,
              CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'done' END::job_status, now(), CASE WHEN n % 10 = 0 THEN now() - n * interval '1 s' END,
              CASE WHEN n % 100 = 1 THEN now() - n * interval '1 s' END
         FROM generate_series(1, $2::int) AS n`,
      [lowestIdAt(day), JOBS_A_DAY, day < today - DAY_MS],
    );
  }
}

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = new Database({ settings: { url: testDatabase.url, schema: 'public', folder: '' }, log: quiet });
  await database.open();
  await fill();
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

const walks: [string, (query: Query) => Promise<unknown>, string][] = [
  ['all jobs', (query) => walkNewest(query, {}, START), 'pkey'],
  ['the jobs of a queue', (query) => walkNewest(query, { queue: 'odd' }, START), 'queue_id_idx'],
  [
    'the jobs of a queue that was common once',
    (query) => walkNewest(query, { queue: 'early' }, START),
    'queue_id_idx',
  ],
  [
    'the jobs of an object',
    (query) => walkNewestIds(query, { objectId: 'object-3' }, START),
    'object_id_id_idx',
  ],
  [
    'the failed jobs of a queue',
    (query) => walkDiscarded(query, { states: ['failed'] }, ['even'], START),
    'queue_discarded_at_idx',
  ],
  [
    'the failed jobs of many queues',
    (query) => walkDiscardedIds(query, { states: ['failed'] }, ['even', 'odd', 'none'], START),
    'queue_discarded_at_idx',
  ],
];

describe.each(['before', 'after'])('%s the tables were analyzed', (when) => {
  beforeAll(async () => {
    if (when === 'after') await testDatabase.query('ANALYZE job');
  });

  it.each(walks)(
    'a page of %s is read by its index, and little more than the page',
    async (_, read, index) => {
      const nodes = await plansOf(walkQuery(database.dataSource), read);
      const scans = nodes.filter((node) => node['Relation Name']?.startsWith('job_2'));
      expect(scans.length).toBeGreaterThan(0);
      for (const scan of scans) {
        expect(scan['Node Type']).toMatch(/^Index (Only )?Scan$/);
        expect(scan['Index Name']).toContain(index);
      }
      expect(rowsRead(nodes)).toBeLessThan(JOBS_A_DAY / 10);
    },
  );

  it('a filter that no index serves reads no more rows than it may', async () => {
    const read = (query: Query): Promise<unknown> =>
      walkNewest(query, { name: 'none' }, { place: undefined, limits: { jobs: 20, rows: 1_000 } });
    const nodes = await plansOf(walkQuery(database.dataSource), read);
    expect(rowsRead(nodes)).toBeLessThan(1_000 + 50);
    expect(tablesRead(nodes)).toHaveLength(1);
  });

  it('cancel and retry touch the day of their job only', async () => {
    const id = `${lowestIdAt(today).slice(0, 24)}000000001380`;
    const query = controlQuery(database.control);
    const cancel = await plansOf(query, (explained) => cancelJobs(explained, [id]));
    const retry = await plansOf(query, (explained) => explained(REOPEN, [`{${id}}`, FIRST_ID, FIRST_ID]));
    for (const nodes of [cancel, retry]) {
      const tables = nodes.filter((node) => node['Relation Name']?.startsWith('job_2'));
      expect(new Set(tables.map((node) => node['Relation Name'])).size).toBe(1);
    }
  });

  it('open jobs are found by the watermark and by due time, not among the finished', async () => {
    const filter = {
      queue: 'odd',
      watermark: `${lowestIdAt(today).slice(0, 24)}000000001380`,
      states: ['waiting'],
    } as const;
    const above = await plansOf(walkQuery(database.dataSource), (query) =>
      walkCancelableAbove(query, filter, START),
    );
    expect(rowsRead(above)).toBeLessThan(50);
    const due = await plansOf(walkQuery(database.dataSource), (query) =>
      walkCancelableDue(query, filter, START),
    );
    expect(rowsRead(due)).toBeLessThan(JOBS_A_DAY / 10);
    for (const node of [...above, ...due]) expect(node['Node Type']).not.toBe('Seq Scan');
  });

  it('a job and its log are read from their own day only', async () => {
    const id = `${lowestIdAt(today - DAY_MS).slice(0, 24)}000000000001`;
    const query = ordinaryQuery(database.dataSource);
    const nodes = [
      ...(await plansOf(query, (explained) => findJobs(explained, [id]))),
      ...(await plansOf(query, (explained) => jobLog(explained, id, 10))),
    ];
    expect(new Set(tablesRead(nodes)).size).toBe(1);
    expect(rowsRead(nodes)).toBeLessThan(5);
  });

  it('the oldest waiting job of each queue is looked for among a bounded number of rows', async () => {
    const queues = ['odd', 'even'].map((name) => ({ name, watermark: lowestIdAt(0) }));
    const nodes = await plansOf(walkQuery(database.dataSource), (query) => oldestWaiting(query, queues, 100));
    expect(rowsRead(nodes)).toBeLessThan(2 * 100 + 400);
  });
});
