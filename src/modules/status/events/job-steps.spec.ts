import { describe, expect, it } from 'vitest';
import type { JobState } from '../../job/index.js';
import { stepsBetween } from './job-steps.js';

const at = (status: JobState, run: number) => ({ id: 'a', status, run });
const told = (before: ReturnType<typeof at>, now: ReturnType<typeof at>) =>
  stepsBetween(before, now).map(({ status, run }) => `${status} ${run}`);

describe('the steps of a job between two looks', () => {
  it.each([
    ['nothing happened', at('executing', 1), at('executing', 1), []],
    ['it was taken', at('waiting', 0), at('executing', 1), ['executing 1']],
    ['it ended', at('executing', 1), at('done', 1), ['done 1']],
    ['it began and ended', at('waiting', 0), at('done', 1), ['executing 1', 'done 1']],
    ['it was returned', at('executing', 1), at('waiting', 1), ['waiting 1']],
    ['it was tried again', at('executing', 1), at('executing', 2), ['waiting 1', 'executing 2']],
    [
      'it failed twice and was done',
      at('waiting', 0),
      at('done', 3),
      ['executing 1', 'waiting 1', 'executing 2', 'waiting 2', 'executing 3', 'done 3'],
    ],
    ['it was canceled while it waited', at('waiting', 2), at('canceled', 2), ['canceled 2']],
    ['it was run again by hand', at('failed', 3), at('waiting', 3), ['waiting 3']],
    [
      'it was run again by hand and done',
      at('failed', 3),
      at('done', 4),
      ['waiting 3', 'executing 4', 'done 4'],
    ],
    ['it was reopened and canceled', at('failed', 3), at('canceled', 3), ['waiting 3', 'canceled 3']],
  ])('when %s', (_, before, now, steps) => {
    expect(told(before, now)).toEqual(steps);
  });

  it('are bounded, and end where it stands', () => {
    const steps = told(at('waiting', 0), at('done', 1_000_000));
    expect(steps.length).toBeLessThanOrEqual(101);
    expect(steps.at(-1)).toBe('done 1000000');
  });

  it('end with the standing itself, whatever else it holds', () => {
    const now = { ...at('done', 1), attempt: 1 };
    expect(stepsBetween(at('executing', 1), now)).toEqual([now]);
  });
});
