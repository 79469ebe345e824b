import { NoOp, startApplication } from '../application.js';
import type { Workload } from './workload.js';

const JOBS = 40_000;
const CALLERS = 50;

/** Callers that each await the durable accept of one job before the next, with nobody to run them. */
export const oneByOne: Workload = {
  name: `enqueue one by one from ${CALLERS} callers, ${JOBS.toLocaleString('en')} jobs`,
  units: { rate: 'jobs/s', postgresCpu: 'µs/job', wal: 'B/job', nodeCpu: 'µs/job' },
  async run({ meter, ...settings }) {
    const { jobs, stop } = await startApplication({ ...settings, entry: ['job'] });
    await meter.checkpoint();
    const { result, cost } = await meter.during(async () => {
      const cpuBefore = process.cpuUsage();
      const startedAt = performance.now();
      let next = 0;
      const caller = async (): Promise<void> => {
        while (next < JOBS) await jobs.enqueue(NoOp, { n: next++ });
      };
      await Promise.all(Array.from({ length: CALLERS }, caller));
      const seconds = (performance.now() - startedAt) / 1_000;
      const cpu = process.cpuUsage(cpuBefore);
      return { rate: JOBS / seconds, nodeCpu: (cpu.user + cpu.system) / JOBS };
    });
    await stop();
    const [stored] = await meter.query<{ count: number }>('SELECT count(*)::int AS count FROM job');
    if (stored?.count !== JOBS) throw new Error(`expected ${JOBS} jobs, found ${stored?.count}`);
    return { ...result, postgresCpu: (cost.cpuMs * 1_000) / JOBS, wal: cost.walBytes / JOBS };
  },
};
