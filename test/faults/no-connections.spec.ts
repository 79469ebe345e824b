import { Client } from 'pg';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { expectEach, expectUnbroken, loadThrough } from '../support/fault-load.js';
import type { RookeryProcess } from '../support/rookery-process.js';
import { useServiceScene } from '../support/service-scene.js';

const scene = useServiceScene({ jobs: 'workload' });
let job: RookeryProcess;
let worker: RookeryProcess;
let strangers: Client[] = [];

/** Takes every connection that the server has left for the user of the scene. */
async function takeAll(): Promise<void> {
  for (;;) {
    const stranger = new Client({ connectionString: scene.database.url });
    stranger.on('error', () => undefined);
    try {
      await stranger.connect();
    } catch {
      return;
    }
    strangers.push(stranger);
  }
}

async function leave(): Promise<void> {
  await Promise.all(strangers.map((stranger) => stranger.end()));
  strangers = [];
}

/** Process ids of Rookery's sessions in the server, which are named for what they do. */
async function sessions(): Promise<number[]> {
  const rows = await scene.database.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '%:%'`,
  );
  return rows.map(({ pid }) => pid);
}

beforeAll(async () => {
  job = scene.start('job,scheduler');
  worker = scene.start('worker');
  await Promise.all([job.ready(), worker.ready()]);
}, 120_000);
afterEach(leave);

it('a server without a connection left for a worker that lost its own costs time and no job', async () => {
  const load = loadThrough(job);
  await load.more(50);
  await takeAll();
  const before = await sessions();
  // All that Rookery has; strangers have what it gives up.
  await scene.database.query('SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid', [before]);
  await takeAll();
  await worker.line(/too many clients|remaining connection slots/);
  await leave();
  await load.more(50);
  await load.end();
  await expectUnbroken(scene, load.ids);
  await expectEach(scene.database.query, load.ids, 'done');
  // The control: none of its sessions is one that it had before.
  const pids = await sessions();
  expect(pids.length).toBeGreaterThan(0);
  expect(pids.filter((pid) => before.includes(pid))).toEqual([]);
});
