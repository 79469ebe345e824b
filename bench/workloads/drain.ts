import { NoOp, startApplication } from '../application.js';
import { allStarted } from './starts.js';
import { assertAllDone, type Workload } from './workload.js';

const JOBS = 10_000;

/** A backlog of no-op jobs, drained by one worker in the process that holds their tickets. */
export const drain: Workload = {
  name: `drain a backlog of ${JOBS.toLocaleString('en')} no-op jobs`,
  units: { rate: 'jobs/s', postgresCpu: 'µs/job', wal: 'B/job', hot: '%', nodeCpu: 'µs/job' },
  async run({ url, meter, concurrency }) {
    const submitter = await startApplication({ url, entry: ['job'], concurrency });
    const items = Array.from({ length: JOBS }, (_, n) => ({ payload: { n } }));
    await meter.checkpoint();
    const enqueued = await meter.during(() => submitter.jobs.enqueueMany(NoOp, items));
    await submitter.stop();
    const drained = await meter.during(async () => {
      const started = allStarted(JOBS);
      const cpuBefore = process.cpuUsage();
      const startedAt = performance.now();
      const worker = await startApplication({ url, entry: ['all'], concurrency });
      await started;
      const seconds = (performance.now() - startedAt) / 1_000;
      const cpu = process.cpuUsage(cpuBefore);
      await worker.stop();
      return { rate: JOBS / seconds, nodeCpu: (cpu.user + cpu.system) / JOBS };
    });
    await assertAllDone(meter, JOBS);
    return {
      ...drained.result,
      postgresCpu: ((enqueued.cost.cpuMs + drained.cost.cpuMs) * 1_000) / JOBS,
      wal: (enqueued.cost.walBytes + drained.cost.walBytes) / JOBS,
      hot: drained.cost.hotShare * 100,
    };
  },
};
