import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isOpen,
  jobStates,
  openStates,
  runOutcomes,
  settlementOf,
  transitions,
  type EndedRun,
} from './state-machine.js';

const endedRuns: fc.Arbitrary<EndedRun> = fc
  .record({
    outcome: fc.constantFrom(...runOutcomes),
    maxAttempts: fc.integer({ min: 1, max: 1_000 }),
    isFinal: fc.boolean(),
  })
  .chain((run) => fc.integer({ min: 1, max: run.maxAttempts }).map((attempt) => ({ ...run, attempt })));

describe('the transitions', () => {
  it('leave done for nothing, and lead back from failed and canceled to waiting alone', () => {
    expect(transitions.done).toEqual([]);
    expect(transitions.failed).toEqual(['waiting']);
    expect(transitions.canceled).toEqual(['waiting']);
  });

  it('let a job execute only from waiting, and end by itself only from an open state', () => {
    const sourcesOf = (to: string) =>
      jobStates.filter((from) => transitions[from].some((state) => state === to));
    expect(sourcesOf('executing')).toEqual(['waiting']);
    expect(sourcesOf('done')).toEqual(['executing']);
    expect(sourcesOf('failed')).toEqual(['executing']);
    expect(sourcesOf('canceled')).toEqual(['waiting', 'executing']);
  });

  it('call open exactly the states from which a job moves on by itself', () => {
    expect(jobStates.filter(isOpen)).toEqual([...openStates]);
  });
});

describe('the settlement of a run', () => {
  it('is always a legal transition out of executing', () => {
    fc.assert(
      fc.property(endedRuns, (run) => {
        expect(transitions.executing).toContain(settlementOf(run).status);
      }),
    );
  });

  it('takes the attempt back exactly for what was no fault of the job', () => {
    fc.assert(
      fc.property(endedRuns, (run) => {
        expect(settlementOf(run).isRefunded).toBe(run.outcome === 'snoozed' || run.outcome === 'interrupted');
      }),
    );
  });

  it('never gives a job more attempts than it may have: with the last one failed or lost it is failed', () => {
    fc.assert(
      fc.property(endedRuns, (run) => {
        const { status, isRefunded } = settlementOf(run);
        if (status === 'waiting' && !isRefunded) expect(run.attempt).toBeLessThan(run.maxAttempts);
      }),
    );
  });

  it.each([
    ['succeeded', { status: 'done', isRefunded: false }],
    ['canceled', { status: 'canceled', isRefunded: false }],
    ['snoozed', { status: 'waiting', isRefunded: true }],
    ['interrupted', { status: 'waiting', isRefunded: true }],
    ['failed', { status: 'waiting', isRefunded: false }],
    ['lost', { status: 'waiting', isRefunded: false }],
  ] as const)('after %s with attempts to spare is %o', (outcome, settlement) => {
    expect(settlementOf({ outcome, attempt: 1, maxAttempts: 3 })).toEqual(settlement);
  });

  it.each(['failed', 'lost'] as const)(
    'after %s is failed with the last attempt, or when nothing can mend it',
    (outcome) => {
      const failed = { status: 'failed', isRefunded: false };
      expect(settlementOf({ outcome, attempt: 3, maxAttempts: 3 })).toEqual(failed);
      expect(settlementOf({ outcome, attempt: 1, maxAttempts: 3, isFinal: true })).toEqual(failed);
    },
  );

  it('after a snooze or an interruption waits again even with the last attempt', () => {
    for (const outcome of ['snoozed', 'interrupted'] as const) {
      expect(settlementOf({ outcome, attempt: 3, maxAttempts: 3 }).status).toBe('waiting');
    }
  });
});
