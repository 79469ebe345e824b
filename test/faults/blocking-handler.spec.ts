import { beforeAll, expect, it } from 'vitest';
import { expectEach, expectUnbroken, metricOf, nothingIsOpen } from '../support/fault-load.js';
import { enqueue, enqueueBulk } from '../support/process-api.js';
import type { RookeryProcess } from '../support/rookery-process.js';
import { useServiceScene } from '../support/service-scene.js';

/** Longer than the lease, and than the watch may then take to judge it, so that each run is given to another before it ends. */
const BLOCKED_MS = 25_000;
const settings = { ROOKERY_DEFAULTS_VISIBILITY_TIMEOUT: '15s', ROOKERY_DEFAULTS_POLL_INTERVAL: '2s' };

const scene = useServiceScene({ jobs: 'workload' });
let job: RookeryProcess;
let workers: RookeryProcess[];

beforeAll(async () => {
  job = scene.start('job,scheduler', [], settings);
  // First, so that it has the duties: a worker that is blocked with them is judged only when they have gone to another.
  await job.ready();
  workers = [scene.start('worker', [], settings), scene.start('worker', [], settings)];
  await Promise.all(workers.map((worker) => worker.ready()));
}, 120_000);

it('a handler that holds its event loop beyond the lease fails by its attempts, its late outcomes are refused, and its neighbours end done', async () => {
  const neighbours = Array.from({ length: 60 }, () => ({
    name: 'work',
    payload: { ms: 100 },
    maxAttempts: 20,
  }));
  const blocking = await enqueue(job, 'block', { ms: BLOCKED_MS }, { maxAttempts: 2 });
  const ids = [...(await enqueueBulk(job, neighbours))];
  await nothingIsOpen(scene.database.query, 120_000);
  await expectEach(scene.database.query, [blocking], 'failed');
  await expectEach(scene.database.query, ids, 'done');
  const [row] = await scene.database.query<{ outcomes: string[] }>(
    `SELECT array(SELECT entry ->> 'outcome' FROM jsonb_array_elements(history) AS entry) AS outcomes FROM job WHERE id = $1`,
    [blocking],
  );
  expect(row?.outcomes).toEqual(['lost', 'lost']);
  const refusals = await Promise.all(
    workers.map((worker) => metricOf(worker, 'rookery_fence_refusals_total')),
  );
  expect(refusals.reduce((sum, count) => sum + count)).toBeGreaterThan(0);
  await expectUnbroken(scene, [blocking, ...ids]);
});
