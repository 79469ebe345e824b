import { setTimeout as pause } from 'node:timers/promises';
import { NoOp, startApplication, type BenchApplication } from '../application.js';
import { percentile } from '../figures.js';
import { untilCount } from '../until-count.js';
import { watchStarts } from './starts.js';
import { assertAllDone, type Workload } from './workload.js';

const A_SECOND = 100;
const SECONDS = 20;
const JOBS = A_SECOND * SECONDS;
const PACE = `${A_SECOND} jobs/s for ${SECONDS} s into an idle worker`;
/** Between two looks of whoever waits for a job to be done. */
const LOOK_MS = 1;

/** Jobs at a steady pace into an idle worker: from the call of enqueue to the handler's start. */
export const latency: Workload = {
  name: `${PACE}, enqueue → start`,
  units: { p50: 'ms', p95: 'ms', p99: 'ms' },
  async run({ meter, ...settings }) {
    const application = await startApplication({ ...settings, entry: ['all'] });
    const calledAt = new Float64Array(JOBS);
    const waits: number[] = [];
    const starts = watchStarts(JOBS, (n) => waits.push(performance.now() - (calledAt[n] ?? 0)));
    await atSteadyPace(async (n) => {
      calledAt[n] = performance.now();
      await application.jobs.enqueue(NoOp, { n });
    });
    await starts.all;
    await application.stop();
    await assertAllDone(meter, JOBS, starts);
    return percentiles(waits);
  },
};

/** The same, from the call of enqueue to the moment when whoever asks for the job is told that it is done. */
export const latencyToDone: Workload = {
  name: `${PACE}, submit → done, asked for every ms`,
  units: { p50: 'ms', p95: 'ms', p99: 'ms' },
  async run({ meter, ...settings }) {
    const application = await startApplication({ ...settings, entry: ['all'] });
    const waits: number[] = [];
    const starts = watchStarts(JOBS);
    await atSteadyPace(async (n) => {
      const calledAt = performance.now();
      await untilDone(application, (await application.jobs.enqueue(NoOp, { n })).id);
      waits.push(performance.now() - calledAt);
    });
    await starts.all;
    await application.stop();
    await assertAllDone(meter, JOBS, starts);
    return percentiles(waits);
  },
};

/** Calls `work` for each job when its time has come, and waits for all of them. */
async function atSteadyPace(work: (n: number) => Promise<void>): Promise<void> {
  const under: Promise<void>[] = [];
  const startedAt = performance.now();
  for (let n = 0; n < JOBS; n++) {
    await pause(Math.max(0, startedAt + (n * 1_000) / A_SECOND - performance.now()));
    under.push(work(n));
  }
  await Promise.all(under);
}

async function untilDone({ jobs }: BenchApplication, id: string): Promise<void> {
  const doneNow = async (): Promise<number> => ((await jobs.find(id))?.status === 'done' ? 1 : 0);
  await untilCount(`jobs ${id} done`, 1, doneNow, LOOK_MS);
}

function percentiles(waits: number[]): Record<'p50' | 'p95' | 'p99', number> {
  return { p50: percentile(waits, 0.5), p95: percentile(waits, 0.95), p99: percentile(waits, 0.99) };
}
