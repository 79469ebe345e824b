import { startApplication } from '../application.js';
import { CALLERS, enqueueOneByOne } from './callers.js';
import { costPerJob, secondsOf } from './cost-per-job.js';
import { allStarted } from './starts.js';
import { assertAllDone, type Workload } from './workload.js';

const JOBS = 40_000;

/** Callers that each await the durable accept of one job before the next, while a worker in the same process runs them. */
export const enqueueWhileDrain: Workload = {
  name: `enqueue one by one from ${CALLERS} callers while one worker drains, ${JOBS.toLocaleString('en')} jobs`,
  units: { rate: 'jobs/s', postgresCpu: 'µs/job', wal: 'B/job', hot: '%', nodeCpu: 'µs/job' },
  async run({ meter, ...settings }) {
    const application = await startApplication({ ...settings, entry: ['all'] });
    const started = allStarted(JOBS);
    const figures = await costPerJob(meter, application, JOBS, () =>
      secondsOf(() => Promise.all([enqueueOneByOne(application, JOBS), started])),
    );
    await assertAllDone(meter, JOBS);
    return figures;
  },
};
