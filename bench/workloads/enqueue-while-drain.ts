import { NoOp, startApplication } from '../application.js';
import { allStarted } from './starts.js';
import { assertAllDone, type Workload } from './workload.js';

const JOBS = 40_000;
const CALLERS = 50;

/** Callers that each await the durable accept of one job before the next, while a worker in the same process runs them. */
export const enqueueWhileDrain: Workload = {
  name: `enqueue one by one from ${CALLERS} callers while one worker drains, ${JOBS.toLocaleString('en')} jobs`,
  units: { rate: 'jobs/s', postgresCpu: 'µs/job', wal: 'B/job', hot: '%', nodeCpu: 'µs/job' },
  async run({ meter, ...settings }) {
    const application = await startApplication({ ...settings, entry: ['all'] });
    await meter.checkpoint();
    const { result, cost } = await meter.during(async () => {
      const started = allStarted(JOBS);
      const cpuBefore = process.cpuUsage();
      const startedAt = performance.now();
      let next = 0;
      const caller = async (): Promise<void> => {
        while (next < JOBS) await application.jobs.enqueue(NoOp, { n: next++ });
      };
      await Promise.all(Array.from({ length: CALLERS }, caller));
      await started;
      const seconds = (performance.now() - startedAt) / 1_000;
      const cpu = process.cpuUsage(cpuBefore);
      // Sessions that end report their statistics.
      await application.stop();
      return { rate: JOBS / seconds, nodeCpu: (cpu.user + cpu.system) / JOBS };
    });
    await assertAllDone(meter, JOBS);
    const postgresCpu = (cost.cpuMs * 1_000) / JOBS;
    return { ...result, postgresCpu, wal: cost.walBytes / JOBS, hot: cost.hotShare * 100 };
  },
};
