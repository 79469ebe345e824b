import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { IdGenerator } from '../../src/kernel/ids.js';
import {
  DAY_MS,
  JobEnqueuer,
  Partitions,
  dayBounds,
  daySuffix,
  defineJob,
  startOfDay,
  type NewJob,
} from '../../src/modules/job/index.js';
import { handlerOf } from '../support/handlers.js';
import { rookeryScene, type RookeryApp } from '../support/rookery-app.js';

const scene = rookeryScene();
const Note = defineJob({ name: 'note', payload: z.unknown() });
const Keyed = defineJob({ name: 'keyed', payload: z.unknown(), dedupe: { until: 'finished' } });
const types = [Note, Keyed];

/** A job past every check in code, with payload text of any kind. */
function rawJob({ module }: RookeryApp, payload: string, rest: Partial<NewJob> = {}): NewJob {
  const id = module.get(IdGenerator).next();
  return { id, queue: 'note', name: 'note', lane: 'normal', maxAttempts: 3, payload, ...rest };
}

const refused = async (asked: Promise<unknown>) =>
  asked.then(
    () => undefined,
    (error: { code?: string }) => error.code,
  );
const turnOfTheLoop = () => new Promise((resolve) => setImmediate(resolve));
const storedAmong = (ids: readonly string[]) =>
  scene.query<{ n: number }>('SELECT count(*)::int AS n FROM job WHERE id = ANY ($1)', [ids]);

describe('a payload that PostgreSQL refuses', () => {
  it.each([
    ['U+0000', '"\\u0000"'],
    ['half a surrogate pair', '{"a": "\\ud800"}'],
    ['100,000 levels of arrays', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['a number beyond all bounds', '1e500000'],
    ['text that is no JSON', '{oops'],
  ])('fails alone beside 499 good ones: %s', async (_, bad) => {
    const app = await scene.start({ types, hasWorker: false });
    const enqueuer = app.module.get(JobEnqueuer);
    const jobs = Array.from({ length: 500 }, (__, n) => rawJob(app, n === 250 ? bad : `{"n": ${n}}`));
    const before = enqueuer.stats.plain.runs;
    const answers = await Promise.all(jobs.map((job) => refused(enqueuer.enqueue(job))));
    expect(answers.map((code, n) => (code === undefined ? undefined : [n, code])).filter(Boolean)).toEqual([
      [250, 'invalid_payload'],
    ]);
    expect(await storedAmong(jobs.map(({ id }) => id))).toEqual([{ n: 499 }]);
    // They met in one statement, which was then halved: the test would show nothing had each gone by itself.
    expect(enqueuer.stats.plain.runs - before).toBeLessThan(5);
  });

  it('fails alone among jobs with keys, and its key stays free', async () => {
    const app = await scene.start({ types, hasWorker: false });
    const enqueuer = app.module.get(JobEnqueuer);
    const keyed = (n: number, payload: string) =>
      rawJob(app, payload, { dedupeKey: { key: `raw:${n}`, heldMs: 60_000 } });
    const jobs = Array.from({ length: 50 }, (_, n) => keyed(n, n === 7 ? '"\\u0000"' : '{}'));
    const answers = await Promise.all(jobs.map((job) => refused(enqueuer.enqueue(job))));
    expect(answers.filter((code) => code !== undefined)).toEqual(['invalid_payload']);
    expect(await enqueuer.enqueue(keyed(7, '{}'))).toEqual({ kind: 'stored' });
    expect(await enqueuer.enqueue(keyed(8, '{}'))).toMatchObject({ kind: 'duplicate', jobId: jobs[8]?.id });
  });

  it('takes the others of its transaction with it in a bulk enqueue, as invalid_payload', async () => {
    const app = await scene.start({ types, hasWorker: false });
    const enqueuer = app.module.get(JobEnqueuer);
    const jobs = [rawJob(app, '{}'), rawJob(app, '"\\u0000"')];
    expect(await refused(enqueuer.enqueueAll(jobs, () => undefined))).toBe('invalid_payload');
    expect(await storedAmong(jobs.map(({ id }) => id))).toEqual([{ n: 0 }]);
    expect(app.transport.offers).toEqual([]);
  });

  it('is found before it is sent: U+0000 and halves of surrogate pairs, also in keys', async () => {
    const { jobs } = await scene.start({ types, hasWorker: false });
    for (const payload of ['\u0000', { 'a\u0000': 1 }, ['\ud83e'], '\udd9c\ud83e']) {
      await expect(jobs.enqueue(Note, payload)).rejects.toMatchObject({ code: 'invalid_payload' });
    }
    const { id } = await jobs.enqueue(Note, ['\\u0000', '\ud83e\udd9c', '\u0001\u007f']);
    expect((await scene.job(id)).payload).toEqual(['\\u0000', '🦜', '\u0001\u007f']);
  });

  it('of more than 1 MiB is refused with its size; one of 1 MiB to the byte is stored', async () => {
    const { jobs } = await scene.start({ types, hasWorker: false });
    await expect(jobs.enqueue(Note, 'x'.repeat(1_048_575))).rejects.toMatchObject({
      code: 'payload_too_large',
      details: { bytes: 1_048_577, maxBytes: 1_048_576 },
    });
    const { id } = await jobs.enqueue(Note, 'x'.repeat(1_048_574));
    expect((await scene.job(id)).payload).toHaveLength(1_048_574);
  });
});

describe('a batch over midnight', () => {
  it('makes the partition of the day that is missing, and stores each job once', async () => {
    const app = await scene.start({ types, hasWorker: false });
    const enqueuer = app.module.get(JobEnqueuer);
    const tomorrow = startOfDay(app.database.clock.now()) + DAY_MS;
    const late = dayBounds(tomorrow).from.replace('-0000-0000-', '-7000-8000-');
    const suffix = daySuffix(tomorrow);
    await app.module.get(Partitions).ensure(tomorrow);
    await scene.query(`DROP TABLE job_${suffix}`);
    const jobs = [rawJob(app, '{}'), rawJob(app, '{}', { id: late }), rawJob(app, '{}')];
    expect(
      await Promise.all(jobs.map((job) => refused(enqueuer.enqueue(job)))).then((codes) => codes.length),
    ).toBe(3);
    expect(await storedAmong(jobs.map(({ id }) => id))).toEqual([{ n: 3 }]);
    expect(
      await scene.query(`SELECT tableoid::regclass::text AS name FROM job WHERE id = $1`, [late]),
    ).toEqual([{ name: `job_${suffix}` }]);
    expect(new Set(app.transport.offeredIds)).toEqual(new Set(jobs.map(({ id }) => id)));
  });

  it('with a bad job of the second day refuses that one alone', async () => {
    const app = await scene.start({ types, hasWorker: false });
    const enqueuer = app.module.get(JobEnqueuer);
    const tomorrow = startOfDay(app.database.clock.now()) + DAY_MS;
    const late = (n: number) =>
      dayBounds(tomorrow).from.replace(/-0000-0000-0+$/, `-7000-8000-00000000000${n}`);
    const jobs = [
      rawJob(app, '{}'),
      rawJob(app, '{}'),
      rawJob(app, '{}', { id: late(1) }),
      rawJob(app, '"\\u0000"', { id: late(2) }),
    ];
    const codes = await Promise.all(jobs.map((job) => refused(enqueuer.enqueue(job))));
    expect(codes).toEqual([undefined, undefined, undefined, 'invalid_payload']);
    expect(await storedAmong(jobs.map(({ id }) => id))).toEqual([{ n: 3 }]);
  });
});

describe('an enqueue whose answer is lost', () => {
  async function behindProxy() {
    const proxy = await scene.proxy();
    const app = await scene.start({ databaseUrl: proxy.url, types, hasWorker: false });
    // Connects, so that the loss hits an established session.
    await app.jobs.enqueue(Note, 'first');
    await app.jobs.enqueue(Keyed, 'first', { objectId: 'first' });
    await app.jobs.enqueueMany(Note, [{ payload: 'first' }]);
    return { ...app, proxy };
  }

  const named = (payload: string) =>
    scene.query<{ id: string }>('SELECT id FROM job WHERE payload = to_jsonb($1::text)', [payload]);
  const counted = () =>
    scene.query<{ counted: number; stored: number }>(
      'SELECT sum(enqueued)::int AS counted, (SELECT count(*)::int FROM job) AS stored FROM counter_delta',
    );
  afterEach(() => scene.query('DELETE FROM job; DELETE FROM job_key; DELETE FROM counter_delta'));

  it('is stored once, counted once, and its ticket is offered', async () => {
    const { jobs, proxy, transport } = await behindProxy();
    const lost = proxy.loseAnswerTo('insert_');
    const answers = Promise.all(Array.from({ length: 20 }, () => jobs.enqueue(Note, 'lost')));
    await lost;
    const ids = (await answers).map(({ id }) => id);
    expect((await named('lost')).map(({ id }) => id).toSorted()).toEqual(ids);
    expect(transport.offeredIds).toEqual(expect.arrayContaining(ids));
    const [sums] = await counted();
    expect(sums?.counted).toBe(sums?.stored);
  });

  it('is stored once with a key, and answered as stored', async () => {
    const { jobs, proxy } = await behindProxy();
    const lost = proxy.loseAnswerTo('COMMIT');
    const answer = jobs.enqueue(Keyed, 'lost', { objectId: 'o', idempotencyKey: 'i' });
    await lost;
    expect(await answer).toMatchObject({ isRepeat: false });
    expect(await named('lost')).toEqual([{ id: (await answer).id }]);
    await expect(jobs.enqueue(Keyed, 'again', { objectId: 'o' })).rejects.toMatchObject({
      details: { jobId: (await answer).id },
    });
  });

  it('is answered as stored although its job has finished, and its key been taken by another, before the repeat', async () => {
    const { jobs, proxy } = await behindProxy();
    const direct = await scene.start({ handlers: [handlerOf(Keyed, () => undefined)] });
    const lost = proxy.loseAnswerTo('COMMIT');
    const answer = jobs.enqueue(Keyed, 'lost', { objectId: 'taken' });
    await lost;
    proxy.cut();
    const [stored] = await named('lost');
    await scene.reaches(stored?.id ?? '', 'done');
    await direct.stop();
    const producer = await scene.start({ types, hasWorker: false });
    const next = await producer.jobs.enqueue(Keyed, 'next', { objectId: 'taken' });
    proxy.restore();
    expect(await answer).toMatchObject({ id: stored?.id, isRepeat: false });
    expect(await named('lost')).toHaveLength(1);
    expect((await scene.job(next.id)).status).toBe('waiting');
  });

  it('is stored once in bulk, all of it', async () => {
    const { jobs, proxy } = await behindProxy();
    const lost = proxy.loseAnswerTo('COMMIT');
    const items = [{ payload: 'lost' }, { payload: 'lost' }, { payload: 'lost' }];
    const answer = jobs.enqueueMany(Note, items);
    await lost;
    expect((await named('lost')).map(({ id }) => id)).toEqual(await answer);
  });

  it('is a batch made once, as it was judged first, although a key that it met is free by the repeat', async () => {
    const { jobs, proxy } = await behindProxy();
    const direct = await scene.start({ types, hasWorker: false });
    const { id: stranger } = await direct.jobs.enqueue(Keyed, 'stranger', { objectId: 'met' });
    const lost = proxy.loseAnswerTo('COMMIT');
    const items = [
      { payload: 'batched', objectId: 'met' },
      { payload: 'batched', objectId: 'mine' },
    ];
    const answer = jobs.batches.create(Keyed, items, { onDuplicate: 'skip' });
    await lost;
    proxy.cut();
    await direct.jobs.cancel(stranger);
    await scene.query(`DELETE FROM job_key WHERE job_id = $1`, [stranger]);
    proxy.restore();
    expect(await jobs.batches.get((await answer).id)).toMatchObject({ status: 'running', total: 1 });
    expect(await named('batched')).toHaveLength(1);
  });

  it('goes on when the database comes back within seconds', async () => {
    const { jobs, proxy } = await behindProxy();
    proxy.cut();
    const answer = jobs.enqueue(Note, 'patient');
    await expect.poll(() => scene.log.some((line) => /database/i.test(line))).toBe(true);
    proxy.restore();
    await answer;
    expect(await named('patient')).toHaveLength(1);
  });

  it('is kept in memory up to 128 MiB of payloads, and what comes then is told so', async () => {
    const app = await behindProxy();
    const enqueuer = app.module.get(JobEnqueuer);
    const payload = JSON.stringify('x'.repeat(1024 * 1024 - 2));
    const bulk = (jobs: number): Promise<string | undefined> =>
      refused(
        enqueuer.enqueueAll(
          Array.from({ length: jobs }, () => rawJob(app, payload)),
          () => undefined,
        ),
      );
    app.proxy.cut();
    const underWay = bulk(1);
    await turnOfTheLoop();
    const waiting = [bulk(127), bulk(1)];
    expect(await bulk(1)).toBe('overloaded');
    expect(await refused(app.jobs.enqueue(Note, 'one'))).toBe('overloaded');
    await app.stop();
    expect(await Promise.all([underWay, ...waiting])).toEqual(Array(3).fill('database_unavailable'));
  });
});
