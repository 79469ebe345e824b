import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineJob, type JobContext } from '../../src/modules/job/index.js';
import { handlerOf, Tally } from '../support/handlers.js';
import { rookeryScene } from '../support/rookery-app.js';

const scene = rookeryScene();

const quickBackoff = { initial: '20ms', jitter: 'none' } as const;
const Add = defineJob({ name: 'add', payload: z.object({ a: z.number(), b: z.number() }) });
const Try = defineJob({
  name: 'try',
  payload: z.object({ until: z.number().default(99) }),
  backoff: quickBackoff,
});

/** Starts an app that handles `Try` so, and enqueues one. */
async function attempt(
  handle: (ctx: JobContext) => unknown,
  onError?: (error: Error, ctx: JobContext) => 'retry' | 'fail' | 'done',
): Promise<string> {
  const script = { handle: (_: unknown, ctx: JobContext) => handle(ctx), ...(onError && { onError }) };
  const { jobs } = await scene.start({ handlers: [handlerOf(Try, script)] });
  return (await jobs.enqueue(Try, {})).id;
}

const thrower = (thrown: unknown) => () => {
  throw thrown;
};

describe('a run that succeeds', () => {
  it('keeps what the handler returned as the result of the done job', async () => {
    const { jobs } = await scene.start({ handlers: [handlerOf(Add, ({ a, b }) => ({ sum: a + b }))] });
    const { id } = await jobs.enqueue(Add, { a: 1, b: 2 });
    const job = await scene.reaches(id, 'done');
    expect(job).toMatchObject({ result: { sum: 3 }, attempt: 1, run: 1, history: [], dueAt: null });
    const times = [job.createdAt, job.startedAt, job.finishedAt].map((time) => Date.parse(time ?? ''));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it('has no result when the handler returns nothing, and null for what JSON holds as null', async () => {
    for (const value of [undefined, null, Number.NaN]) {
      const id = await attempt(() => value);
      expect((await scene.reaches(id, 'done')).result).toBeNull();
    }
  });

  it('tells the handler which run, attempt, job and object it is', async () => {
    let seen: unknown;
    const handler = handlerOf(Try, (payload, ctx) => {
      const { id, name, queue, objectId, run, attempt: charged, maxAttempts } = ctx;
      seen = { payload, id, name, queue, objectId, run, charged, maxAttempts };
    });
    const { jobs } = await scene.start({ handlers: [handler] });
    const { id } = await jobs.enqueue(Try, { until: 7 }, { objectId: 'o', maxAttempts: 9 });
    await scene.reaches(id, 'done');
    const common = { name: 'try', queue: 'try', objectId: 'o', run: 1, charged: 1, maxAttempts: 9 };
    expect(seen).toEqual({ payload: { until: 7 }, id, ...common });
  });
});

describe('a run that throws', () => {
  it('is tried again after the backoff, charges each attempt and keeps the error', async () => {
    const starts: number[] = [];
    const Slow = defineJob({
      name: 'slow-backoff',
      payload: z.object({}),
      backoff: { initial: '300ms', factor: 1, jitter: 'none' },
    });
    const handler = handlerOf(Slow, (_, ctx) => {
      starts.push(performance.now());
      if (ctx.attempt < 2) throw new TypeError('not yet');
      return 'at last';
    });
    const { jobs } = await scene.start({ handlers: [handler] });
    const { id } = await jobs.enqueue(Slow, {});
    const job = await scene.reaches(id, 'done');
    expect(job).toMatchObject({ result: 'at last', attempt: 2, run: 2 });
    expect(job.history).toHaveLength(1);
    expect(job.history[0]).toMatchObject({
      run: 1,
      attempt: 1,
      outcome: 'failed',
      error: { message: 'not yet' },
    });
    expect(job.history[0]?.error?.stack).toContain('run-outcomes.spec.ts');
    expect((starts[1] ?? 0) - (starts[0] ?? 0)).toBeGreaterThanOrEqual(299);
  });

  it('ends the job as failed with its last attempt, and not one run later', async () => {
    const runs = new Tally();
    const id = await attempt((ctx) => {
      runs.add();
      throw new Error(`attempt ${ctx.attempt} of ${ctx.maxAttempts}`);
    });
    const job = await scene.reaches(id, 'failed');
    expect(job).toMatchObject({ attempt: 3, run: 3, dueAt: null, result: null });
    expect(job.history.map(({ error }) => error?.message)).toEqual([
      'attempt 1 of 3',
      'attempt 2 of 3',
      'attempt 3 of 3',
    ]);
    expect(runs.count).toBe(3);
  });

  it('waits with a due time in between, in the retry lane', async () => {
    const Later = defineJob({
      name: 'later',
      payload: z.object({}),
      backoff: { initial: '1h', jitter: 'none' },
    });
    const { jobs } = await scene.start({ handlers: [handlerOf(Later, thrower(new Error('no')))] });
    const { id } = await jobs.enqueue(Later, {});
    const waiting = async () => {
      const job = await scene.job(id);
      return job.run === 1 && job.status === 'waiting' ? job : undefined;
    };
    await expect.poll(waiting).toBeDefined();
    const { dueAt, attempt: charged } = await scene.job(id);
    expect(charged).toBe(1);
    const [row] = await scene.query<{ seconds: number }>(
      'SELECT extract(epoch FROM $1::timestamptz - now())::float AS seconds',
      [dueAt],
    );
    expect(row?.seconds).toBeGreaterThan(3_590);
    expect(row?.seconds).toBeLessThanOrEqual(3_600);
  });

  it.each([
    ['a string', 'oops', 'oops'],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['an object', { a: 1 }, '{"a":1}'],
    ['an object without a prototype', Object.create(null), '{}'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['a bigint', 1n, '1'],
  ])('fails the attempt with what was thrown when that is %s', async (_, thrown, shown) => {
    const id = await attempt(thrower(thrown), () => 'fail');
    const job = await scene.reaches(id, 'failed');
    expect(job.history[0]?.error?.message).toBe(`thrown value is not an Error: ${shown}`);
  });

  it('fails the attempt, and harms nobody, when the error throws as it is read', async () => {
    const hostile = Object.defineProperty(new Error(), 'message', { get: thrower(new Error('got you')) });
    const cyclic: Record<string, unknown> = { toString: thrower(new Error('and again')) };
    cyclic['self'] = cyclic;
    for (const thrown of [hostile, cyclic]) {
      const job = await scene.reaches(await attempt(thrower(thrown), () => 'fail'), 'failed');
      expect(job.history[0]?.error?.message).toMatch(/cannot be (read|shown)/);
    }
  });

  it('keeps an error of at most 4 KiB, whole characters only', async () => {
    const id = await attempt(
      () => {
        const error = Object.assign(new Error('日'.repeat(50_000)), { code: '🦜'.repeat(200) });
        error.stack = '語\u0000\ud800'.repeat(50_000);
        throw error;
      },
      () => 'fail',
    );
    const { history } = await scene.reaches(id, 'failed');
    expect(Buffer.byteLength(JSON.stringify(history[0]?.error))).toBeLessThanOrEqual(4_096);
    expect(history[0]?.error?.message).toMatch(/^日{200}/);
  });

  it('keeps the last 20 entries of the history', async () => {
    const { jobs } = await scene.start({ handlers: [handlerOf(Try, thrower(new Error('no')))] });
    const { id } = await jobs.enqueue(Try, {}, { maxAttempts: 21, delay: '1h' });
    await scene.query(
      `UPDATE job SET run = 20, attempt = 20, due_at = now(),
              history = (SELECT jsonb_agg(jsonb_build_object('run', n)) FROM generate_series(1, 20) n) WHERE id = $1`,
      [id],
    );
    const job = await scene.reaches(id, 'failed');
    expect(job.history.map(({ run }) => run)).toEqual(Array.from({ length: 20 }, (_, index) => index + 2));
  });
});

describe('onError', () => {
  it('ends the job for good with `fail`', async () => {
    expect(
      await scene.reaches(await attempt(thrower(new Error('no')), () => 'fail'), 'failed'),
    ).toMatchObject({ run: 1 });
  });

  it('has the job tried again with `retry`', async () => {
    const id = await attempt(
      (ctx) => ctx.attempt === 2 || thrower(new Error('no'))(),
      () => 'retry',
    );
    expect(await scene.reaches(id, 'done')).toMatchObject({ run: 2 });
  });

  it('ends the job as done with `done`, and keeps the error', async () => {
    const job = await scene.reaches(await attempt(thrower(new Error('never mind')), () => 'done'), 'done');
    expect(job).toMatchObject({ run: 1, result: null });
    expect(job.history[0]).toMatchObject({ outcome: 'failed', error: { message: 'never mind' } });
  });

  it('is given the error as thrown and the context of the run', async () => {
    const thrown = new Error('mine');
    let seen: unknown;
    const id = await attempt(thrower(thrown), (error, ctx) => {
      seen = [error === thrown, ctx.run];
      return 'fail';
    });
    await scene.reaches(id, 'failed');
    expect(seen).toEqual([true, 1]);
  });

  it('that throws is itself the error of the attempt', async () => {
    const id = await attempt(thrower(new Error('first')), thrower(new Error('second')));
    const { history } = await scene.reaches(id, 'failed');
    expect(history.map(({ error }) => error?.message)).toEqual(['second', 'second', 'second']);
  });

  it('that answers nonsense fails the attempt and says what may be answered', async () => {
    const id = await attempt(thrower(new Error('no')), () => 'maybe' as 'fail');
    const { history } = await scene.reaches(id, 'failed');
    expect(history[0]?.error?.message).toBe('onError answered "maybe"; use retry, fail or done');
  });
});

describe('snooze', () => {
  it('takes the attempt back, waits as long as asked and leaves the error-free entry in the history', async () => {
    const starts: number[] = [];
    const id = await attempt((ctx) => {
      starts.push(performance.now());
      return ctx.run <= 3 ? ctx.snooze('150ms') : ctx.attempt;
    });
    const job = await scene.reaches(id, 'done');
    expect(job).toMatchObject({ run: 4, attempt: 1, result: 1, maxAttempts: 3 });
    expect(job.history.map(({ outcome, error }) => [outcome, error])).toEqual(
      Array(3).fill(['snoozed', undefined]),
    );
    expect((starts[1] ?? 0) - (starts[0] ?? 0)).toBeGreaterThanOrEqual(149);
  });
});

describe('a result that cannot be stored', () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  let deep: unknown = 1;
  for (let level = 0; level < 100_000; level++) deep = [deep];
  const results: Record<string, unknown> = {
    'U+0000': 'a\u0000b',
    'U+0000 in a key': { 'a\u0000b': 1 },
    'half a surrogate pair': ['\ud83e'],
    'a bigint': { n: 1n },
    'a cycle': cycle,
    'a function': () => 1,
    'a value whose toJSON throws': { toJSON: thrower(new Error('no')) },
    '2 MB of text': 'x'.repeat(2_000_000),
    'more than 1 MiB of bytes in fewer characters': '日'.repeat(400_000),
    'more levels than JSON.stringify goes down': deep,
  };
  const Return = defineJob({ name: 'return', payload: z.object({ what: z.string() }) });

  it('fails its job for good as unstorable_result beside 499 good ones, whatever is wrong with it', async () => {
    const handler = handlerOf(Return, ({ what }) => (what === 'good' ? { fine: true } : results[what]));
    const { jobs } = await scene.start({
      handlers: [handler],
      config: { defaults: { concurrency: 500, maxBatchSize: 500 } },
    });
    const bad = Object.keys(results);
    const items = Array.from({ length: 499 + bad.length }, (_, index) => bad[index - 250] ?? 'good');
    const ids = await jobs.enqueueMany(
      Return,
      items.map((what) => ({ payload: { what } })),
    );
    for (const [index, what] of items.entries()) {
      const id = ids[index] ?? '';
      if (what === 'good') continue;
      const job = await scene.reaches(id, 'failed');
      expect(job, what).toMatchObject({
        result: null,
        run: 1,
        history: [{ outcome: 'failed', error: { code: 'unstorable_result' } }],
      });
    }
    await expect
      .poll(() =>
        scene.query(
          `SELECT count(*)::int AS n FROM job WHERE name = 'return' AND status = 'done' AND result = '{"fine": true}'`,
        ),
      )
      .toEqual([{ n: 499 }]);
  });

  it('may be 1 MiB to the byte', async () => {
    const id = await attempt(() => 'x'.repeat(1_048_574));
    expect((await scene.reaches(id, 'done')).result).toHaveLength(1_048_574);
  });

  it('is not taken for one by text that merely looks like an escape', async () => {
    const id = await attempt(() => ['\\u0000', '\\\\ud800', '\ud83e\udd9c']);
    expect((await scene.reaches(id, 'done')).result).toEqual(['\\u0000', '\\\\ud800', '\ud83e\udd9c']);
  });
});
