import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineJob, type AbortReason, type JobOptions, type JobType } from '../../src/modules/job/index.js';
import { aborted, gate, handlerOf, Tally, untilAborted, type Script } from '../support/handlers.js';
import { rookeryScene, type AppOptions } from '../support/rookery-app.js';

const scene = rookeryScene();
const NOTHING = z.object({});
const backoff = { initial: '10ms', jitter: 'none' } as const;

const timesOut = (name: string, rest: Partial<Parameters<typeof defineJob>[0]> = {}) =>
  defineJob({ name, payload: NOTHING, timeout: '100ms', maxAttempts: 1, backoff, ...rest });

async function enqueue(
  type: JobType,
  handle: Script<JobType>['handle'],
  options: JobOptions = {},
  app: AppOptions = {},
) {
  const started = await scene.start({ ...app, handlers: [handlerOf(type, handle)] });
  return { app: started, id: (await started.jobs.enqueue(type, {}, options)).id };
}

describe('a run that exceeds its timeout', () => {
  it('has its signal aborted with the cause, and fails with that reason', async () => {
    let reason: unknown;
    const { id } = await enqueue(timesOut('polite'), async (_, { signal }) => {
      reason = await aborted(signal);
      throw new Error('what the handler made of it');
    });
    const { history } = await scene.reaches(id, 'failed');
    expect((reason as AbortReason).abortedBy).toBe('timeout');
    expect(history).toMatchObject([
      { outcome: 'failed', error: { message: 'the run exceeded its timeout of 100ms' } },
    ]);
  });

  it('is tried again by default, while attempts remain', async () => {
    const { id } = await enqueue(timesOut('again', { maxAttempts: 2 }), (_, ctx) =>
      ctx.attempt === 1 ? untilAborted(ctx) : 'in time',
    );
    expect(await scene.reaches(id, 'done')).toMatchObject({ run: 2, result: 'in time' });
  });

  it('ends failed at once with onTimeout fail, though attempts remain', async () => {
    const { id } = await enqueue(timesOut('fatal', { maxAttempts: 5, onTimeout: 'fail' }), (_, ctx) =>
      untilAborted(ctx),
    );
    expect(await scene.reaches(id, 'failed')).toMatchObject({ run: 1 });
  });

  it('ends canceled with onTimeout cancel, and keeps why', async () => {
    const { id } = await enqueue(timesOut('called-off', { maxAttempts: 5, onTimeout: 'cancel' }), (_, ctx) =>
      untilAborted(ctx),
    );
    expect(await scene.reaches(id, 'canceled')).toMatchObject({
      run: 1,
      history: [{ outcome: 'canceled', error: { message: 'the run exceeded its timeout of 100ms' } }],
    });
  });

  it('ends done when the handler finishes within the grace', async () => {
    const { id } = await enqueue(timesOut('just'), async (_, { signal }) => {
      await aborted(signal);
      return 'just in time';
    });
    expect(await scene.reaches(id, 'done')).toMatchObject({ result: 'just in time', history: [] });
  });

  it('does not ask onError what the timeout means', async () => {
    const asked = new Tally();
    const type = timesOut('unasked');
    const handler = handlerOf(type, {
      handle: (_, ctx) => untilAborted(ctx),
      onError: () => {
        asked.add();
        return 'done';
      },
    });
    const { jobs } = await scene.start({ handlers: [handler] });
    const { id } = await jobs.enqueue(type, {});
    await scene.reaches(id, 'failed');
    expect(asked.count).toBe(0);
  });

  it('counts the time onError takes as its own', async () => {
    const type = timesOut('slow-judge');
    const handler = handlerOf(type, {
      handle: () => {
        throw new Error('first');
      },
      onError: (_, ctx) => untilAborted(ctx),
    });
    const { jobs } = await scene.start({ handlers: [handler] });
    const { id } = await jobs.enqueue(type, {});
    expect(await scene.reaches(id, 'failed')).toMatchObject({ history: [{ outcome: 'failed' }] });
  });
});

describe('a handler that ignores its signal', () => {
  const one: AppOptions = { config: { defaults: { concurrency: 1, retryConcurrency: 1 } } };

  it('has its run settled after the grace; its slot is stuck until it ends, and then free', async () => {
    const Stubborn = timesOut('stubborn');
    const ends = gate();
    let runs = 0;
    const handler = handlerOf(Stubborn, () => (++runs === 1 ? ends.opened : 'next'));
    const { jobs, health, beat } = await scene.start({ ...one, handlers: [handler] });
    const first = await jobs.enqueue(Stubborn, {});
    const { history } = await scene.reaches(first.id, 'failed');
    expect(history).toMatchObject([{ error: { message: 'the run exceeded its timeout of 100ms' } }]);
    const second = await jobs.enqueue(Stubborn, {});
    await beat();
    const slots = () =>
      scene.query(
        `SELECT slots -> 'busy' AS busy, slots -> 'stuck' AS stuck FROM worker WHERE stopped_at IS NULL`,
      );
    expect(await slots()).toEqual([{ busy: 1, stuck: 1 }]);
    expect((await scene.job(second.id)).status).toBe('waiting');
    expect(health.report()['worker']?.isLive).toBe(true);
    ends.open();
    await scene.reaches(second.id, 'done');
    await beat();
    expect(await slots()).toEqual([{ busy: 0, stuck: 0 }]);
    expect(await scene.job(first.id)).toMatchObject({ status: 'failed', result: null, run: 1 });
  });

  it('leaves the worker alive until every slot is stuck, then not live, then live again', async () => {
    const Deaf = timesOut('deaf', { maxAttempts: 2 });
    const ends = gate();
    const { app, id } = await enqueue(Deaf, () => ends.opened, {}, one);
    await scene.reaches(id, 'failed');
    expect(app.health.report()['worker']).toMatchObject({
      isLive: false,
      detail: '2 of 2 slots busy, 2 stuck',
    });
    ends.open();
    await expect.poll(() => app.health.report()['worker']?.isLive).toBe(true);
  });
});

describe('the timeout that counts', () => {
  it.each([
    ['the job’s before the type’s', { timeout: '60ms' }, { timeout: '10s' }, {}, '60ms'],
    [
      'the type’s before the queue’s',
      {},
      { timeout: '70ms' },
      { queues: { precedence: { timeout: '10s' } } },
      '70ms',
    ],
    [
      'the queue’s before the global one',
      {},
      {},
      { queues: { precedence: { timeout: '80ms' } }, defaults: { timeout: '10s' } },
      '80ms',
    ],
    ['the global one where nothing else is said', {}, {}, { defaults: { timeout: '90ms' } }, '90ms'],
  ] as const)('is %s', async (_, options, own, config, wanted) => {
    const type = defineJob({ name: 'precedence', payload: NOTHING, maxAttempts: 1, ...own });
    const { id } = await enqueue(type, (__, ctx) => untilAborted(ctx), options, { config });
    const { history } = await scene.reaches(id, 'failed');
    expect(history[0]?.error?.message).toBe(`the run exceeded its timeout of ${wanted}`);
  });

  it.each([
    ['the job says none', { timeout: 'none' }, {}],
    ['the type says none', {}, { timeout: 'none' }],
  ] as const)('is none when %s', async (_, options, own) => {
    const type = defineJob({ name: 'precedence', payload: NOTHING, maxAttempts: 1, ...own });
    const ends = gate();
    const { id } = await enqueue(
      type,
      async (__, { signal }) => {
        await ends.opened;
        return signal.aborted;
      },
      options,
      { config: { defaults: { timeout: '20ms' }, queues: { precedence: { timeout: '20ms' } } } },
    );
    // A job beside it with the queue's timeout shows that this time has passed.
    const other = defineJob({ name: 'control', queue: 'control', payload: NOTHING, maxAttempts: 1 });
    const control = await scene.start({
      handlers: [handlerOf(other, (__, ctx) => untilAborted(ctx))],
      config: { defaults: { timeout: '60ms' } },
    });
    await scene.reaches((await control.jobs.enqueue(other, {})).id, 'failed');
    ends.open();
    expect(await scene.reaches(id, 'done')).toMatchObject({ result: false });
  });
});
