import { afterEach, beforeEach, expect, it } from 'vitest';
import type { HotConnection } from '../../src/modules/database/index.js';
import {
  claim,
  daySuffix,
  hotQuery,
  settle,
  startOfDay,
  type RunResult,
} from '../../src/modules/job/index.js';
import { idAgo, JobTables } from '../support/job-tables.js';

const WORKER = idAgo(0);

let tables: JobTables;
let hot: HotConnection;

beforeEach(async () => {
  tables = await JobTables.open();
  hot = tables.database.hot('settle', { durable: true });
});
afterEach(() => tables.close());

const succeeded = (id: string): RunResult => ({
  kind: 'succeeded',
  isMember: false,
  id,
  run: 1,
  result: 'null',
  children: [],
});

const lost = (id: string): RunResult => ({
  kind: 'other',
  isMember: false,
  id,
  run: 1,
  status: 'waiting',
  delayMs: 0,
  isRefunded: false,
  entry: { run: 1, attempt: 1, outcome: 'lost', worker: WORKER, startedAt: '', endedAt: '' },
});

/** The plan that the session has for today's statement of that name. */
async function planOf(name: string, parameters: number): Promise<string> {
  const day = daySuffix(startOfDay(tables.database.clock.now()));
  const plan = await hot.query<{ 'QUERY PLAN': string }>({
    name: 'explain',
    text: `EXPLAIN EXECUTE ${name}_${day}(${Array.from({ length: parameters }, () => 'NULL').join(', ')})`,
  });
  return plan.map((row) => row['QUERY PLAN']).join('\n');
}

it('claim goes straight to the rows that it has locked, though it was prepared while the partition was empty', async () => {
  await claim(hotQuery(hot), WORKER, ['send'], [idAgo(0)], false);
  const ids = await tables.insert(Array.from({ length: 5_000 }, () => ({ name: 'send' })));
  expect(await planOf('claim', 4)).toMatch(
    /Nested Loop[\s\S]*CTE Scan on picked[\s\S]*Tid Scan on job_\d+ job[\s\S]*TID Cond: \(picked\.ctid = ctid\)/,
  );
  const claimed = await claim(hotQuery(hot), WORKER, ['send'], ids.slice(0, 500), false);
  expect(claimed.map(({ id }) => id).toSorted()).toEqual(ids.slice(0, 500).toSorted());
});

it.each([
  ['settle_succeeded', succeeded, 4],
  ['settle_others', lost, 7],
] as const)(
  '%s looks each run up by primary key, though it was prepared while the partition was empty',
  async (name, resultOf, parameters) => {
    await settle(hotQuery(hot), WORKER, [resultOf(idAgo(0))]);
    const ids = await tables.insert(
      Array.from({ length: 5_000 }, () => ({ status: 'executing' as const, workerId: WORKER })),
    );
    const text = await planOf(name, parameters);
    expect(text).toMatch(
      /Nested Loop[\s\S]*Function Scan on i[\s\S]*Index Scan using job_\d+_pkey on job_\d+ job[\s\S]*Index Cond: \(id = i\.id\)/,
    );
    const { answers } = await settle(hotQuery(hot), WORKER, ids.slice(0, 500).map(resultOf));
    expect([...answers.values()].filter(({ kind }) => kind === 'settled')).toHaveLength(500);
  },
);
