import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { RookeryError } from '../../kernel/errors.js';
import { IdGenerator } from '../../kernel/ids.js';
import { JobPreparer, type JobRequest } from './job-preparer.js';
import { defineJob, type JobOptions, type JobType } from './job-type.js';

const NOW = Date.parse('2026-01-31T12:00:00Z');
const clock = { now: () => NOW };
const preparer = new JobPreparer(new IdGenerator(clock), clock);
const Plain = defineJob({ name: 'plain', payload: z.object({ n: z.number() }) });

interface Tree {
  readonly a: Tree | number;
}
const tree: z.ZodType<Tree> = z.object({
  get a() {
    return z.union([tree, z.number()]);
  },
});

const prepare = (type: JobType, options: JobOptions = {}, rest: Partial<JobRequest> = {}) =>
  preparer.prepare({ type, payload: { n: 1 }, options, ...rest });
const refusal = (asked: Promise<unknown>): Promise<RookeryError> =>
  asked.then(
    () => Promise.reject(new Error('it was accepted')),
    (error: unknown) => error as RookeryError,
  );

describe('a prepared job', () => {
  it('holds what the type and the caller said, and nothing that neither did', async () => {
    const job = await prepare(Plain);
    const { id, ...rest } = job;
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(rest).toEqual({
      queue: 'plain',
      name: 'plain',
      lane: 'normal',
      payload: '{"n":1}',
      maxAttempts: 3,
    });
  });

  it('holds the output of the schema, not its input', async () => {
    const Coerced = defineJob({ name: 'coerced', payload: z.object({ n: z.coerce.number().default(5) }) });
    expect((await prepare(Coerced, {}, { payload: { n: '7', extra: true } })).payload).toBe('{"n":7}');
    expect((await prepare(Coerced, {}, { payload: {} })).payload).toBe('{"n":5}');
  });

  it('waits for a schema that answers later', async () => {
    const Later = defineJob({
      name: 'later',
      payload: z.string().refine(async (text) => Promise.resolve(text === 'ok')),
    });
    expect((await prepare(Later, {}, { payload: 'ok' })).payload).toBe('"ok"');
    expect((await refusal(prepare(Later, {}, { payload: 'no' }))).code).toBe('invalid_payload');
  });

  it('is due after its delay or at its time, and has no due time when that is now or past', async () => {
    expect((await prepare(Plain, { delay: '90s' })).dueAt).toEqual(new Date(NOW + 90_000));
    expect((await prepare(Plain, { runAt: new Date(NOW + 5) })).dueAt).toEqual(new Date(NOW + 5));
    for (const options of [{ delay: 0 }, { delay: '0s' }, { runAt: new Date(NOW) }, { runAt: new Date(0) }]) {
      expect(await prepare(Plain, options)).not.toHaveProperty('dueAt');
    }
  });

  it('tells the timeout none by 0', async () => {
    expect((await prepare(Plain, { timeout: 'none' })).timeoutMs).toBe(0);
    expect((await prepare(Plain, { timeout: '2s' })).timeoutMs).toBe(2_000);
    expect(await prepare(Plain)).not.toHaveProperty('timeoutMs');
  });

  it('has a dedupe key of its type and object, only where both are', async () => {
    const Window = defineJob({ name: 'window', payload: Plain.payload, dedupe: { window: '5m' } });
    const Once = defineJob({ name: 'once', payload: Plain.payload, dedupe: { until: 'finished' } });
    expect((await prepare(Window, { objectId: 'o' })).dedupeKey).toEqual({
      key: 'dedupe:window:o',
      heldMs: 300_000,
    });
    expect((await prepare(Once, { objectId: 'o' })).dedupeKey).toEqual({
      key: 'dedupe:once:o',
      heldMs: null,
    });
    expect(await prepare(Once)).not.toHaveProperty('dedupeKey');
    expect(await prepare(Plain, { objectId: 'o' })).not.toHaveProperty('dedupeKey');
  });

  it('has the idempotency key for a day', async () => {
    const { idempotencyKey } = await prepare(Plain, {}, { idempotencyKey: 'k' });
    expect(idempotencyKey).toEqual({ key: 'idempotency:k', heldMs: 86_400_000 });
  });

  it('takes the boundary of every rule', async () => {
    const id = (await prepare(Plain)).id;
    const options = {
      maxAttempts: 1_000,
      timeout: '24d',
      delay: '3650d',
      objectId: 'x'.repeat(512),
      retryOf: id,
    };
    expect(await prepare(Plain, options, { idempotencyKey: 'k'.repeat(255) })).toMatchObject({
      maxAttempts: 1_000,
    });
  });
});

describe('prepare', () => {
  it('sees the validated payload and may replace it, the options, or neither', async () => {
    const seen: unknown[] = [];
    const Prepared = defineJob({
      name: 'prepared',
      payload: z.object({ n: z.number().default(1) }),
      prepare: (payload, options) => {
        seen.push(payload, options);
        return payload.n === 1 ? undefined : { payload: { n: 3 }, options: { lane: 'high' } };
      },
    });
    expect(await prepare(Prepared, { lane: 'low' }, { payload: {} })).toMatchObject({
      payload: '{"n":1}',
      lane: 'low',
    });
    expect(await prepare(Prepared, { lane: 'low' }, { payload: { n: 2 } })).toMatchObject({
      payload: '{"n":3}',
      lane: 'high',
    });
    expect(seen).toEqual([{ n: 1 }, { lane: 'low' }, { n: 2 }, { lane: 'low' }]);
  });

  it('is refused, and not failed, by what its type’s prepare throws', async () => {
    const picky = (thrown: unknown) =>
      defineJob({
        name: 'picky',
        payload: Plain.payload,
        prepare: () => {
          throw thrown;
        },
      });
    expect(await refusal(prepare(picky(new Error('n is taken'))))).toMatchObject({
      code: 'invalid_payload',
      message: "the payload of picky is invalid: payload is refused by the type's prepare: n is taken",
    });
    const own = new RookeryError('forbidden', 'not you');
    expect(await refusal(prepare(picky(own)))).toBe(own);
  });

  it('has its options checked like the caller’s', async () => {
    const Bad = defineJob({
      name: 'bad',
      payload: Plain.payload,
      prepare: () => ({ options: { maxAttempts: 0 } }),
    });
    expect((await refusal(prepare(Bad))).code).toBe('invalid_request');
  });
});

describe('a refusal', () => {
  it('names every failing path of the payload', async () => {
    const Deep = defineJob({
      name: 'deep',
      payload: z.object({ list: z.array(z.object({ n: z.number() })) }),
    });
    const { code, details, message } = await refusal(
      prepare(Deep, {}, { payload: { list: [{ n: 1 }, { n: 'x' }, {}] } }),
    );
    expect(code).toBe('invalid_payload');
    expect((details['issues'] as { path: string }[]).map(({ path }) => path)).toEqual([
      'payload.list.1.n',
      'payload.list.2.n',
    ]);
    expect(message).toContain('payload.list.1.n');
  });

  it('tells a hundred of the failing paths, and how many more there are', async () => {
    const List = defineJob({ name: 'list', payload: z.array(z.string()) });
    const { details, message } = await refusal(prepare(List, {}, { payload: Array(200_000).fill(1) }));
    expect(details['issues']).toHaveLength(100);
    expect(message).toMatch(/payload\.99 [^;]+; and 199900 more$/);
  });

  it.each([
    ['where nothing is secret', z.object({ password: z.string().meta({ secret: true }), body: z.json() })],
    ['where anything may be', z.object({ password: z.string().meta({ secret: true }), body: tree })],
  ])('names a payload that is nested too deeply to be looked through: %s', async (_, payload) => {
    const Deep = defineJob({ name: 'deep', payload });
    const body = JSON.parse(`${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`) as unknown;
    const { code, details } = await refusal(prepare(Deep, {}, { payload: { password: 'x', body } }));
    expect(code).toBe('invalid_payload');
    expect(details['issues']).toMatchObject([{ path: 'payload' }]);
  });

  it('names the payload itself when that is of the wrong kind', async () => {
    const { details } = await refusal(prepare(Plain, {}, { payload: 'text' }));
    expect(details['issues']).toMatchObject([{ path: 'payload' }]);
  });

  it('lists every bad option together', async () => {
    const options = { lane: 'fast', maxAttempts: 0, timeout: 0, delay: -1 } as unknown as JobOptions;
    const { code, details } = await refusal(prepare(Plain, options));
    expect(code).toBe('invalid_request');
    expect((details['issues'] as { path: string }[]).map(({ path }) => path).toSorted()).toEqual([
      'delay',
      'lane',
      'maxAttempts',
      'timeout',
    ]);
  });

  it('of a payload that JSON or PostgreSQL cannot hold is invalid_payload', async () => {
    const Any = defineJob({ name: 'any', payload: z.unknown() });
    const cycle: unknown[] = [];
    cycle.push(cycle);
    for (const payload of [1n, cycle, () => 1, 'a\u0000', '\ud800']) {
      expect((await refusal(prepare(Any, {}, { payload }))).code).toBe('invalid_payload');
    }
  });

  it('of a payload too large tells both sizes, in bytes', async () => {
    const Any = defineJob({ name: 'any', payload: z.unknown() });
    const { code, details } = await refusal(prepare(Any, {}, { payload: '日'.repeat(400_000) }));
    expect([code, details]).toEqual(['payload_too_large', { bytes: 1_200_002, maxBytes: 1_048_576 }]);
  });
});
