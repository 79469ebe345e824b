import { Client } from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Metrics } from '../../src/kernel/metrics.js';
import { IdGenerator } from '../../src/kernel/ids.js';
import {
  JobEnqueuer,
  claim,
  defineJob,
  hotQuery,
  type OtherRun,
  type RunResult,
  type SettleAnswer,
} from '../../src/modules/job/index.js';
import { Settlement } from '../../src/modules/worker/settlement.js';
import { gate, handlerOf, Tally } from '../support/handlers.js';
import { rookeryScene, type RookeryApp } from '../support/rookery-app.js';

const scene = rookeryScene();
const Task = defineJob({ name: 'task', payload: z.object({}), timeout: 'none' });
const items = (count: number) => Array.from({ length: count }, () => ({ payload: {} }));

const counted = () =>
  scene.query(
    'SELECT sum(claimed)::int AS claimed, sum(done)::int AS done, sum(failed)::int AS failed, sum(returned)::int AS returned FROM counter_delta',
  );

const strangers: Client[] = [];
afterEach(async () => {
  for (const stranger of strangers.splice(0)) await stranger.end();
  await scene.query('DELETE FROM job; DELETE FROM counter_delta');
});

/** A session of somebody with psql who has locked a row. */
async function lockedRow(id: string) {
  const client = new Client({ connectionString: scene.database.url });
  strangers.push(client);
  await client.connect();
  await client.query('BEGIN');
  await client.query('SELECT FROM job WHERE id = $1 FOR UPDATE', [id]);
  return { release: () => client.query('ROLLBACK') };
}

/** Jobs claimed for a worker that only exists as an id, to be settled by hand. */
async function claimed(app: RookeryApp, count: number) {
  const ids = await app.jobs.enqueueMany(Task, items(count));
  const workerId = app.module.get(IdGenerator).next();
  const query = hotQuery(app.database.hot('test', { durable: false }));
  expect(await claim(query, workerId, ['task'], ids, false)).toHaveLength(count);
  const settlement = new Settlement(
    app.database,
    app.module.get(JobEnqueuer),
    () => 10_000,
    () => undefined,
    new Metrics(),
  );
  const record = (result: RunResult) =>
    new Promise<SettleAnswer | undefined>((told) =>
      settlement.record(
        workerId,
        result,
        (error) => other(result.id, { status: 'failed', message: error.message, code: error.code }),
        told,
      ),
    );
  return { ids, workerId, settlement, record };
}

const done = (id: string, result = 'null'): RunResult => ({
  kind: 'succeeded',
  isMember: false,
  id,
  run: 1,
  result,
  children: [],
});
const other = (
  id: string,
  { status, message, code }: { status: OtherRun['status']; message: string; code?: string },
): OtherRun => ({
  kind: 'other',
  isMember: false,
  id,
  run: 1,
  status,
  delayMs: 0,
  isRefunded: false,
  entry: {
    run: 1,
    attempt: 1,
    outcome: 'failed',
    worker: '',
    startedAt: '',
    endedAt: '',
    error: { message, ...(code !== undefined && { code }) },
  },
});

describe('a batch of outcomes', () => {
  it.each([
    ['U+0000', '"\\u0000"'],
    ['half a surrogate pair', '"\\ud800"'],
    ['100,000 levels', '['.repeat(100_000) + ']'.repeat(100_000)],
  ])(
    'with one result that PostgreSQL refuses records the other 499, and that job as failed: %s',
    async (_, bad) => {
      const app = await scene.start({ types: [Task], hasWorker: false });
      const { ids, settlement, record } = await claimed(app, 500);
      const answers = await Promise.all(
        ids.map((id, n) => record(done(id, n === 123 ? bad : `{"n": ${n}}`))),
      );
      expect(answers.map((answer) => answer?.kind === 'settled' && answer.status)).toEqual(
        ids.map((__, n) => (n === 123 ? 'failed' : 'done')),
      );
      expect(await scene.job(ids[123] ?? '')).toMatchObject({
        status: 'failed',
        result: null,
        history: [{ error: { code: 'unstorable_result' } }],
      });
      expect(await counted()).toEqual([{ claimed: 500, done: 499, failed: 1, returned: 0 }]);
      expect(settlement.refusals).toBe(0);
      await settlement.close();
    },
  );

  it('that is recorded in part when a row is locked counts nothing as refused or twice', async () => {
    const app = await scene.start({ types: [Task], hasWorker: false });
    const { ids, settlement, record } = await claimed(app, 4);
    const lock = await lockedRow(ids[3] ?? '');
    const answers = ids.map((id, n) =>
      record(n < 2 ? done(id) : other(id, { status: 'failed', message: 'no' })),
    );
    const others = await Promise.all(answers.filter((__, n) => n !== 3));
    expect(others.map((answer) => answer?.kind)).toEqual(Array(3).fill('settled'));
    expect(settlement.unsettled).toBe(1);
    expect((await scene.job(ids[3] ?? '')).status).toBe('executing');
    await lock.release();
    expect(await answers[3]).toEqual({ kind: 'settled', status: 'failed' });
    expect(await counted()).toEqual([{ claimed: 4, done: 2, failed: 2, returned: 0 }]);
    expect(settlement.refusals).toBe(0);
    await settlement.close();
  });

  it('refuses what is not this worker’s, this run or executing, alone', async () => {
    const app = await scene.start({ types: [Task], hasWorker: false });
    const { ids, workerId, settlement, record } = await claimed(app, 5);
    const [a, b, c, d, e] = ids as [string, string, string, string, string];
    await scene.query('UPDATE job SET run = 2 WHERE id = $1', [a]);
    await scene.query('UPDATE job SET worker_id = $2 WHERE id = $1', [b, app.module.get(IdGenerator).next()]);
    await scene.query(`UPDATE job SET status = 'waiting' WHERE id = $1`, [c]);
    await record(done(d));
    expect(await Promise.all([a, b, c, d, e].map((id) => record(done(id, '"late"'))))).toEqual([
      { kind: 'refused' },
      { kind: 'refused' },
      { kind: 'refused' },
      { kind: 'refused' },
      { kind: 'settled', status: 'done' },
    ]);
    expect(settlement.refusals).toBe(4);
    expect(await scene.query('SELECT count(*)::int AS n FROM job WHERE result IS NOT NULL')).toEqual([
      { n: 1 },
    ]);
    expect(workerId).not.toBe('');
    await settlement.close();
  });
});

describe('an outcome whose row a stranger has locked', () => {
  it('delays nobody else for long, and is recorded when the lock is gone', async () => {
    const ends = gate();
    let locked = '';
    const { jobs, refusals } = await scene.start({
      handlers: [
        handlerOf(Task, async (_, { id }) => (id === locked ? ends.opened.then(() => 'late') : 'soon')),
      ],
    });
    const { id } = await jobs.enqueue(Task, {}, { delay: '50ms' });
    locked = id;
    await scene.reaches(id, 'executing');
    const lock = await lockedRow(id);
    ends.open();
    const ids = await jobs.enqueueMany(Task, items(20));
    for (const other of ids) await scene.reaches(other, 'done');
    expect((await scene.job(id)).status).toBe('executing');
    await lock.release();
    expect(await scene.reaches(id, 'done')).toMatchObject({ result: 'late', run: 1 });
    expect(refusals()).toBe(0);
  });
});

describe('an outcome whose answer is lost', () => {
  async function behindProxy(handle: () => unknown) {
    const proxy = await scene.proxy();
    const Child = defineJob({ name: 'child', payload: z.object({}) });
    let isFirst = true;
    const started = new Tally();
    const ends = gate();
    const app = await scene.start({
      databaseUrl: proxy.url,
      types: [Child],
      handlers: [
        handlerOf(Task, async (_, ctx) => {
          if (isFirst) return;
          started.add();
          await ends.opened;
          const value = handle();
          if (value === 'child') await ctx.enqueue(Child, {});
          if (value instanceof Error) throw value;
          return value;
        }),
      ],
    });
    // Each of the connections is made before the loss.
    await scene.reaches((await app.jobs.enqueue(Task, {})).id, 'done');
    isFirst = false;
    const ids = await app.jobs.enqueueMany(Task, items(5));
    await started.reaches(5);
    return { ...app, proxy, ids, ends };
  }

  it('is recorded once and is no refusal: success', async () => {
    const { proxy, ids, ends, refusals } = await behindProxy(() => 'value');
    const lost = proxy.loseAnswerTo('settle_succeeded');
    ends.open();
    await lost;
    for (const id of ids) expect(await scene.reaches(id, 'done')).toMatchObject({ result: 'value', run: 1 });
    await expect.poll(refusals).toBe(0);
    expect(await counted()).toMatchObject([{ done: 6 }]);
  });

  it('is recorded once and is no refusal: failure', async () => {
    const { proxy, ids, ends, refusals } = await behindProxy(() => new Error('no'));
    const lost = proxy.loseAnswerTo('settle_others');
    ends.open();
    await lost;
    await expect.poll(async () => (await counted())[0]).toMatchObject({ returned: 5 });
    for (const id of ids)
      expect((await scene.job(id)).history).toMatchObject([{ run: 1, error: { message: 'no' } }]);
    expect(refusals()).toBe(0);
  });

  it('is recorded once and is no refusal: success with children, each stored once', async () => {
    const { proxy, ids, ends, refusals, stop } = await behindProxy(() => 'child');
    const lost = proxy.loseAnswerTo('COMMIT');
    ends.open();
    await lost;
    for (const id of ids) await scene.reaches(id, 'done');
    await stop();
    expect(await scene.query(`SELECT count(*)::int AS n FROM job WHERE name = 'child'`)).toEqual([{ n: 5 }]);
    expect(refusals()).toBe(0);
    expect(await counted()).toMatchObject([{ done: 6 }]);
  });

  it('is kept while the database is away, and recorded when it is back', async () => {
    const { proxy, ids, ends } = await behindProxy(() => 'kept');
    proxy.cut();
    ends.open();
    await expect.poll(() => scene.log.some((line) => /database/i.test(line))).toBe(true);
    for (const id of ids) expect((await scene.job(id)).status).toBe('executing');
    proxy.restore();
    for (const id of ids) expect(await scene.reaches(id, 'done')).toMatchObject({ result: 'kept', run: 1 });
  });
});

describe('a worker that cannot record', () => {
  it('takes nothing more once twice its slots are unsettled, in any queue, and goes on when it can', async () => {
    await scene.query('CREATE TABLE barrier ()');
    await scene.query(
      `CREATE FUNCTION wait_for_barrier() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         WHILE EXISTS (SELECT FROM pg_class WHERE relname = 'barrier') LOOP PERFORM pg_sleep(0.01); END LOOP; RETURN NEW; END $$`,
    );
    await scene.query(
      `CREATE TRIGGER barrier BEFORE UPDATE ON job FOR EACH ROW WHEN (NEW.status = 'done') EXECUTE FUNCTION wait_for_barrier()`,
    );
    const runs = new Tally();
    const Beside = defineJob({ name: 'beside', payload: z.object({}) });
    const { jobs } = await scene.start({
      handlers: [handlerOf(Task, () => runs.add()), handlerOf(Beside, () => undefined)],
      config: { defaults: { concurrency: 2, retryConcurrency: 1 } },
    });
    const ids = await jobs.enqueueMany(Task, items(40));
    // Two queues of 2 + 1 slots: 12 may be unsettled, and the claim that passes that number brings at most two.
    await runs.reaches(13);
    const beside = await jobs.enqueue(Beside, {});
    await expect
      .poll(() =>
        scene.query(
          `SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()`,
        ),
      )
      .toEqual([{ n: 1 }]);
    expect(runs.count).toBeLessThanOrEqual(14);
    expect((await scene.job(beside.id)).status).toBe('waiting');
    await scene.query('DROP TABLE barrier');
    await scene.reaches(beside.id, 'done');
    for (const id of ids) await scene.reaches(id, 'done');
    await scene.query('DROP TRIGGER barrier ON job');
  });
});
