import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { IdGenerator } from '../../src/kernel/ids.js';
import { Metrics } from '../../src/kernel/metrics.js';
import { defineJob, type JobContext } from '../../src/modules/job/index.js';
import { Claimer } from '../../src/modules/worker/claimer.js';
import { HeldRuns } from '../../src/modules/worker/held-runs.js';
import { gate, handlerOf, Tally } from '../support/handlers.js';
import { rookeryScene } from '../support/rookery-app.js';

const scene = rookeryScene();
const Task = defineJob({
  name: 'task',
  queue: 'line',
  payload: z.object({ n: z.number().default(0), isBad: z.boolean().default(false) }),
  timeout: 'none',
  backoff: { initial: '1ms', jitter: 'none' },
});

const items = (count: number) => Array.from({ length: count }, (_, n) => ({ payload: { n } }));

/** How many are inside at the moment, and the most there ever were. */
class Crowd {
  now = 0;
  most = 0;

  async visit(stay: Promise<unknown>): Promise<void> {
    this.most = Math.max(this.most, ++this.now);
    await stay;
    this.now--;
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a delayed job', () => {
  it('does not run before its time, and runs then', async () => {
    const started = gate<number>();
    const { jobs } = await scene.start({
      handlers: [handlerOf(Task, () => started.open(performance.now()))],
    });
    const asked = performance.now();
    const { id } = await jobs.enqueue(Task, {}, { delay: '400ms' });
    expect((await started.opened) - asked).toBeGreaterThanOrEqual(399);
    expect(await scene.reaches(id, 'done')).toMatchObject({ run: 1, dueAt: null });
  });

  it('does not run by a ticket that comes before its time', async () => {
    const runs = new Tally();
    const { jobs, transport } = await scene.start({ handlers: [handlerOf(Task, () => runs.add())] });
    const { id } = await jobs.enqueue(Task, {}, { delay: '1h' });
    transport.offer('line', 'normal', [id]);
    const after = await jobs.enqueue(Task, {});
    await scene.reaches(after.id, 'done');
    expect(runs.count).toBe(1);
    expect(await scene.job(id)).toMatchObject({ status: 'waiting', run: 0 });
  });
});

describe('with one slot', () => {
  it('jobs start in the order they were enqueued', async () => {
    const order: number[] = [];
    const all = new Tally();
    const handler = handlerOf(Task, ({ n }) => {
      order.push(n);
      all.add();
    });
    const { jobs } = await scene.start({ handlers: [handler], config: { defaults: { concurrency: 1 } } });
    for (let n = 0; n < 100; n++) await jobs.enqueue(Task, { n });
    await Promise.all(Array.from({ length: 100 }, (_, n) => jobs.enqueue(Task, { n: 100 + n })));
    await all.reaches(200);
    expect(order).toEqual(Array.from({ length: 200 }, (_, n) => n));
  });

  it('the high lane goes before the normal one, and that before the low one', async () => {
    const order: string[] = [];
    const first = gate();
    const all = new Tally();
    const handler = handlerOf(Task, async (_, { objectId = '' }) => {
      order.push(objectId);
      if (order.length === 1) await first.opened;
      all.add();
    });
    const { jobs } = await scene.start({ handlers: [handler], config: { defaults: { concurrency: 1 } } });
    await jobs.enqueue(Task, {}, { objectId: 'first' });
    await expect.poll(() => order).toHaveLength(1);
    for (const lane of ['low', 'normal', 'high', 'low', 'normal', 'high'] as const) {
      await jobs.enqueue(Task, {}, { lane, objectId: lane });
    }
    first.open();
    await all.reaches(7);
    expect(order).toEqual(['first', 'high', 'high', 'normal', 'normal', 'low', 'low']);
  });
});

describe('concurrency', () => {
  it('is reached and never exceeded, for fresh jobs and for retries each', async () => {
    const fresh = new Crowd();
    const retried = new Crowd();
    const all = new Tally();
    const handler = handlerOf(Task, async (_, { attempt }) => {
      await (attempt === 1 ? fresh : retried).visit(turn());
      if (attempt === 1) throw new Error('once');
      all.add();
    });
    const { jobs } = await scene.start({
      handlers: [handler],
      config: { defaults: { concurrency: 7, retryConcurrency: 3 } },
    });
    await jobs.enqueueMany(Task, items(200));
    await all.reaches(200);
    expect({ fresh: fresh.most, retried: retried.most }).toEqual({ fresh: 7, retried: 3 });
  });

  it('is each queue’s own', async () => {
    const crowd = new Crowd();
    const beside = new Tally();
    const ends = gate();
    const Other = defineJob({ name: 'other', payload: z.object({}) });
    const { jobs } = await scene.start({
      handlers: [handlerOf(Task, () => crowd.visit(ends.opened)), handlerOf(Other, () => beside.add())],
      config: { queues: { line: { concurrency: 2 } } },
    });
    await jobs.enqueueMany(Task, items(5));
    await expect.poll(() => crowd.now).toBe(2);
    await jobs.enqueueMany(
      Other,
      Array.from({ length: 30 }, () => ({ payload: {} })),
    );
    await beside.reaches(30);
    expect(crowd.most).toBe(2);
    ends.open();
  });

  it('of retries that hang does not keep fresh jobs from running', async () => {
    const hangs = gate();
    const hanging = new Crowd();
    const fresh = new Tally();
    const handler = handlerOf(Task, async ({ isBad }, { attempt }: JobContext) => {
      if (!isBad) fresh.add();
      else if (attempt === 1) throw new Error('once');
      else await hanging.visit(hangs.opened);
    });
    const { jobs } = await scene.start({
      handlers: [handler],
      config: { defaults: { concurrency: 2, retryConcurrency: 2 } },
    });
    await jobs.enqueueMany(
      Task,
      Array.from({ length: 10 }, () => ({ payload: { isBad: true } })),
    );
    await expect.poll(() => hanging.now).toBe(2);
    await jobs.enqueueMany(Task, items(20));
    await fresh.reaches(20);
    expect(hanging.most).toBe(2);
    hangs.open();
  });

  it('of fresh jobs that hang does not keep retries from running', async () => {
    const hangs = gate();
    const retried = new Tally();
    const hanging = new Crowd();
    const handler = handlerOf(Task, async ({ isBad }, { attempt }: JobContext) => {
      if (!isBad) await hanging.visit(hangs.opened);
      else if (attempt === 1) throw new Error('once');
      else retried.add();
    });
    const { jobs } = await scene.start({ handlers: [handler], config: { defaults: { concurrency: 1 } } });
    const bad = await jobs.enqueue(Task, { isBad: true });
    await jobs.enqueueMany(Task, items(5));
    await retried.reaches(1);
    await scene.reaches(bad.id, 'done');
    hangs.open();
  });
});

describe('two workers', () => {
  it('run each of 2,000 jobs exactly once, though both have a ticket for every one', async () => {
    await scene.query('DELETE FROM job');
    const runs = new Map<string, number>();
    const all = new Tally();
    const handler = () =>
      handlerOf(Task, async (_, { id }) => {
        runs.set(id, (runs.get(id) ?? 0) + 1);
        await turn();
        all.add();
      });
    const config = { defaults: { concurrency: 50, maxBatchSize: 50 } };
    const one = await scene.start({ handlers: [handler()], config });
    const two = await scene.start({ handlers: [handler()], config });
    one.transport.peers.add(two.transport);
    two.transport.peers.add(one.transport);
    await Promise.all([one.jobs.enqueueMany(Task, items(1_000)), two.jobs.enqueueMany(Task, items(1_000))]);
    await all.reaches(2_000);
    await one.stop();
    await two.stop();
    expect([runs.size, all.count]).toEqual([2_000, 2_000]);
    const shares = await scene.query<{ n: number; run: number }>(
      `SELECT worker_id, run, count(*)::int AS n FROM job WHERE status = 'done' GROUP BY worker_id, run`,
    );
    // One of them may have been so quick that it left the other none.
    expect(shares.filter(({ run }) => run !== 1)).toEqual([]);
    expect(shares.reduce((sum, { n }) => sum + n, 0)).toBe(2_000);
  });

  it('take no harm from tickets that come again and again', async () => {
    const runs = new Tally();
    const { jobs, transport } = await scene.start({ handlers: [handlerOf(Task, () => runs.add())] });
    const ids = await jobs.enqueueMany(Task, items(30));
    for (let again = 0; again < 5; again++) transport.offer('line', 'normal', ids);
    const last = await jobs.enqueue(Task, {});
    await scene.reaches(last.id, 'done');
    for (const id of ids) await scene.reaches(id, 'done');
    expect(runs.count).toBe(31);
  });
});

describe('a ticket of a type the worker lacks', () => {
  it('is given back, never acked, and the job runs where its handler is', async () => {
    const Foreign = defineJob({ name: 'foreign', queue: 'line', payload: z.object({}) });
    const worker = await scene.start({ handlers: [handlerOf(Task, () => 'mine')] });
    const producer = await scene.start({ types: [Foreign], hasWorker: false });
    const { id } = await producer.jobs.enqueue(Foreign, {});
    worker.transport.offer('line', 'normal', [id]);
    await expect.poll(() => worker.transport.stats.givenBack).toBe(1);
    // Jobs in bulk come by ticket: a single one would need none.
    const [own = ''] = await worker.jobs.enqueueMany(Task, items(1));
    await scene.reaches(own, 'done');
    await expect.poll(() => worker.transport.stats.givenBack).toBeGreaterThan(1);
    expect(worker.transport.stats.acked).toBe(1);
    expect(await scene.job(id)).toMatchObject({ status: 'waiting', run: 0 });
    expect(await worker.transport.oldestTicketAt('line', 'normal')).toMatchObject({ kind: 'at' });
    await scene.start({ handlers: [handlerOf(Foreign, () => 'theirs')] });
    expect(await scene.reaches(id, 'done')).toMatchObject({ result: 'theirs', run: 1 });
    await expect.poll(() => worker.transport.stats.acked).toBe(2);
  });
});

describe('a claim whose answer is lost', () => {
  it('is answered to one of those who asked for the job, for fresh slots and for retries', async () => {
    const proxy = await scene.proxy();
    const { jobs, database, module } = await scene.start({
      databaseUrl: proxy.url,
      types: [Task],
      hasWorker: false,
    });
    const { id } = await jobs.enqueue(Task, {});
    await scene.query('UPDATE job SET attempt = 1, due_at = now() WHERE id = $1', [id]);
    const lease = { isHeldAs: () => true };
    const claimer = new Claimer(database, [Task.name], new HeldRuns(), lease, module.get(Metrics));
    const workerId = module.get(IdGenerator).next();
    // Connected before the loss.
    await claimer.claim({ ids: [randomUUID()], workerId, areRetries: false }, true);
    const lost = proxy.loseAnswerTo('claim_');
    // An old ticket of a fresh lane may name it as well as that of its retry.
    const claimed = await Promise.all(
      [true, false].map((areRetries) => claimer.claim({ ids: [id], workerId, areRetries }, true)),
    );
    await lost;
    expect(claimed.flat().map((job) => ({ id: job.id, run: job.run }))).toEqual([{ id, run: 1 }]);
    await claimer.close();
  });

  it.each([
    ['by a ticket', 'claim_2', false],
    ['by the look, durably', 'claim_2', true],
  ])('is run by this worker all the same, once and as its first run: %s', async (_, statement, isDeaf) => {
    const proxy = await scene.proxy();
    const runs = new Tally();
    const { jobs, transport } = await scene.start({
      databaseUrl: proxy.url,
      handlers: [handlerOf(Task, ({ n }) => (runs.add(), n))],
    });
    const first = await jobs.enqueue(Task, {});
    await scene.reaches(first.id, 'done');
    transport.isDeaf = isDeaf;
    const lost = proxy.loseAnswerTo(statement);
    const ids = await jobs.enqueueMany(Task, items(10));
    await lost;
    for (const [n, id] of ids.entries()) {
      expect(await scene.reaches(id, 'done')).toMatchObject({ run: 1, attempt: 1, result: n });
    }
    expect(runs.count).toBe(11);
  });
});
