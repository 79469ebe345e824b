import { describe, expect, it } from 'vitest';
import { outboxBreaches, type DatabaseCrash, type ToldJob } from './outbox-invariants.js';

const AT = 1_000_000;
const CRASH: DatabaseCrash = { killedAt: AT + 500, backAt: AT + 900 };

/** Failed in its second run; both are recorded for process 11. */
const JOB: ToldJob = {
  id: 'a',
  name: 'send',
  status: 'failed',
  run: 2,
  attempt: 2,
  pid: 11,
  history: [1, 2].map((run) => ({ run, attempt: run, outcome: 'failed', pid: 11 })),
};

/** What is found when its runs began at these moments, each a row of ms after `AT`. */
function found(begins: Readonly<Record<number, readonly number[]>>, crashes = [CRASH]): string[] {
  const outbox = Object.entries(begins).flatMap(([run, moments]) =>
    moments.map((ms) => ({ id: 'a', run: Number(run), event: 'begin' as const, pid: 11, at: AT + ms })),
  );
  return outboxBreaches(outbox, [JOB], crashes);
}

const secondBegins = { 2: [20_000] };

describe('after a crash of the database', () => {
  it('a run may begin again whose claim it can have forgotten, once for each crash', () => {
    const laterCrash = { killedAt: AT + 1_050, backAt: AT + 1_090 };
    const thrice = { 1: [1_100, 0, 1_000], ...secondBegins };
    expect(found({ 1: [0, 1_000], ...secondBegins })).toEqual([]);
    expect(found(thrice, [CRASH, laterCrash])).toEqual([]);
    expect(found(thrice)).toEqual([expect.stringMatching(/run 1, attempt 1, began 3 times/)]);
  });

  it('a run may be unknown whose claim it can have forgotten', () => {
    expect(found({ 1: [0], 2: [100], 3: [600] })).toEqual([]);
  });

  it.each<[string, Readonly<Record<number, readonly number[]>>, RegExp]>([
    ['a run that began twice before it', { 1: [0, 400] }, /run 1, .* began 2 times/],
    ['a run that began twice when it was over', { 1: [1_000, 1_000] }, /run 1, .* began 2 times/],
    [
      'a run that began again whose claim was long on disk',
      { 1: [-9_000, 1_000] },
      /run 1, .* began 2 times/,
    ],
    [
      'an attempt that is not the first, whose claim is waited for',
      { 2: [0, 1_000] },
      /run 2, .* began 2 times/,
    ],
    ['an unknown run that began after it', { 3: [1_000] }, /run 3 began, which its record does not know/],
    ['an unknown run whose claim was long on disk', { 3: [-9_000] }, /run 3 began, which/],
    ['an unknown run of which one begin is explained', { 3: [600, 2_000] }, /run 3 began, which/],
  ])('%s is reported', (_title, begins, says) => {
    expect(found(begins)).toEqual([expect.stringMatching(says)]);
  });
});

it('without a crash a run begins once', () => {
  expect(found({ 1: [0], ...secondBegins }, [])).toEqual([]);
  expect(found({ 1: [0, 1_000], ...secondBegins }, [])).toHaveLength(1);
});
