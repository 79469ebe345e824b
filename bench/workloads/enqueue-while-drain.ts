import { startApplication } from '../application.js';
import { CALLERS, enqueueOneByOne } from './callers.js';
import { costPerJob, secondsOf } from './cost-per-job.js';
import { watchStarts } from './starts.js';
import { assertAllDone, recorded, type Workload } from './workload.js';

const JOBS = 40_000;

/** Callers that each await the durable accept of one job before the next, while a worker in the same process runs them. */
export const enqueueWhileDrain: Workload = {
  name: `enqueue one by one from ${CALLERS} callers while one worker drains, ${JOBS.toLocaleString('en')} jobs`,
  units: { rate: 'jobs/s', postgresCpu: 'µs/job', wal: 'B/job', hot: '%', nodeCpu: 'µs/job' },
  async run({ meter, ...settings }) {
    const application = await startApplication({ ...settings, entry: ['all'] });
    const starts = watchStarts(JOBS);
    const figures = await costPerJob(meter, application, JOBS, () =>
      secondsOf(async () => {
        await Promise.all([enqueueOneByOne(application, JOBS), starts.all]);
        await recorded(meter);
      }),
    );
    await assertAllDone(meter, JOBS, starts);
    return figures;
  },
};
