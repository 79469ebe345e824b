import { describe, expect, it } from 'vitest';
import { waitingReasons, type WaitingFacts } from './waiting-reasons.js';

const LATER = '2026-11-26T04:00:00.000Z';

const facts = ({
  job,
  ...part
}: Partial<Omit<WaitingFacts, 'job'>> & { job?: Partial<WaitingFacts['job']> } = {}): WaitingFacts => ({
  nowMs: Date.parse('2026-11-26T03:00:00Z'),
  pausedAt: null,
  workers: [
    {
      queues: ['mail'],
      types: ['greet'],
      draining: false,
      slotsByQueue: { mail: { busy: 3, concurrency: 10, retryBusy: 10, retryConcurrency: 10 } },
    },
  ],
  ahead: 0,
  isPartial: false,
  ...part,
  job: { name: 'greet', queue: 'mail', attempt: 0, maxAttempts: 3, dueAt: null, history: [], ...job },
});

const run = (outcome: 'failed' | 'snoozed'): WaitingFacts['job']['history'][number] => ({
  run: 1,
  attempt: 1,
  outcome,
  worker: 'w',
  startedAt: '2026-11-26T02:00:00.000Z',
  endedAt: '2026-11-26T02:01:00.000Z',
});

const codesOf = (given: WaitingFacts): string[] => waitingReasons(given).map(({ code }) => code);

describe('why a job waits', () => {
  it('is nothing but its turn when it may run, has a worker and nobody is before it', () => {
    expect(codesOf(facts())).toEqual(['next']);
  });

  it('is all that would have to change: the pause, the time, the worker', () => {
    expect(codesOf(facts({ pausedAt: LATER, workers: [], job: { dueAt: LATER } }))).toEqual([
      'queue_paused',
      'not_due',
      'no_worker',
    ]);
  });

  it('tells backing off and snoozing from a time that was asked for', () => {
    expect(codesOf(facts({ job: { dueAt: LATER, attempt: 1, history: [run('failed')] } }))).toEqual([
      'backing_off',
    ]);
    expect(codesOf(facts({ job: { dueAt: LATER, history: [run('snoozed')] } }))).toEqual(['snoozed']);
  });

  it('is no time that has passed', () => {
    expect(codesOf(facts({ job: { dueAt: '2026-11-26T02:00:00.000Z' } }))).toEqual(['next']);
  });

  it('counts no worker that drains or lacks the type', () => {
    const [worker] = facts().workers;
    expect(worker).toBeDefined();
    if (!worker) return;
    expect(
      codesOf(
        facts({
          workers: [
            { ...worker, draining: true },
            { ...worker, types: ['paint'] },
          ],
        }),
      ),
    ).toEqual(['no_worker']);
  });

  it('is the slots of its kind, and those ahead of it', () => {
    expect(codesOf(facts({ ahead: 7 }))).toEqual(['jobs_ahead']);
    const again = facts({ ahead: 10_000, isPartial: true, job: { attempt: 1, history: [run('failed')] } });
    expect(waitingReasons(again).map(({ text }) => text)).toEqual([
      'All 10 slots for jobs that run again for the queue mail are busy; one has to become free.',
      'At least 10,000 jobs are ahead of it.',
    ]);
  });
});
