import { NoOp, startApplication } from '../application.js';
import { untilCount } from '../until-count.js';
import { withWorkers } from './worker-processes.js';
import { assertAllDone, doneCount, type Workload } from './workload.js';

const JOBS = 50_000;
const A_CALL = 10_000;
const POLL_MS = 200;

/** A backlog drained by worker processes of their own; from the first start to the last end, as the rows tell. */
export function drainByWorkers(workers: number): Workload {
  return {
    name: `drain a backlog of ${JOBS.toLocaleString('en')} no-op jobs by ${workers} worker process(es)`,
    units: { rate: 'jobs/s', postgresCpu: 'µs/job', least: '% of the jobs by the worker with the fewest' },
    async run({ meter, ...settings }) {
      const submitter = await startApplication({ ...settings, entry: ['job'] });
      for (let at = 0; at < JOBS; at += A_CALL) {
        const items = Array.from({ length: A_CALL }, (_, n) => ({ payload: { n: at + n } }));
        await submitter.jobs.enqueueMany(NoOp, items);
      }
      await submitter.stop();
      const { cost } = await meter.during(() =>
        withWorkers(workers, settings, () => untilCount('jobs done', JOBS, () => doneCount(meter), POLL_MS)),
      );
      await assertAllDone(meter, JOBS);
      const [span] = await meter.query<{ seconds: number }>(
        `SELECT extract(epoch FROM max(finished_at) - min(started_at))::float8 AS seconds FROM job`,
      );
      const shares = await meter.query<{ share: number }>(
        `SELECT (count(*) * 100.0 / ${JOBS})::float8 AS share FROM job GROUP BY worker_id`,
      );
      return {
        rate: JOBS / (span?.seconds ?? Number.NaN),
        postgresCpu: (cost.cpuMs * 1_000) / JOBS,
        least: shares.length < workers ? 0 : Math.min(...shares.map(({ share }) => share)),
      };
    },
  };
}
