import { startApplication } from '../application.js';
import { CALLERS, enqueueOneByOne } from './callers.js';
import { costPerJob, secondsOf } from './cost-per-job.js';
import type { Workload } from './workload.js';

const JOBS = 40_000;

/** Callers that each await the durable accept of one job before the next, with nobody to run them. */
export const oneByOne: Workload = {
  name: `enqueue one by one from ${CALLERS} callers, ${JOBS.toLocaleString('en')} jobs`,
  units: { rate: 'jobs/s', postgresCpu: 'µs/job', wal: 'B/job', nodeCpu: 'µs/job' },
  async run({ meter, ...settings }) {
    const application = await startApplication({ ...settings, entry: ['job'] });
    const figures = await costPerJob(meter, application, JOBS, () =>
      secondsOf(() => enqueueOneByOne(application, JOBS)),
    );
    const [stored] = await meter.query<{ count: number }>('SELECT count(*)::int AS count FROM job');
    if (stored?.count !== JOBS) throw new Error(`expected ${JOBS} jobs, found ${stored?.count}`);
    return figures;
  },
};
