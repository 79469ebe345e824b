import { NoOp, startApplication } from '../application.js';
import { allStarted } from './starts.js';
import { assertAllDone, type Workload } from './workload.js';

const JOBS = 10_000;

/** A backlog of no-op jobs, drained by one worker in the process that holds their tickets. */
export const drain: Workload = {
  name: `drain a backlog of ${JOBS.toLocaleString('en')} no-op jobs`,
  units: { rate: 'jobs/s', postgresCpu: 'µs/job', wal: 'B/job', hot: '%', nodeCpu: 'µs/job' },
  async run({ meter, ...settings }) {
    const application = await startApplication({ ...settings, entry: ['all'] });
    const items = Array.from({ length: JOBS }, (_, n) => ({ payload: { n } }));
    await meter.checkpoint();
    const { result, cost } = await meter.during(async () => {
      const started = allStarted(JOBS);
      const cpuBefore = process.cpuUsage();
      // One transaction: no ticket is offered, and nothing starts, before all jobs are there.
      await application.jobs.enqueueMany(NoOp, items);
      const startedAt = performance.now();
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
