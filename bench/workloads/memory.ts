import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { PostgresMeter } from '../postgres-meter.js';
import { NoOp, startApplication } from '../application.js';
import { startWorker } from './worker-processes.js';
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
    const worker = startWorker(settings);
    await untilRegistered(meter);
    await delay(SETTLED_MS);
    const idle = await residentMb(worker.pid);
    let early = Number.NaN;
    const startedAt = performance.now();
    for (let at = 0; at < JOBS; at += A_CALL) {
      if (at === JOBS / 10) early = await residentMb(worker.pid);
      const items = Array.from({ length: A_CALL }, (_, n) => ({ payload: { n: at + n } }));
      await submitter.jobs.enqueueMany(NoOp, items);
      while (at + A_CALL - (await doneCount(meter)) > MOST_WAITING) await delay(LOOK_MS);
    }
    while ((await doneCount(meter)) < JOBS) await delay(LOOK_MS);
    const seconds = (performance.now() - startedAt) / 1_000;
    await delay(SETTLED_MS);
    const after = await residentMb(worker.pid);
    await worker.stop();
    await submitter.stop();
    await assertAllDone(meter, JOBS);
    return { idle, early, after, growth: after - idle, rate: JOBS / seconds };
  },
};

async function untilRegistered(meter: PostgresMeter): Promise<void> {
  while ((await meter.query('SELECT id FROM worker WHERE stopped_at IS NULL LIMIT 1')).length === 0)
    await delay(LOOK_MS);
}

async function residentMb(pid: number): Promise<number> {
  const line = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(line) / 1024;
}
