import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { expectUnbroken, metricOf } from '../support/fault-load.js';
import { begun } from '../support/outbox.js';
import { enqueueBulk } from '../support/process-api.js';
import type { RookeryProcess } from '../support/rookery-process.js';
import { useServiceScene } from '../support/service-scene.js';

const JOBS = 10;

const scene = useServiceScene({ jobs: 'workload' });
let job: RookeryProcess;
let stopped: RookeryProcess;

const settings = { ROOKERY_DEFAULTS_VISIBILITY_TIMEOUT: '15s', ROOKERY_DEFAULTS_POLL_INTERVAL: '2s' };
const ids: string[] = [];

/** Jobs that the worker is in the middle of when this resolves. */
async function hold(ms: number): Promise<readonly string[]> {
  const jobs = Array.from({ length: JOBS }, () => ({ name: 'work', payload: { ms }, maxAttempts: 5 }));
  const enqueued = await enqueueBulk(job, jobs);
  ids.push(...enqueued);
  await eventually(async () => {
    const wanted = new Set(enqueued.map((id) => `${id}/1`));
    return begun(await scene.outbox()).filter((run) => wanted.has(run)).length === JOBS;
  });
  return enqueued;
}

/** The runs of these jobs that came to be done, once all are. */
function doneIn(run: number, enqueued: readonly string[]): Promise<true> {
  return eventually(
    async () => {
      const [row] = await scene.database.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM job WHERE id = ANY ($1::uuid[]) AND status = 'done' AND run = $2`,
        [enqueued, run],
      );
      if (row?.count !== JOBS) throw new Error(`${row?.count} done in run ${run}\n${job.output}`);
      return true as const;
    },
    { withinMs: 60_000, everyMs: 100 },
  );
}

beforeAll(async () => {
  // It holds the duties before there is a worker who could: that a process which stands still gives them up is another scene.
  job = scene.start('job,scheduler', [], settings);
  await job.line(/holds the duties/);
  stopped = scene.start('worker', [], settings);
  await stopped.ready();
}, 120_000);
// A failed test leaves it standing, and it could not be asked to stop.
afterAll(() => stopped.signal('SIGCONT'));

it('a worker that stands still for less than its lease keeps its jobs and is refused nothing', async () => {
  const enqueued = await hold(1_500);
  stopped.signal('SIGSTOP');
  // A heartbeat is missing; nobody else may have its jobs for that.
  await eventually(async () => {
    const [lease] = await scene.database.query<{ silentMs: number }>(
      `SELECT (extract(epoch FROM clock_timestamp() - max(seen_at)) * 1000)::float8 AS "silentMs" FROM worker WHERE pid = $1`,
      [stopped.pid],
    );
    return (lease?.silentMs ?? 0) > 7_000;
  });
  stopped.signal('SIGCONT');
  await doneIn(1, enqueued);
  expect(await metricOf(stopped, 'rookery_fence_refusals_total')).toBe(0);
  expect(await metricOf(stopped, 'rookery_leases_lost_total')).toBe(0);
});

it('one that stands still for longer finds its jobs run by another: its late outcomes are refused and counted, and nothing is recorded twice', async () => {
  const enqueued = await hold(3_000);
  stopped.signal('SIGSTOP');
  const other = scene.start('worker', [], settings);
  await doneIn(2, enqueued);
  stopped.signal('SIGCONT');
  await eventually(async () => (await metricOf(stopped, 'rookery_fence_refusals_total')) === JOBS, {
    withinMs: 30_000,
  });
  await eventually(async () => (await metricOf(stopped, 'rookery_leases_lost_total')) === 1);
  expect(await metricOf(other, 'rookery_fence_refusals_total')).toBe(0);
  // Under its new lease it works on.
  await other.stop();
  await doneIn(1, await hold(10));
  await expectUnbroken(scene, ids);
});
