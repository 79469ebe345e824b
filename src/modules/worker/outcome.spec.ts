import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { RookeryError } from '../../kernel/errors.js';
import { defineJob } from '../job/index.js';
import { ended, storedError, succeeded, timedOut } from './outcome.js';
import { Run } from './run.js';

const STARTED = new Date('2026-01-31T12:00:00Z');
const ENDED = new Date('2026-01-31T12:00:05Z');
const half = () => 0.5;

function runOf(attempt = 1, maxAttempts = 3): Run {
  const type = defineJob({ name: 'type', payload: z.object({}), backoff: { initial: '1s' } });
  const job = {
    id: '019c0000-0000-7000-8000-000000000000',
    queue: 'type',
    name: 'type',
    payload: {},
    run: 7,
    attempt,
    maxAttempts,
    timeoutMs: null,
    objectId: null,
    batchId: null,
    dueAt: null,
    trace: null,
    startedAt: STARTED,
  };
  return new Run(job, type, { handle: () => undefined }, 'worker', { release: () => undefined });
}

describe('a run that succeeded', () => {
  it('has its value as JSON text', () => {
    expect(succeeded(runOf(), { a: 1 }, ENDED)).toEqual({
      kind: 'succeeded',
      id: runOf().job.id,
      run: 7,
      isMember: false,
      result: '{"a":1}',
      children: [],
    });
    expect(succeeded(runOf(), undefined, ENDED)).toMatchObject({ result: 'null' });
  });

  it.each([
    ['cannot be stored', 1n],
    ['is too large', 'x'.repeat(1_048_577)],
  ])('with a value that %s has failed for good, though attempts remain', (_, value) => {
    expect(succeeded(runOf(), value, ENDED)).toMatchObject({
      kind: 'other',
      status: 'failed',
      entry: { outcome: 'failed', error: { code: 'unstorable_result' } },
    });
  });
});

describe('a run that ended otherwise', () => {
  it('is told in full in its history entry', () => {
    const { entry } = ended(runOf(2), { outcome: 'failed', error: new Error('no') }, ENDED, half);
    expect(entry).toEqual({
      run: 7,
      attempt: 2,
      outcome: 'failed',
      worker: 'worker',
      startedAt: '2026-01-31T12:00:00.000Z',
      endedAt: '2026-01-31T12:00:05.000Z',
      error: { message: 'no', stack: expect.stringContaining('Error: no') as string },
    });
  });

  it('waits for the type’s backoff after what is charged, for its own delay after a snooze, and not at all when interrupted', () => {
    for (const outcome of ['failed', 'lost'] as const) {
      expect(ended(runOf(2), { outcome }, ENDED, half)).toMatchObject({ status: 'waiting', delayMs: 1_000 });
    }
    expect(ended(runOf(), { outcome: 'snoozed', delayMs: 42 }, ENDED)).toMatchObject({
      delayMs: 42,
      isRefunded: true,
    });
    expect(ended(runOf(), { outcome: 'interrupted' }, ENDED)).toMatchObject({ delayMs: 0, isRefunded: true });
  });

  it('has failed with the last attempt, or when it is final; is done when onError said so', () => {
    expect(ended(runOf(3), { outcome: 'failed' }, ENDED)).toMatchObject({ status: 'failed' });
    expect(ended(runOf(3), { outcome: 'lost' }, ENDED)).toMatchObject({ status: 'failed' });
    expect(ended(runOf(1), { outcome: 'failed', isFinal: true }, ENDED)).toMatchObject({ status: 'failed' });
    expect(ended(runOf(3), { outcome: 'failed', isDone: true }, ENDED)).toMatchObject({ status: 'done' });
  });

  it('by its timeout ends as its type wants it', () => {
    const error = new Error('late');
    expect(timedOut('retry', error)).toEqual({ outcome: 'failed', error });
    expect(timedOut('fail', error)).toEqual({ outcome: 'failed', error, isFinal: true });
    expect(timedOut('cancel', error)).toEqual({ outcome: 'canceled', error });
  });
});

describe('a stored error', () => {
  it('keeps code, message and stack, and no more', () => {
    const stored = storedError(
      new RookeryError('no_such_job', 'gone', { secret: 1 }, { cause: new Error('deep') }),
    );
    expect(Object.keys(stored)).toEqual(['code', 'message', 'stack']);
    expect(stored).toMatchObject({ code: 'no_such_job', message: 'gone' });
  });

  it('leaves out a code that is no text, and a stack that is missing', () => {
    const error = Object.assign(new Error('x'), { code: 42 });
    delete error.stack;
    expect(storedError(error)).toEqual({ message: 'x' });
  });

  it('takes anything that can be thrown', () => {
    expect(storedError('text').message).toBe('thrown value is not an Error: text');
    expect(storedError(undefined).message).toBe('thrown value is not an Error: undefined');
    const hostile = new Error();
    Object.defineProperty(hostile, 'message', {
      get: () => {
        throw new Error('mine');
      },
    });
    expect(storedError(hostile).message).toBe('the error cannot be read: its own code throws');
  });

  it('is at most 4 KiB, whatever the characters', () => {
    const error = Object.assign(new Error('🦜'.repeat(9_999)), { code: '日'.repeat(999) });
    error.stack = 'é'.repeat(9_999);
    expect(Buffer.byteLength(JSON.stringify(storedError(error)))).toBeLessThanOrEqual(4_096);
  });
});
