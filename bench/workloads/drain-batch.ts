import { NoOp, startApplication } from '../application.js';
import { allStarted } from './starts.js';
import { assertAllDone, type Workload } from './workload.js';

const JOBS = 100_000;
const A_CALL = 10_000;

/** The same backlog twice, as jobs and as the members of one batch: what the counting costs. */
export const drainBatch: Workload = {
  name: `drain ${JOBS.toLocaleString('en')} no-op jobs, alone and as one batch`,
  units: { alone: 'jobs/s', batch: 'jobs/s', share: '% of the rate without a batch' },
  async run({ meter, ...settings }) {
    const alone = await drained(settings, false);
    await assertAllDone(meter, JOBS);
    const batch = await drained(settings, true);
    await assertAllDone(meter, 2 * JOBS);
    const [counted] = await meter.query<{ done: number; isComplete: boolean }>(
      `SELECT done, completed_at IS NOT NULL AS "isComplete" FROM batch`,
    );
    if (counted?.done !== JOBS || !counted.isComplete)
      throw new Error(`the batch counted ${JSON.stringify(counted)}`);
    return { alone, batch, share: (batch / alone) * 100 };
  },
};

async function drained(
  settings: { readonly url: string; readonly concurrency: number; readonly natsUrl?: string },
  isBatch: boolean,
): Promise<number> {
  const submitter = await startApplication({ ...settings, entry: ['job'] });
  const batch = isBatch ? await submitter.jobs.batch(NoOp, []) : undefined;
  for (let at = 0; at < JOBS; at += A_CALL) {
    const items = Array.from({ length: A_CALL }, (_, n) => ({ payload: { n: at + n } }));
    await (batch ? batch.add(items) : submitter.jobs.enqueueMany(NoOp, items));
  }
  await batch?.seal();
  await submitter.stop();
  let firstAt = 0;
  const started = allStarted(JOBS, () => (firstAt ||= performance.now()));
  const worker = await startApplication({ ...settings, entry: ['all'] });
  await started;
  const seconds = (performance.now() - firstAt) / 1_000;
  await worker.stop();
  return JOBS / seconds;
}
