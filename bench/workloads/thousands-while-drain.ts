import { NoOp, startApplication } from '../application.js';
import { costPerJob, secondsOf } from './cost-per-job.js';
import { watchStarts } from './starts.js';
import { assertAllDone, recorded, type Workload } from './workload.js';

const JOBS = 100_000;
const A_CALL = 1_000;

/** One caller that submits a thousand jobs at a time, each call awaited, while a worker in the same process runs them. */
export const thousandsWhileDrain: Workload = {
  name: `enqueue ${JOBS.toLocaleString('en')} in thousands while one worker drains`,
  units: { rate: 'jobs/s', postgresCpu: 'µs/job', wal: 'B/job', hot: '%', nodeCpu: 'µs/job' },
  async run({ meter, ...settings }) {
    const application = await startApplication({ ...settings, entry: ['all'] });
    const starts = watchStarts(JOBS);
    const figures = await costPerJob(meter, application, JOBS, () =>
      secondsOf(async () => {
        for (let at = 0; at < JOBS; at += A_CALL) {
          const items = Array.from({ length: A_CALL }, (_, n) => ({ payload: { n: at + n } }));
          await application.jobs.enqueueMany(NoOp, items);
        }
        await starts.all;
        await recorded(meter);
      }),
    );
    await assertAllDone(meter, JOBS, starts);
    return figures;
  },
};
