import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { defineConfig } from '../../src/config/index.js';
import {
  DAY_MS,
  FIRST_ID,
  daySuffix,
  passRows,
  raiseWatermark,
  startOfDay,
  type Query,
} from '../../src/modules/job/index.js';
import { Auditor } from '../../src/modules/scheduler/duties/auditor.js';
import { Stager } from '../../src/modules/scheduler/duties/stager.js';
import { idAgo, JobTables, madeAt } from '../support/job-tables.js';
import { ScriptedTransport } from '../support/scripted-transport.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let tables: JobTables;
let transport: ScriptedTransport;
let elapsedMs: number;
let auditor: Auditor;

beforeAll(async () => {
  tables = await JobTables.open();
});
afterAll(() => tables.close());

beforeEach(async () => {
  await tables.test.query('TRUNCATE job, queue');
  transport = new ScriptedTransport();
  transport.oldest = () => ({ kind: 'unknown' });
  elapsedMs = 0;
  auditor = new Auditor({
    transport,
    config: defineConfig({}, {}),
    clock: tables.database.clock,
    elapsed: () => elapsedMs,
  });
});

describe('the auditor', () => {
  it('moves the watermark over rows of 60 s and more, and gives due_at to the open ones', async () => {
    const [done, waiting, executing, young] = await tables.insert([
      { agoMs: 3 * MINUTE, status: 'done' },
      { agoMs: 2 * MINUTE },
      { agoMs: 61_000, status: 'executing', workerId: idAgo(0) },
      { agoMs: 55_000 },
    ]);
    if (!done || !waiting || !executing || !young) throw new Error('rows are missing');
    await auditor.runOnce(tables.step);
    expect(await tables.watermark()).toBe(executing);
    expect((await tables.job(done)).dueAt).toBeNull();
    expect((await tables.job(waiting)).dueAt).toEqual(madeAt(waiting));
    expect((await tables.job(executing)).dueAt).toEqual(madeAt(executing));
    expect((await tables.job(young)).dueAt).toBeNull();
    expect(await tables.lostFromSight()).toEqual([]);
  });

  it('leaves the due time of a job that has one', async () => {
    const [id] = await tables.insert([{ agoMs: HOUR, dueAgoMs: -HOUR }]);
    await auditor.runOnce(tables.step);
    expect((await tables.job(id ?? '')).dueAt?.getTime()).toBeGreaterThan(Date.now());
  });

  it('passes thousands of rows in steps, and never an open one without due_at', async () => {
    const statuses = ['waiting', 'executing', 'done', 'failed', 'canceled'] as const;
    const ids = await tables.insert(
      Array.from({ length: 5_000 }, (_, number) => ({
        agoMs: HOUR - number,
        status: statuses[number % statuses.length] ?? 'waiting',
        queue: number % 2 === 0 ? 'mail' : 'other',
        workerId: idAgo(0),
      })),
    );
    await auditor.runOnce(tables.step);
    expect([await tables.watermark('mail'), await tables.watermark('other')].sort()).toEqual(
      ids.slice(-2).sort(),
    );
    expect(await tables.lostFromSight()).toEqual([]);
    const [row] = await tables.test.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM job WHERE due_at IS NOT NULL',
    );
    expect(row?.count).toBe(2_000);
  });

  it('stays before a row that somebody has locked, and passes it when it is free', async () => {
    const [before, locked] = await tables.insert([{ agoMs: HOUR, status: 'done' }, { agoMs: 2 * MINUTE }]);
    const session = await tables.session();
    await session.query('BEGIN');
    await session.query('SELECT FROM job WHERE id = $1 FOR UPDATE', [locked]);
    await expect(auditor.runOnce(tables.step)).rejects.toMatchObject({ code: '55P03' });
    expect(await tables.watermark()).toBe(FIRST_ID);
    await session.query('ROLLBACK');
    await session.end();
    await auditor.runOnce(tables.step);
    expect(before && (await tables.watermark())).toBe(locked);
    expect(await tables.lostFromSight()).toEqual([]);
  });

  it('goes on with the queues behind one in which somebody has locked a row', async () => {
    const [locked, free] = await tables.insert([
      { agoMs: 2 * MINUTE, queue: 'a' },
      { agoMs: 2 * MINUTE, queue: 'b' },
    ]);
    const session = await tables.session();
    await session.query('BEGIN');
    await session.query('SELECT FROM job WHERE id = $1 FOR UPDATE', [locked]);
    await expect(auditor.runOnce(tables.step)).rejects.toMatchObject({ code: '55P03' });
    await session.end();
    expect(await tables.watermark('a')).toBe(FIRST_ID);
    expect(await tables.watermark('b')).toBe(free);
  });

  it('moves the watermark forward only', async () => {
    const [first, second] = await tables.insert([{ agoMs: HOUR }, { agoMs: 2 * MINUTE }]);
    await auditor.runOnce(tables.step);
    expect(await tables.watermark()).toBe(second);
    const again = { queue: 'mail', after: FIRST_ID, upTo: first ?? '', limit: 1, moves: true };
    expect(await tables.step((query) => passRows(query, again))).toMatchObject({
      passedCount: 1,
      place: first,
    });
    expect(await tables.watermark()).toBe(second);
  });

  it('finds, by its hourly walk, a row that committed after the watermark had passed its id', async () => {
    const session = await tables.session();
    await session.query('BEGIN');
    const [late] = await tables.insert([{ agoMs: HOUR }], session);
    const [passed] = await tables.insert([{ agoMs: 2 * MINUTE }]);
    await auditor.runOnce(tables.step);
    expect(await tables.watermark()).toBe(passed);
    await session.query('COMMIT');
    await session.end();
    elapsedMs += HOUR - 1;
    await auditor.runOnce(tables.step);
    expect(await tables.lostFromSight()).toEqual([late]);
    elapsedMs += 1;
    await auditor.runOnce(tables.step);
    expect(await tables.lostFromSight()).toEqual([]);
    expect(await tables.watermark()).toBe(passed);
  });

  it('walks the last two hours again and no more', async () => {
    const [old, recent, newest] = await tables.insert([
      { agoMs: 2 * HOUR + MINUTE },
      { agoMs: 2 * HOUR - MINUTE },
      { agoMs: 2 * MINUTE },
    ]);
    await auditor.runOnce(tables.step);
    await tables.test.query('UPDATE job SET due_at = NULL');
    auditor.begin();
    await auditor.runOnce(tables.step);
    expect(await tables.lostFromSight()).toEqual([old]);
    expect((await tables.job(recent ?? '')).dueAt).not.toBeNull();
    expect(await tables.watermark()).toBe(newest);
  });

  it('makes jobs of a backlog due without having them taken for jobs whose time has just come', async () => {
    const { clock } = tables.database;
    transport.oldest = () => ({ kind: 'at', at: clock.now() - HOUR });
    const stager = new Stager({ transport, clock, query: tables.query });
    await tables.addQueue('mail');
    await stager.runOnce();
    await tables.insert([{ agoMs: 10 * MINUTE }, { agoMs: 9 * MINUTE }]);
    await auditor.runOnce(tables.step);
    for (let round = 0; round < 6; round++) await stager.runOnce();
    expect(transport.takeOffers().ids).toEqual([]);
  });

  it('lets the watermark of a queue without jobs follow the days, and leaves it below a job', async () => {
    await tables.addQueue('idle');
    const [old] = await tables.insert([{ agoMs: 30 * HOUR, status: 'done', queue: 'quiet' }]);
    await auditor.runOnce(tables.step);
    const raised = await tables.watermark('idle');
    expect(madeAt(raised).getTime()).toBeGreaterThan(Date.now() - 25 * HOUR);
    expect(madeAt(raised).getTime()).toBeLessThan(Date.now() - 23 * HOUR);
    expect(await tables.watermark('quiet')).toBe(old);
    await auditor.runOnce(tables.step);
    expect([await tables.watermark('idle'), await tables.watermark('quiet')]).toEqual([raised, old]);
  });

  it('does not raise a watermark over a job that has become visible meanwhile', async () => {
    const [late] = await tables.insert([{ agoMs: 28 * HOUR }]);
    const [from, to] = [FIRST_ID, idAgo(24 * HOUR)];
    await tables.step((query) => raiseWatermark(query, 'mail', from, to));
    expect(await tables.watermark()).toBe(FIRST_ID);
    // The control: without the job it is raised.
    await tables.test.query('DELETE FROM job WHERE id = $1', [late]);
    await tables.step((query) => raiseWatermark(query, 'mail', from, to));
    expect(await tables.watermark()).toBe(to);
  });

  it('touches no row and no partition below the watermark', async () => {
    const ids = await tables.insert(
      Array.from({ length: 3_000 }, (_, number) => ({ agoMs: DAY_MS + number, status: 'done' as const })),
    );
    const [lowest] = await tables.insert([{ agoMs: 5 * MINUTE, status: 'done' }]);
    await tables.test.query('UPDATE queue SET watermark = $1', [ids[0]]);
    const plans: string[] = [];
    const range = { queue: 'mail', after: idAgo(10 * MINUTE), upTo: idAgo(0), limit: 1_000, moves: true };
    await tables.step(async (query) => {
      const explaining: Query = async (statement, values) => {
        const text = `EXPLAIN (ANALYZE, TIMING OFF) ${statement.text}`;
        const lines = await query<{ 'QUERY PLAN': string }>({ ...statement, text }, values);
        plans.push(lines.map((row) => row['QUERY PLAN']).join('\n'));
        return [];
      };
      await passRows(explaining, range);
    });
    const scans = (plans[0] ?? '').split('\n').filter((line) => / on job_2/.test(line) && /Scan/.test(line));
    const today = daySuffix(startOfDay(madeAt(lowest ?? '').getTime()));
    const now = daySuffix(startOfDay(Date.now()));
    expect(scans.length).toBeGreaterThan(0);
    for (const scan of scans) {
      expect(scan).toContain('Index Scan');
      expect([today, now].some((day) => scan.includes(`job_${day}`))).toBe(true);
    }
  });
});

describe('tickets again', () => {
  it('are offered for fresh jobs older than the poll interval when their queue has no ticket, each once', async () => {
    transport.oldest = () => ({ kind: 'none' });
    const [lost] = await tables.insert([
      { agoMs: 11_000 },
      { agoMs: 8_000 },
      { agoMs: 11_000, status: 'done' },
      { agoMs: 11_000, dueAgoMs: 5_000 },
    ]);
    await auditor.runOnce(tables.step);
    expect(transport.takeOffers().ids).toEqual([lost]);
    await auditor.runOnce(tables.step);
    expect(transport.takeOffers().ids).toEqual([]);
  });

  it('are offered for jobs that are older than the oldest ticket by the poll interval', async () => {
    const { clock } = tables.database;
    transport.oldest = (_, lane) =>
      lane === 'low' ? { kind: 'at', at: clock.now() - 20_000 } : { kind: 'none' };
    const [lost] = await tables.insert([{ agoMs: 31_000, lane: 'high' }, { agoMs: 29_000 }]);
    await auditor.runOnce(tables.step);
    expect(transport.takeOffers().offers).toEqual([{ queue: 'mail', lane: 'high', ids: [lost] }]);
  });

  it('are not offered while the transport cannot tell, nor in a paused queue', async () => {
    await tables.insert([{ agoMs: 31_000 }]);
    await auditor.runOnce(tables.step);
    expect(transport.takeOffers().ids).toEqual([]);
    transport.oldest = () => ({ kind: 'none' });
    await tables.test.query('UPDATE queue SET paused_at = now()');
    await auditor.runOnce(tables.step);
    expect(transport.takeOffers().ids).toEqual([]);
    await tables.test.query('UPDATE queue SET paused_at = NULL');
    await auditor.runOnce(tables.step);
    expect(transport.takeOffers().ids).toHaveLength(1);
  });

  it('are offered for tens of thousands in one round', async () => {
    transport.oldest = () => ({ kind: 'none' });
    const ids = await tables.insert(
      Array.from({ length: 20_000 }, (_, number) => ({ agoMs: 50_000 - number })),
    );
    await auditor.runOnce(tables.step);
    const { offers, ids: offered } = transport.takeOffers();
    expect(offered).toEqual(ids.toSorted());
    expect(offers.length).toBeLessThan(1_000);
  });
});
