import { Client } from 'pg';
import { NoOp, startApplication, type BenchApplication } from '../application.js';
import { watchStarts } from './starts.js';
import { assertAllDone, recorded, type Workload, type WorkloadContext } from './workload.js';

/** Jobs of one drain. */
const JOBS = 50_000;
/** Drains before those that count: the engine compiles what runs. */
const WARM_UP = 3;
const HELD_MS = 180_000;

/**
 * Drains one after the other for three minutes while a session holds a REPEATABLE READ snapshot and a row it has written, so that no row
 * version of that time can be pruned; and the same without it, before, in a database of its own.
 */
export const heldSnapshot: Workload = {
  name: `drain ${JOBS.toLocaleString('en')} no-op jobs again and again for 3 minutes beside a snapshot that is held, and without`,
  units: {
    rate: 'jobs/s',
    free: 'jobs/s without it',
    share: '% of that',
    first: '% in the first third of the time',
    last: '% in the last third',
  },
  async run(context) {
    const free = await context.beside((other) =>
      drains(other, () => Promise.resolve(() => Promise.resolve())),
    );
    const held = await drains(context, () => holdSnapshot(context.url));
    const share = (from: number, to: number): number =>
      (rateOf(part(held, from, to)) / rateOf(part(free, from, to))) * 100;
    return {
      rate: rateOf(held),
      free: rateOf(free),
      share: share(0, 1),
      first: share(0, 1 / 3),
      last: share(2 / 3, 1),
    };
  },
};

/** Holds a snapshot, and a row, until what it answers is called. */
async function holdSnapshot(url: string): Promise<() => Promise<void>> {
  const holder = new Client({ connectionString: url });
  await holder.connect();
  await holder.query('CREATE TABLE held (n integer)');
  await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await holder.query('INSERT INTO held VALUES (1)');
  await holder.query('SELECT count(*) FROM held');
  return async () => {
    await holder.query('COMMIT');
    await holder.end();
  };
}

/** Seconds of each drain of three minutes, between what `begin` does and undoes. */
async function drains(
  { meter, ...settings }: WorkloadContext,
  begin: () => Promise<() => Promise<void>>,
): Promise<number[]> {
  const application = await startApplication({ ...settings, entry: ['all'] });
  let count = 0;
  const once = (): Promise<number> => {
    count++;
    return drainOnce(application, meter);
  };
  for (let n = 0; n < WARM_UP; n++) await once();
  const end = await begin();
  const seconds: number[] = [];
  const endAt = performance.now() + HELD_MS;
  while (performance.now() < endAt) seconds.push(await once());
  await end();
  await application.stop();
  await assertAllDone(meter, count * JOBS);
  return seconds;
}

/** Seconds from the moment its jobs are there until every outcome is recorded. */
async function drainOnce({ jobs }: BenchApplication, meter: WorkloadContext['meter']): Promise<number> {
  const starts = watchStarts(JOBS);
  await jobs.enqueueMany(
    NoOp,
    Array.from({ length: JOBS }, (_, n) => ({ payload: { n } })),
  );
  const startedAt = performance.now();
  await starts.all;
  await recorded(meter);
  starts.assertNoneAgain();
  return (performance.now() - startedAt) / 1_000;
}

function part(seconds: readonly number[], from: number, to: number): readonly number[] {
  return seconds.slice(Math.floor(seconds.length * from), Math.ceil(seconds.length * to));
}

function rateOf(seconds: readonly number[]): number {
  return (seconds.length * JOBS) / seconds.reduce((sum, one) => sum + one, 0);
}
