import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { PostgresMeter } from '../postgres-meter.js';
import { NoOp, startApplication } from '../application.js';
import { untilCount } from '../until-count.js';
import { withWorkers } from './worker-processes.js';
import { assertAllDone, doneCount, type Workload } from './workload.js';

const JOBS = 1_000_000;
const A_CALL = 10_000;
/** Most jobs that wait at a time: it is about a worker at work, not about a backlog. */
const MOST_WAITING = 50_000;
const LOOK_MS = 200;
/** After the last job, for what is let go on a timer. */
const SETTLED_MS = 5_000;

/** What a worker process of its own has grown by after a million jobs. */
export const memory: Workload = {
  name: `resident memory of a worker after ${JOBS.toLocaleString('en')} jobs`,
  units: { idle: 'MB', early: 'MB after the first tenth', after: 'MB', growth: 'MB', rate: 'jobs/s' },
  async run({ meter, ...settings }) {
    const submitter = await startApplication({ ...settings, entry: ['job'] });
    const done = (): Promise<number> => doneCount(meter);
    const figures = await withWorkers(1, settings, async ([worker]) => {
      const pid = worker?.pid ?? 0;
      await untilCount('workers', 1, () => workerCount(meter), LOOK_MS);
      await delay(SETTLED_MS);
      const idle = await residentMb(pid);
      let early = Number.NaN;
      const startedAt = performance.now();
      for (let at = 0; at < JOBS; at += A_CALL) {
        if (at === JOBS / 10) early = await residentMb(pid);
        const items = Array.from({ length: A_CALL }, (_, n) => ({ payload: { n: at + n } }));
        await submitter.jobs.enqueueMany(NoOp, items);
        await untilCount('jobs done', at + A_CALL - MOST_WAITING, done, LOOK_MS);
      }
      await untilCount('jobs done', JOBS, done, LOOK_MS);
      const seconds = (performance.now() - startedAt) / 1_000;
      await delay(SETTLED_MS);
      const after = await residentMb(pid);
      return { idle, early, after, growth: after - idle, rate: JOBS / seconds };
    });
    await submitter.stop();
    await assertAllDone(meter, JOBS);
    return figures;
  },
};

async function workerCount(meter: PostgresMeter): Promise<number> {
  return (await meter.query('SELECT id FROM worker WHERE stopped_at IS NULL')).length;
}

async function residentMb(pid: number): Promise<number> {
  const line = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(line) / 1024;
}
