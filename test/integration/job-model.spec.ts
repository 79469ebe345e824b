import { describe, expect, it } from 'vitest';
import { brokenProtocols } from '../support/job-model-broken.js';
import { checkModel } from '../support/job-model-check.js';
import { failOnLeaks } from '../support/leaks.js';

/** Seconds; test/long runs thousands. */
const RUNS = 25;
/** The same rows in every run, so that a red run can be repeated; test/long takes new ones. */
const SEED = '7';

failOnLeaks();

describe('jobs in the tables and in the model', () => {
  it('are the same after every command, and after several at once in some order', async () => {
    const met = await checkModel({ runs: RUNS, seed: process.env['MODEL_SEED'] ?? SEED });
    // A check that never gets anywhere would prove little.
    expect([...met.keys()]).toEqual(
      expect.arrayContaining([
        'audit: passed',
        'cancel: canceled',
        'cancel: executing',
        'claim: left',
        'claim: run',
        'enqueue: claimed',
        'enqueue: duplicate',
        'enqueue: sealed',
        'lose: lost',
        'retry: reopened',
        'settle: refused',
        'settle: settled canceled',
        'settle: settled done',
        'settle: settled failed',
        'settle: settled waiting',
        'together, not raced',
        'together, raced',
      ]),
    );
  });

  it.each(brokenProtocols)('differ with %s, and the row that shows it is told', async (_, broken) => {
    await expect(checkModel({ runs: 400, seed: SEED, broken })).rejects.toThrow(
      /the row that differs: [^]*MODEL_SEED='-?\d+ /,
    );
  });
});
