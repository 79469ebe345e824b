import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DAY_MS, daySuffix, setPaused, startOfDay } from '../../src/modules/job/index.js';
import { Stager } from '../../src/modules/scheduler/duties/stager.js';
import { JobTables, type JobRow } from '../support/job-tables.js';
import { ScriptedTransport } from '../support/scripted-transport.js';

let tables: JobTables;
let transport: ScriptedTransport;
let elapsedMs: number;
let stager: Stager;

beforeAll(async () => {
  tables = await JobTables.open();
});
afterAll(() => tables.close());

beforeEach(async () => {
  await tables.test.query('TRUNCATE job, queue');
  transport = new ScriptedTransport();
  elapsedMs = 0;
  stager = newStager();
});

function newStager(): Stager {
  const { clock } = tables.database;
  return new Stager({ transport, clock, query: tables.query, elapsed: () => elapsedMs });
}

/** What one round offers. */
async function offered(): Promise<readonly string[]> {
  await stager.runOnce();
  return transport.takeOffers().ids;
}

async function offeredIn(rounds: number): Promise<string[]> {
  const ids: string[] = [];
  for (let round = 0; round < rounds; round++) ids.push(...(await offered()));
  return ids;
}

describe('the stager', () => {
  it('offers what is due once, and what is not due not at all', async () => {
    const [due] = await tables.insert([
      { dueAgoMs: 50 },
      { dueAgoMs: -60_000 },
      { dueAgoMs: 50, status: 'done' },
      {},
    ]);
    expect(await offeredIn(8)).toEqual([due]);
  });

  it('offers a job when its time has come', async () => {
    await tables.addQueue('mail');
    expect(await offered()).toEqual([]);
    const [id] = await tables.insert([{ dueAgoMs: 0 }]);
    expect(await offeredIn(2)).toEqual([id]);
  });

  it('offers each job in its own lane, and in the retry lane once an attempt was charged', async () => {
    const [high, retry, other] = await tables.insert([
      { dueAgoMs: 50, lane: 'high' },
      { dueAgoMs: 40, lane: 'low', attempt: 1, run: 1 },
      { dueAgoMs: 30, lane: 'low', queue: 'other' },
    ]);
    await stager.runOnce();
    const { offers } = transport.takeOffers();
    expect(new Set(offers.map(({ queue, lane, ids }) => `${queue} ${lane} ${ids.join()}`))).toEqual(
      new Set([`mail high ${high}`, `mail retry ${retry}`, `other low ${other}`]),
    );
  });

  it('offers a job again that came back with a new time', async () => {
    const [id] = await tables.insert([{ dueAgoMs: 200 }]);
    expect(await offeredIn(2)).toEqual([id]);
    await tables.test.query('UPDATE job SET due_at = clock_timestamp(), attempt = 1');
    expect(await offeredIn(2)).toEqual([id]);
  });

  it('offers a row that commits after others with later times', async () => {
    const session = await tables.session();
    await session.query('BEGIN');
    const [late] = await tables.insert([{ dueAgoMs: 100 }], session);
    const [early] = await tables.insert([{ dueAgoMs: 10 }]);
    expect(await offeredIn(3)).toEqual([early]);
    await session.query('COMMIT');
    await session.end();
    expect(await offeredIn(5)).toEqual([late]);
  });

  it('offers 20,000 due jobs in the order of their times, and remembers no more than a bounded number', async () => {
    const rows = Array.from({ length: 20_000 }, (_, number): JobRow => ({ dueAgoMs: 4_000 - number / 10 }));
    const ids = await tables.insert(rows);
    // The sweep sees to what was due long before; here everything is recent.
    transport.oldest = () => ({ kind: 'unknown' });
    const found: string[] = [];
    while ((await stager.runOnce()) || found.length === 0) found.push(...transport.takeOffers().ids);
    found.push(...transport.takeOffers().ids);
    expect(found).toEqual(ids);
    expect(stager.remembered).toBeLessThanOrEqual(50_000);
  });

  it('leaves jobs of a paused queue alone until it is resumed', async () => {
    await tables.addQueue('mail');
    await offered();
    await setPaused(tables.query, 'mail', true);
    const [id] = await tables.insert([{ dueAgoMs: 0 }]);
    expect(await offeredIn(6)).toEqual([]);
    await setPaused(tables.query, 'mail', false);
    expect(await offered()).toEqual([id]);
  });

  it('offers nothing while there is no transport, and goes on from its place when it is back', async () => {
    const [first] = await tables.insert([{ dueAgoMs: 20 }]);
    expect(await offered()).toEqual([first]);
    transport.isAvailable = false;
    const [second] = await tables.insert([{ dueAgoMs: 0 }]);
    expect(await offeredIn(2)).toEqual([]);
    transport.isAvailable = true;
    expect(await offered()).toEqual([second]);
  });

  it('leaves a queue alone for a second whose tickets were refused', async () => {
    await tables.addQueue('mail');
    await offered();
    transport.reportGap('mail');
    const [id, other] = await tables.insert([{ dueAgoMs: 0 }, { dueAgoMs: 0, queue: 'other' }]);
    expect(await offeredIn(6)).toEqual([other]);
    elapsedMs += 1_000;
    expect(await offeredIn(1)).toEqual([id]);
  });

  it('plans its reading on the indexes of due times alone, and not on partitions made ahead', async () => {
    await tables.insert([{ dueAgoMs: 20 }]);
    const plans: string[] = [];
    const explaining = new Stager({
      transport,
      clock: tables.database.clock,
      query: async (statement, values) => {
        const rows = await tables.step((query) =>
          query<{ 'QUERY PLAN': string }>(
            { ...statement, text: `EXPLAIN (ANALYZE) ${statement.text}` },
            values,
          ),
        );
        plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
        return tables.query(statement, values);
      },
    });
    await explaining.runOnce();
    const scans = (plans[0] ?? '').split('\n').filter((line) => /Scan.* on job_2/.test(line));
    expect(scans.length).toBeGreaterThan(0);
    for (const scan of scans) expect(scan).toMatch(/Index Scan using job_\d+_queue_due_at/);
    const inTwoDays = daySuffix(startOfDay(tables.database.clock.now()) + 2 * DAY_MS);
    expect(scans.filter((scan) => scan.includes(inTwoDays))).toEqual([]);
  });
});

describe('the sweep for due jobs that no ticket covers', () => {
  it('offers what has been due for long when its lane has no tickets, in due order', async () => {
    const [second, first] = await tables.insert([{ dueAgoMs: 20_000 }, { dueAgoMs: 30_000 }]);
    expect(await offered()).toEqual([first, second]);
  });

  it('judges by the oldest ticket of the lane', async () => {
    const now = tables.database.clock.now();
    const [lost, covered] = await tables.insert([{ dueAgoMs: 40_000 }, { dueAgoMs: 20_000 }]);
    transport.oldest = () => ({ kind: 'at', at: now - 20_000 });
    expect(await offered()).toEqual([lost]);
    transport.oldest = () => ({ kind: 'at', at: now + 60_000 });
    elapsedMs += 10_000;
    expect(await offeredIn(2)).toEqual([lost, covered]);
  });

  it('judges nothing while the transport cannot tell', async () => {
    await tables.insert([{ dueAgoMs: 40_000 }]);
    transport.oldest = () => ({ kind: 'unknown' });
    expect(await offeredIn(2)).toEqual([]);
    transport.oldest = () => ({ kind: 'none' });
    elapsedMs += 10_000;
    expect(await offeredIn(2)).toHaveLength(1);
  });

  it('comes once in ten seconds', async () => {
    await tables.insert([{ dueAgoMs: 40_000 }]);
    expect(await offered()).toHaveLength(1);
    elapsedMs += 9_999;
    expect(await offered()).toEqual([]);
    elapsedMs += 1;
    expect(await offered()).toHaveLength(1);
  });

  it('offers a backlog once and not again while tickets of it may be left', async () => {
    const ids = await tables.insert(
      Array.from({ length: 2_500 }, (_, number) => ({ dueAgoMs: 60_000 - number })),
    );
    transport.oldest = () => ({ kind: 'none' });
    expect(await offeredIn(3)).toEqual(ids);
    const offeredAt = tables.database.clock.now();
    transport.oldest = () => ({ kind: 'at', at: offeredAt - 1_000 });
    elapsedMs += 10_000;
    expect(await offeredIn(3)).toEqual([]);
    transport.oldest = () => ({ kind: 'none' });
    elapsedMs += 10_000;
    expect(await offeredIn(3)).toEqual(ids);
  });

  it('finds jobs whose tickets were refused', async () => {
    const [id] = await tables.insert([{ dueAgoMs: 6_000 }]);
    transport.reportGap(undefined);
    transport.reportGap('mail');
    expect(await offered()).toEqual([]);
    elapsedMs += 10_000;
    expect(await offered()).toEqual([id]);
  });
});
