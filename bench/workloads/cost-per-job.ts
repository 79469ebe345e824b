import type { BenchApplication } from '../application.js';
import type { PostgresMeter } from '../postgres-meter.js';

/** Rate and cost of so many jobs. `work` answers the seconds that count; what the application and the server spend on it is counted in all. */
export async function costPerJob(
  meter: PostgresMeter,
  application: BenchApplication,
  jobs: number,
  work: () => Promise<number>,
): Promise<Record<string, number>> {
  await meter.checkpoint();
  const { result, cost } = await meter.during(async () => {
    const cpuBefore = process.cpuUsage();
    const seconds = await work();
    const cpu = process.cpuUsage(cpuBefore);
    // Sessions that end report their statistics.
    await application.stop();
    return { rate: jobs / seconds, nodeCpu: (cpu.user + cpu.system) / jobs };
  });
  return {
    ...result,
    postgresCpu: (cost.cpuMs * 1_000) / jobs,
    wal: cost.walBytes / jobs,
    hot: cost.hotShare * 100,
    indexGrowth: cost.indexBytes / jobs,
  };
}

/** Seconds that it took. */
export async function secondsOf(act: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await act();
  return (performance.now() - startedAt) / 1_000;
}
