import { NoOp, startApplication } from '../application.js';
import { watchStarts } from './starts.js';
import { assertAllDone, recorded, type Workload, type WorkloadContext } from './workload.js';

const JOBS = 100_000;

/** The same backlog twice, as jobs and as the members of one batch: what the counting costs. */
export const drainBatch: Workload = {
  name: `drain ${JOBS.toLocaleString('en')} no-op jobs, alone and as one batch`,
  units: { alone: 'jobs/s', batch: 'jobs/s', share: '% of the rate without a batch' },
  async run(context) {
    const { meter } = context;
    const alone = await drained(context, false);
    await assertAllDone(meter, JOBS);
    const batch = await drained(context, true);
    await assertAllDone(meter, 2 * JOBS);
    const [counted] = await meter.query<{ done: number; isComplete: boolean }>(
      `SELECT done, completed_at IS NOT NULL AS "isComplete" FROM batch`,
    );
    if (counted?.done !== JOBS || !counted.isComplete)
      throw new Error(`the batch counted ${JSON.stringify(counted)}`);
    return { alone, batch, share: (batch / alone) * 100 };
  },
};

/** All jobs come by one transaction, so that nothing starts before the last is there. */
async function drained({ meter, ...settings }: WorkloadContext, isBatch: boolean): Promise<number> {
  const application = await startApplication({ ...settings, entry: ['all'] });
  const batch = isBatch ? await application.jobs.batch(NoOp, []) : undefined;
  let firstAt = 0;
  const starts = watchStarts(JOBS, () => (firstAt ||= performance.now()));
  const items = Array.from({ length: JOBS }, (_, n) => ({ payload: { n } }));
  await (batch ? batch.add(items) : application.jobs.enqueueMany(NoOp, items));
  await starts.all;
  await recorded(meter);
  const seconds = (performance.now() - firstAt) / 1_000;
  await batch?.seal();
  await application.stop();
  starts.assertNoneAgain();
  return JOBS / seconds;
}
