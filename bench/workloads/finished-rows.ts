import { DAY_MS, daySuffix, startOfDay } from '../../src/modules/job/index.js';
import { startApplication } from '../application.js';
import { openDuties } from '../duties.js';
import { insertFinishedJobs } from './finished-jobs.js';
import type { PostgresMeter } from '../postgres-meter.js';
import type { Workload } from './workload.js';

/** Rounds of the audit that are measured, after one that passes what there is. */
const ROUNDS = 20;

/**
 * What an audit round costs beside that many finished jobs of the last days, and how long it takes to drop a day of them once they are past
 * their retention.
 */
export function finishedRows(rows: number): Workload {
  return {
    name: `${rows.toLocaleString('en')} finished jobs: an audit round, and the drop of their day`,
    units: { round: 'ms', drop: 'ms', rows: 'jobs dropped' },
    async run({ meter, ...settings }) {
      // Its boot makes the tables and the partitions; the duties are driven here.
      await (await startApplication({ ...settings, entry: ['job'] })).stop();
      const duties = await openDuties(settings.url);
      try {
        const day = startOfDay(duties.now()) - 20 * DAY_MS;
        await duties.makeDay(day);
        await insertFinishedJobs(meter, { from: day, to: day + DAY_MS - 1 }, rows);
        // The first rounds pass the rows, once and for all.
        while (await duties.isBehind()) await duties.audit();
        const startedAt = performance.now();
        for (let round = 0; round < ROUNDS; round++) await duties.audit();
        const roundMs = (performance.now() - startedAt) / ROUNDS;
        const droppingAt = performance.now();
        await duties.prune();
        const dropMs = performance.now() - droppingAt;
        await assertDropped(meter, day);
        return { round: roundMs, drop: dropMs, rows };
      } finally {
        await duties.close();
      }
    },
  };
}

async function assertDropped(meter: PostgresMeter, day: number): Promise<void> {
  const [table] = await meter.query(`SELECT FROM pg_class WHERE relname = 'job_${daySuffix(day)}'`);
  if (table) throw new Error('the day is still there');
}
