import { beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import { defineConfig } from '../../src/config/index.js';
import { defineJob } from '../../src/modules/job/index.js';
import { controlStep } from '../../src/modules/scheduler/control-step.js';
import { Auditor } from '../../src/modules/scheduler/duties/auditor.js';
import { eventually } from '../support/eventually.js';
import { nothingIsOpen } from '../support/fault-load.js';
import { Tally, handlerOf } from '../support/handlers.js';
import { rookeryScene } from '../support/rookery-app.js';

const JOBS = 100_000;
const ROUND_MS = 10_000;
/** The shortest there may be. */
const POLL_INTERVAL_MS = 100;

const scene = rookeryScene();
const Task = defineJob({ name: 'task', payload: z.object({ n: z.number() }) });

// Those that one test leaves open would be run in the next.
beforeEach(() => scene.query('TRUNCATE job'));

/** How often the job of each `n` was run, and when each had been. */
class Runs {
  readonly each = new Tally();
  readonly handler = handlerOf(Task, ({ n }) => this.add(n));
  private readonly counts = new Uint8Array(JOBS);

  /** Those that were not run exactly once. */
  get others(): number {
    return this.counts.filter((count) => count !== 1).length;
  }

  private add(n: number): void {
    this.counts[n] = (this.counts[n] ?? 0) + 1;
    if (this.counts[n] === 1) this.each.add();
  }
}

/** Makes jobs whose every ticket is lost; answers the app that made them. */
async function lose() {
  const app = await scene.start({
    handlers: [handlerOf(Task, () => undefined)],
    hasWorker: false,
    maxTicketIds: 1_000_000,
  });
  app.transport.isDeaf = true;
  for (let at = 0; at < JOBS; at += 10_000) {
    await app.jobs.enqueueMany(
      Task,
      Array.from({ length: 10_000 }, (_, n) => ({ payload: { n: at + n } })),
    );
  }
  app.transport.isDeaf = false;
  return app;
}

it(`the auditor offers ${JOBS.toLocaleString('en')} lost tickets again within two rounds`, async () => {
  const app = await lose();
  const { database, transport } = app;
  transport.offers.length = 0;
  // Within the poll interval a ticket may merely be late.
  const enqueuedAt = database.clock.now();
  await eventually(() => database.clock.now() - enqueuedAt > POLL_INTERVAL_MS);
  const auditor = new Auditor({
    transport,
    config: defineConfig({ defaults: { pollInterval: `${POLL_INTERVAL_MS}ms` } }, {}),
    clock: database.clock,
  });
  auditor.begin();
  const step = controlStep(database.control);
  await auditor.runOnce(step);
  const first = new Set(transport.offeredIds).size;
  await auditor.runOnce(step);
  const both = new Set(transport.offeredIds).size;
  expect([first < JOBS, both]).toEqual([true, JOBS]);
});

it('a worker finds and runs them all within that time, each once', async () => {
  await (await lose()).stop();
  const runs = new Runs();
  const startedAt = performance.now();
  await scene.start({
    handlers: [runs.handler],
    config: { defaults: { concurrency: 500, maxBatchSize: 500 } },
  });
  await runs.each.reaches(JOBS);
  expect(performance.now() - startedAt).toBeLessThan(2 * ROUND_MS);
  await nothingIsOpen(scene.query);
  expect(runs.others).toBe(0);
  expect(await scene.query('SELECT status, run, count(*)::int AS count FROM job GROUP BY 1, 2')).toEqual([
    { status: 'done', run: 1, count: JOBS },
  ]);
});
