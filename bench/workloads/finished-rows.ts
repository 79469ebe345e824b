import { lowestIdAt } from '../../src/kernel/ids.js';
import { DAY_MS, daySuffix, startOfDay } from '../../src/modules/job/index.js';
import { startApplication } from '../application.js';
import { openDuties } from '../duties.js';
import type { Workload } from './workload.js';

/** Rows one statement of the preparation inserts. */
const A_STATEMENT = 500_000;

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
        for (let at = 0; at < rows; at += A_STATEMENT) {
          await meter.query(insertDone(day, at, Math.min(A_STATEMENT, rows - at)));
        }
        if (rows > 0) await meter.query(`ANALYZE job_${daySuffix(day)}`);
        await meter.query(`INSERT INTO queue (name) VALUES ('bench') ON CONFLICT DO NOTHING`);
        // The first rounds pass the rows, once and for all.
        while (await duties.isBehind()) await duties.audit();
        const startedAt = performance.now();
        for (let round = 0; round < ROUNDS; round++) await duties.audit();
        const roundMs = (performance.now() - startedAt) / ROUNDS;
        const droppingAt = performance.now();
        await duties.prune();
        return { round: roundMs, drop: performance.now() - droppingAt, rows };
      } finally {
        await duties.close();
      }
    },
  };
}

/** Finished jobs spread over the day, with the payload of a small job. */
function insertDone(day: number, from: number, count: number): string {
  const time = lowestIdAt(day).replaceAll('-', '').slice(0, 12);
  return `INSERT INTO job_${daySuffix(day)} (id, queue, name, status, run, attempt, max_attempts, payload, started_at, finished_at)
    SELECT (lpad(to_hex(('x' || '${time}')::bit(48)::bigint + n * 8), 12, '0') || '7000' || '8000' || lpad(to_hex(n), 12, '0'))::uuid,
           'bench', 'bench:no-op', 'done', 1, 1, 3, '{"n": 1}', now(), now() FROM generate_series(${from}, ${from + count - 1}) AS n`;
}
