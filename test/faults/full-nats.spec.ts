import { beforeAll, expect, it } from 'vitest';
import { expectEach, expectUnbroken, metricOf } from '../support/fault-load.js';
import { enqueueBulk } from '../support/process-api.js';
import type { RookeryProcess } from '../support/rookery-process.js';
import { useServiceScene } from '../support/service-scene.js';

/** A few hundred tickets, by the server's own limit: it refuses what is beyond, and its JetStream goes on. */
const STORE_BYTES = 32 * 1024;
const REQUESTS = 150;
const A_REQUEST = 10;

const scene = useServiceScene({ jobs: 'workload', nats: { mostStoreBytes: STORE_BYTES } });
let job: RookeryProcess;

const dropped = (): Promise<number> => metricOf(job, 'rookery_tickets_total', 'event="dropped"');

async function enqueueSome(): Promise<string[]> {
  const jobs = Array.from({ length: A_REQUEST }, () => ({ name: 'work', payload: { ms: 1 } }));
  return [...(await enqueueBulk(job, jobs))];
}

beforeAll(async () => {
  job = scene.start('job,scheduler');
  await job.ready();
}, 120_000);

it('a NATS store that is full costs no job: enqueues are accepted, and what found no room for its ticket is found in the table', async () => {
  const ids = await enqueueSome();
  // The control: there is room for some.
  expect(await dropped()).toBe(0);
  for (let request = 1; request < REQUESTS; request++) ids.push(...(await enqueueSome()));
  expect(await dropped()).toBeGreaterThan(0);
  const worker = scene.start('worker', [], { ROOKERY_DEFAULTS_POLL_INTERVAL: '2s' });
  await worker.ready();
  await expectUnbroken(scene, ids);
  await expectEach(scene.database.query, ids, 'done');
  expect(await metricOf(worker, 'rookery_tickets_total', 'event="taken"')).toBeGreaterThan(0);
});
