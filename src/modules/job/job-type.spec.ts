import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { RookeryError } from '../../kernel/errors.js';
import { defineJob, type JobTypeDefinition } from './job-type.js';

const payload = z.object({ n: z.number() });
const define = (rest: Partial<JobTypeDefinition<typeof payload>> = {}) =>
  defineJob({ name: 'type', payload, ...rest });

describe('a job type', () => {
  it('has its defaults filled in, and is frozen', () => {
    const type = define();
    expect(type).toEqual({
      name: 'type',
      queue: 'type',
      payload,
      lane: 'normal',
      maxAttempts: 3,
      retryPolicy: { initialMs: 1_000, factor: 2, maxMs: 300_000, jitter: 'full' },
      onTimeout: 'retry',
    });
    expect(Object.isFrozen(type)).toBe(true);
  });

  it('resolves every duration to milliseconds', () => {
    const type = define({
      timeout: '2m',
      backoff: { initial: '5s', factor: 3, max: '1h', jitter: 'none' },
      dedupe: { window: '5m' },
    });
    expect(type.timeoutMs).toBe(120_000);
    expect(type.retryPolicy).toEqual({ initialMs: 5_000, factor: 3, maxMs: 3_600_000, jitter: 'none' });
    expect(type.dedupe).toEqual({ kind: 'window', windowMs: 300_000 });
  });

  it('tells no timeout from none said', () => {
    expect(define({ timeout: 'none' }).timeoutMs).toBeNull();
    expect('timeoutMs' in define()).toBe(false);
  });

  it('pauses at least as long as its first pause, though the default bound is shorter', () => {
    expect(define({ backoff: { initial: '1h' } }).retryPolicy).toMatchObject({
      initialMs: 3_600_000,
      maxMs: 3_600_000,
    });
    expect(define({ backoff: { initial: '1h', max: '1m' } }).retryPolicy).toMatchObject({ maxMs: 60_000 });
  });

  it('keeps until finished as such', () => {
    expect(define({ dedupe: { until: 'finished' } }).dedupe).toEqual({ kind: 'until-finished' });
  });

  it.each([
    ['http:request', 'http-request'],
    ['Reports.Daily', 'reports-daily'],
    ['a'.repeat(100), 'a'.repeat(64)],
  ])('named %s has the queue %s of its own', (name, queue) => {
    expect(define({ name }).queue).toBe(queue);
  });

  it('calls prepare with the definition as this', () => {
    const definition = {
      name: 'prepared',
      payload,
      added: 1,
      prepare(given: { n: number }) {
        return { payload: { n: given.n + this.added } };
      },
    };
    expect(defineJob(definition).prepare?.({ n: 1 }, {})).toEqual({ payload: { n: 2 } });
  });

  it.each<[string, object, string]>([
    ['name', { name: '' }, '""'],
    ['name', { name: 'with space' }, '"with space"'],
    ['name', { name: 'x'.repeat(129) }, 'xxx'],
    ['name', { name: undefined }, 'undefined'],
    ['name', { name: Object.create(null) as unknown }, 'an object'],
    ['name', { name: 1n }, '1'],
    ['queue', { queue: 'Upper' }, '"Upper"'],
    ['queue', { queue: 'x'.repeat(65) }, 'xxx'],
    ['payload', { payload: undefined }, 'undefined'],
    ['payload', { payload: { n: 'number' } }, 'an object'],
    ['payload', { payload: class Letter {} }, 'the function or class Letter'],
    ['lane', { lane: 'hihg' }, '"hihg"'],
    ['maxAttempts', { maxAttempts: 0 }, '0'],
    ['maxAttempts', { maxAttempts: 1_001 }, '1001'],
    ['maxAttempts', { maxAttempts: 2.5 }, '2.5'],
    ['timeout', { timeout: 0 }, '0'],
    ['timeout', { timeout: '20' }, '"20"'],
    ['timeout', { timeout: '25d' }, '"25d"'],
    ['timeout', { timeout: '5 parsecs' }, '"5 parsecs"'],
    ['onTimeout', { onTimeout: 'cancle' }, '"cancle"'],
    ['backoff', { backoff: 'fast' }, '"fast"'],
    ['backoff.factor', { backoff: { factor: 0.5 } }, '0.5'],
    ['backoff.initial', { backoff: { initial: 0 } }, '0'],
    ['backoff.max', { backoff: { max: '0s' } }, '"0s"'],
    ['backoff.jitter', { backoff: { jitter: 'nonee' } }, '"nonee"'],
    ['dedupe', { dedupe: true }, 'true'],
    ['dedupe.window', { dedupe: { window: 0 } }, '0'],
    ['dedupe.window', { dedupe: {} }, 'undefined'],
    ['dedupe.until', { dedupe: { until: 'done' } }, '"done"'],
    ['prepare', { prepare: 'later' }, '"string"'],
  ])('is refused for a bad %s, with the type, the value and the rule: %o', (field, rest, shown) => {
    const refused = () => define(rest);
    expect(refused).toThrow(RookeryError);
    expect(refused).toThrow(`: ${field} is `);
    expect(refused).toThrow(shown);
    expect(refused).toThrow(/; use /);
  });

  it('is refused for a slip, with what is meant', () => {
    expect(() => define({ timeuot: '20s' } as object)).toThrow(
      'job type "type": timeuot is nothing that is read; did you mean timeout?',
    );
    expect(() => define({ dedupe: { until: 'finished', windw: '5m' } } as object)).toThrow(
      'dedupe.windw is nothing that is read; did you mean window?',
    );
    expect(() => define({ dedupe: { until: 'finished', window: '5m' } })).toThrow(
      'leave it out beside until',
    );
  });

  it('is told of everything that is wrong at once', () => {
    const refused = () => define({ lane: 'hihg', maxAttempts: 0, timeuot: '20s' } as object);
    expect(refused).toThrow('job type "type" has 3 errors:\n');
    for (const field of ['lane', 'maxAttempts', 'timeuot']) expect(refused).toThrow(`\n  ${field} is `);
  });
});
