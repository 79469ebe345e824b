import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectEach, expectUnbroken, loadThrough, metricOf, outcomesIn } from '../support/fault-load.js';
import type { RookeryProcess } from '../support/rookery-process.js';
import { useServiceScene } from '../support/service-scene.js';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

const SLOW_MS = 1_000;

const scene = useServiceScene({ jobs: 'workload' });
const settings = { ROOKERY_DEFAULTS_VISIBILITY_TIMEOUT: '15s', ROOKERY_DEFAULTS_POLL_INTERVAL: '2s' };
let toPostgres: TcpProxy;
let job: RookeryProcess;
let worker: RookeryProcess;

beforeAll(async () => {
  const database = new URL(scene.database.url);
  toPostgres = await openTcpProxy({ host: database.hostname, port: Number(database.port) });
  database.port = String(toPostgres.port);
  const slow = { ...settings, DATABASE_URL: database.href };
  job = scene.start('job,scheduler', [], slow);
  worker = scene.start('worker', [], slow);
  await Promise.all([job.ready(), worker.ready()]);
}, 120_000);
afterAll(async () => {
  await scene.stopAll();
  await toPostgres.close();
});

it('a server that takes a second longer for each statement costs time: every job is done, no lease is lost, nothing is recorded twice', async () => {
  const load = loadThrough(job);
  await load.more(50);
  toPostgres.delay(SLOW_MS);
  const beganAt = performance.now();
  await load.more(60);
  // The control: it was slow. Each request of ten jobs took a statement at least.
  expect(performance.now() - beganAt).toBeGreaterThan(5 * SLOW_MS);
  await load.end();
  await expectUnbroken(scene, load.ids);
  await expectEach(scene.database.query, load.ids, 'done');
  expect((await outcomesIn(scene.database.query))['lost']).toBeUndefined();
  expect(await metricOf(worker, 'rookery_leases_lost_total')).toBe(0);
  expect(await metricOf(worker, 'rookery_fence_refusals_total')).toBe(0);
  toPostgres.delay(0);
});
