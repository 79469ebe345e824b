import { NoOp, startApplication } from '../application.js';
import { percentile } from '../figures.js';
import { allStarted } from './starts.js';
import { assertAllDone, type Workload } from './workload.js';

const A_SECOND = 100;
const SECONDS = 20;
const JOBS = A_SECOND * SECONDS;

/** Jobs at a steady pace into an idle worker: from the call of enqueue to the handler's start. */
export const latency: Workload = {
  name: `${A_SECOND} jobs/s for ${SECONDS} s into an idle worker, enqueue → start`,
  units: { p50: 'ms', p95: 'ms', p99: 'ms' },
  async run({ meter, ...settings }) {
    const application = await startApplication({ ...settings, entry: ['all'] });
    const calledAt = new Float64Array(JOBS);
    const waits: number[] = [];
    const started = allStarted(JOBS, (n) => waits.push(performance.now() - (calledAt[n] ?? 0)));
    const accepted: Promise<unknown>[] = [];
    const startedAt = performance.now();
    for (let n = 0; n < JOBS; n++) {
      const dueAt = startedAt + (n * 1_000) / A_SECOND;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueAt - performance.now())));
      calledAt[n] = performance.now();
      accepted.push(application.jobs.enqueue(NoOp, { n }));
    }
    await Promise.all([...accepted, started]);
    await application.stop();
    await assertAllDone(meter, JOBS);
    return { p50: percentile(waits, 0.5), p95: percentile(waits, 0.95), p99: percentile(waits, 0.99) };
  },
};
