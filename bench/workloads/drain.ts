import { startOfDay } from '../../src/modules/job/index.js';
import { NoOp, startApplication } from '../application.js';
import { openDuties } from '../duties.js';
import { costPerJob, secondsOf } from './cost-per-job.js';
import { insertFinishedJobs } from './finished-jobs.js';
import { watchStarts } from './starts.js';
import { assertAllDone, recorded, type Workload, type WorkloadContext } from './workload.js';

const JOBS = 50_000;

/** The auditor passes what is older than a minute. */
const PASSED_MS = 120_000;

/** A backlog of no-op jobs, drained by one worker in the process that holds their tickets, until every outcome is recorded. */
export const drain: Workload = {
  name: `drain a backlog of ${JOBS.toLocaleString('en')} no-op jobs`,
  units: {
    rate: 'jobs/s',
    postgresCpu: 'µs/job',
    wal: 'B/job',
    hot: '%',
    indexGrowth: 'B/job',
    nodeCpu: 'µs/job',
  },
  run: drainOnce,
};

/** The same beside that many jobs of the same day that are done, which the auditor has passed. */
export function drainBesideFinished(finished: number): Workload {
  return {
    ...drain,
    name: `${drain.name} beside ${finished.toLocaleString('en')} finished ones of the same day`,
    async run(context) {
      await (await startApplication({ ...context, entry: ['job'] })).stop();
      const duties = await openDuties(context.url);
      try {
        const now = duties.now();
        const today = startOfDay(now);
        await duties.makeDay(today);
        await insertFinishedJobs(context.meter, { from: today, to: now - PASSED_MS }, finished);
        while (await duties.isBehind()) await duties.audit();
      } finally {
        await duties.close();
      }
      return drainOnce(context, finished);
    },
  };
}

async function drainOnce(
  { meter, ...settings }: WorkloadContext,
  finished = 0,
): Promise<Record<string, number>> {
  const application = await startApplication({ ...settings, entry: ['all'] });
  const items = Array.from({ length: JOBS }, (_, n) => ({ payload: { n } }));
  const starts = watchStarts(JOBS);
  const figures = await costPerJob(meter, application, JOBS, async () => {
    // One transaction: no ticket is offered, and nothing starts, before all jobs are there.
    await application.jobs.enqueueMany(NoOp, items);
    return secondsOf(async () => {
      await starts.all;
      await recorded(meter);
    });
  });
  await assertAllDone(meter, JOBS + finished, starts);
  return figures;
}
