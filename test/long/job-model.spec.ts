import { expect, it } from 'vitest';
import { checkModel } from '../support/job-model-check.js';

/** About two minutes. */
const RUNS = Number(process.env['MODEL_RUNS'] ?? 800);

it(`finds the same in the tables and in the model after each command of ${RUNS} rows`, async () => {
  const met = await checkModel({ runs: RUNS, seed: process.env['MODEL_SEED'] });
  process.stdout.write(
    `${[...met]
      .map(([word, count]) => `${word}: ${count}`)
      .sort()
      .join('\n')}\n`,
  );
  expect(met.size).toBeGreaterThan(15);
});
