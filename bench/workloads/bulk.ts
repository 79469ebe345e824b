import { NoOp, startApplication } from '../application.js';
import type { Workload } from './workload.js';

const JOBS = 100_000;
const A_CALL = 10_000;

/** Many jobs in few transactions, with nobody to run them. */
export const bulk: Workload = {
  name: `bulk enqueue of ${JOBS.toLocaleString('en')}, ${A_CALL.toLocaleString('en')} a call`,
  units: { rate: 'jobs/s', postgresCpu: 'µs/job', wal: 'B/job' },
  async run({ meter, ...settings }) {
    const submitter = await startApplication({ ...settings, entry: ['job'] });
    await meter.checkpoint();
    const { result, cost } = await meter.during(async () => {
      const startedAt = performance.now();
      for (let at = 0; at < JOBS; at += A_CALL) {
        await submitter.jobs.enqueueMany(
          NoOp,
          Array.from({ length: A_CALL }, (_, n) => ({ payload: { n: at + n } })),
        );
      }
      return { rate: JOBS / ((performance.now() - startedAt) / 1_000) };
    });
    await submitter.stop();
    const [stored] = await meter.query<{ count: number }>('SELECT count(*)::int AS count FROM job');
    if (stored?.count !== JOBS) throw new Error(`expected ${JOBS} jobs, found ${stored?.count}`);
    return { ...result, postgresCpu: (cost.cpuMs * 1_000) / JOBS, wal: cost.walBytes / JOBS };
  },
};
