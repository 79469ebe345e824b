import { startApplication } from '../application.js';
import { percentile } from '../figures.js';
import type { PostgresMeter } from '../postgres-meter.js';
import { untilCount } from '../until-count.js';
import type { Workload } from './workload.js';

const SCHEDULES = 20;
const FIRES = 1_000;
const POLL_MS = 500;

/** Schedules of every second in one process: from the nominal time to the commit that made the job. */
export const scheduleLateness: Workload = {
  name: `${FIRES.toLocaleString('en')} fires of ${SCHEDULES} schedules of every second, nominal time → fired`,
  units: { p50: 'ms', p99: 'ms', max: 'ms' },
  async run({ meter, ...settings }) {
    const application = await startApplication({ ...settings, entry: ['all'] });
    await meter.query(
      `INSERT INTO schedule (name, source, every_ms, job, payload, catch_up, anchor_at, next_fire_at)
       SELECT 'bench-' || n, 'api', 1000, 'bench:no-op', '{"n": 0}', '"latest"', date_trunc('second', now()) + n * interval '37 ms',
              date_trunc('second', now()) + interval '2 s' + n * interval '37 ms'
         FROM generate_series(1, ${SCHEDULES}) AS n`,
    );
    const fired = async (): Promise<number> => {
      const [row] = await meter.query<{ count: number }>('SELECT count(*)::int AS count FROM schedule_fire');
      return row?.count ?? 0;
    };
    await untilCount('fires', FIRES, fired, POLL_MS);
    await application.stop();
    await assertEachSecondOnce(meter);
    const late = await meter.query<{ ms: number }>(
      `SELECT extract(epoch FROM fired_at - fire_at)::float8 * 1000 AS ms FROM schedule_fire`,
    );
    const values = late.map(({ ms }) => ms);
    return { p50: percentile(values, 0.5), p99: percentile(values, 0.99), max: Math.max(...values) };
  },
};

/** Throws when a second of a schedule was left out, fired twice, or has no job. */
async function assertEachSecondOnce(meter: PostgresMeter): Promise<void> {
  const wrong = await meter.query(
    `SELECT f.schedule FROM schedule_fire f LEFT JOIN job ON job.id = f.job_id GROUP BY f.schedule
     HAVING count(*) <> count(job.id) OR count(*) <> count(DISTINCT f.fire_at)
         OR count(*) <> extract(epoch FROM max(f.fire_at) - min(f.fire_at)) + 1`,
  );
  if (wrong.length > 0) throw new Error(`not every second fired once: ${JSON.stringify(wrong)}`);
}
