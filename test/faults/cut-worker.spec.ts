import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import {
  expectEach,
  expectUnbroken,
  loadThrough,
  metricOf,
  nothingIsOpen,
  outcomesIn,
} from '../support/fault-load.js';
import { enqueueBulk } from '../support/process-api.js';
import type { RookeryProcess } from '../support/rookery-process.js';
import { useServiceScene } from '../support/service-scene.js';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

const scene = useServiceScene({ jobs: 'workload' });
let toNats: TcpProxy;
let toPostgres: TcpProxy;
let job: RookeryProcess;
/** The one whose networks are cut. */
let cutOff: RookeryProcess;
let other: RookeryProcess;
const ids: string[] = [];

/** Longer than a cut takes, shorter than the lease. */
const LONG_MS = 3_000;
const settings = { ROOKERY_DEFAULTS_VISIBILITY_TIMEOUT: '15s', ROOKERY_DEFAULTS_POLL_INTERVAL: '2s' };

function by(proxy: TcpProxy, url: string): string {
  const changed = new URL(url);
  changed.port = String(proxy.port);
  return changed.href;
}

const succeeded = (started: RookeryProcess): Promise<number> =>
  metricOf(started, 'rookery_jobs_settled_total', 'outcome="succeeded"');

/** Resolves when that worker has done some more jobs. */
async function worksOn(started: RookeryProcess): Promise<void> {
  const before = await succeeded(started);
  await eventually(async () => (await succeeded(started)) > before + 10, { withinMs: 30_000 });
}

/** Enqueues jobs that take their time until that worker has one of them under way. */
async function holdsLongRun(worker: RookeryProcess): Promise<void> {
  await eventually(
    async () => {
      ids.push(...(await enqueueBulk(job, [{ name: 'work', payload: { ms: LONG_MS }, maxAttempts: 20 }])));
      const held = await scene.database.query(
        `SELECT FROM job JOIN worker ON worker.id = worker_id
          WHERE status = 'executing' AND pid = $1 AND job.payload ->> 'ms' = $2::text AND job.started_at > now() - interval '1 s'`,
        [worker.pid, String(LONG_MS)],
      );
      return held.length > 0;
    },
    { everyMs: 100, withinMs: 30_000 },
  );
}

beforeAll(async () => {
  const database = new URL(scene.database.url);
  toNats = await openTcpProxy({ host: '127.0.0.1', port: scene.nats.port });
  toPostgres = await openTcpProxy({ host: database.hostname, port: Number(database.port) });
  job = scene.start('job,scheduler', [], settings);
  await job.ready();
  other = scene.start('worker', [], settings);
  cutOff = scene.start('worker', [], {
    ...settings,
    NATS_URL: by(toNats, scene.nats.url),
    DATABASE_URL: by(toPostgres, scene.database.url),
  });
  await Promise.all([other.ready(), cutOff.ready()]);
}, 120_000);
afterAll(async () => {
  await scene.stopAll();
  await toNats.close();
  await toPostgres.close();
});

it('a worker that is cut off from NATS alone runs jobs from the table, and takes tickets again afterwards', async () => {
  const load = loadThrough(job);
  await worksOn(cutOff);
  expect(await metricOf(cutOff, 'rookery_transport_up')).toBe(1);
  await toNats.cut();
  await cutOff.line(/NATS is away/);
  expect(await metricOf(cutOff, 'rookery_transport_up')).toBe(0);
  expect(await metricOf(other, 'rookery_transport_up')).toBe(1);
  const taken = await metricOf(cutOff, 'rookery_tickets_total', 'event="taken"');
  await worksOn(cutOff);
  expect(await metricOf(cutOff, 'rookery_tickets_total', 'event="taken"')).toBe(taken);
  await toNats.restore();
  await cutOff.line(/NATS is (back|there)/);
  await eventually(async () => (await metricOf(cutOff, 'rookery_tickets_total', 'event="taken"')) > taken, {
    withinMs: 30_000,
  });
  await load.end();
  ids.push(...load.ids);
  await nothingIsOpen(scene.database.query);
  // The control of the next test: without a lost lease nothing is lost.
  expect((await outcomesIn(scene.database.query))['lost']).toBeUndefined();
});

it('one that is cut off from PostgreSQL alone, for longer than its lease, loses its runs to the other, and takes a new lease afterwards', async () => {
  const load = loadThrough(job);
  await worksOn(cutOff);
  await holdsLongRun(cutOff);
  await toPostgres.cut();
  await cutOff.line(/the lease could not be renewed/);
  expect(await metricOf(cutOff, 'rookery_lease_held')).toBe(0);
  await job.line(/is lost: it was silent for 15000 ms/);
  await worksOn(other);
  await toPostgres.restore();
  await eventually(async () => (await metricOf(cutOff, 'rookery_lease_held')) === 1, { withinMs: 30_000 });
  await worksOn(cutOff);
  await load.end();
  ids.push(...load.ids);
  await nothingIsOpen(scene.database.query);
  expect(await metricOf(cutOff, 'rookery_leases_lost_total')).toBe(1);
  expect(await metricOf(other, 'rookery_leases_lost_total')).toBe(0);
  expect((await outcomesIn(scene.database.query))['lost']).toBeGreaterThan(0);
  await expectEach(scene.database.query, ids, 'done');
  await expectUnbroken(scene, ids);
});
