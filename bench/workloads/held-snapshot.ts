import { Client } from 'pg';
import { NoOp, startApplication, type BenchApplication } from '../application.js';
import { allStarted } from './starts.js';
import { assertAllDone, type Workload } from './workload.js';

/** Jobs of one drain. */
const JOBS = 10_000;
const HELD_MS = 180_000;

/**
 * Drains one after the other for three minutes while a session holds a REPEATABLE READ snapshot and a row it has written, so that no row
 * version of that time can be pruned; beside the same without it, before and after, for half a minute each.
 */
export const heldSnapshot: Workload = {
  name: `drain ${JOBS.toLocaleString('en')} no-op jobs again and again beside a snapshot that is held for 3 minutes`,
  units: {
    rate: 'jobs/s',
    free: 'jobs/s without it',
    share: '% of that',
    first: 'jobs/s, first third of the drains',
    last: 'jobs/s, last third',
  },
  async run({ meter, ...settings }) {
    const application = await startApplication({ ...settings, entry: ['all'] });
    const holder = new Client({ connectionString: settings.url });
    await holder.connect();
    await holder.query('CREATE TABLE held (n integer)');
    const before = await drainsFor(application, HELD_MS / 6);
    await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await holder.query('INSERT INTO held VALUES (1)');
    await holder.query('SELECT count(*) FROM held');
    const held = await drainsFor(application, HELD_MS);
    await holder.query('COMMIT');
    await holder.end();
    const after = await drainsFor(application, HELD_MS / 6);
    await application.stop();
    await assertAllDone(meter, [...before, ...held, ...after].length * JOBS);
    const free = rateOf([...before, ...after]);
    const rate = rateOf(held);
    const third = Math.ceil(held.length / 3);
    return {
      rate,
      free,
      share: (rate / free) * 100,
      first: rateOf(held.slice(0, third)),
      last: rateOf(held.slice(-third)),
    };
  },
};

/** Seconds of each drain from the moment its jobs were there. */
async function drainsFor({ jobs }: BenchApplication, ms: number): Promise<number[]> {
  const items = Array.from({ length: JOBS }, (_, n) => ({ payload: { n } }));
  const seconds: number[] = [];
  const endAt = performance.now() + ms;
  while (performance.now() < endAt) {
    const started = allStarted(JOBS);
    await jobs.enqueueMany(NoOp, items);
    const startedAt = performance.now();
    await started;
    seconds.push((performance.now() - startedAt) / 1_000);
  }
  return seconds;
}

function rateOf(seconds: readonly number[]): number {
  return (seconds.length * JOBS) / seconds.reduce((sum, one) => sum + one, 0);
}
