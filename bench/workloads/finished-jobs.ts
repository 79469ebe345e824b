import { lowestIdAt } from '../../src/kernel/ids.js';
import { daySuffix } from '../../src/modules/job/index.js';
import type { PostgresMeter } from '../postgres-meter.js';

/** Rows one statement inserts. */
const A_STATEMENT = 500_000;

/** Times within one day, in ms. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/**
 * Puts that many finished jobs, with the payload of a small job, into the partition of a day that is there, spread over that stretch of it, and
 * vacuums them, which the server would otherwise begin to do in the middle of the measurement.
 */
export async function insertFinishedJobs(
  meter: PostgresMeter,
  stretch: Stretch,
  count: number,
): Promise<void> {
  const partition = `job_${daySuffix(stretch.from)}`;
  const stepMs = (stretch.to - stretch.from) / Math.max(1, count);
  for (let at = 0; at < count; at += A_STATEMENT)
    await meter.query(insertDone(partition, stretch.from, stepMs, at, Math.min(A_STATEMENT, count - at)));
  if (count > 0) await meter.query(`VACUUM (ANALYZE) ${partition}`);
  await meter.query(`INSERT INTO queue (name) VALUES ('bench') ON CONFLICT DO NOTHING`);
}

/** Ids of the times, one step apart; the last twelve digits make each one of its own. */
function insertDone(partition: string, from: number, stepMs: number, first: number, count: number): string {
  const time = lowestIdAt(from).replaceAll('-', '').slice(0, 12);
  return `INSERT INTO ${partition} (id, queue, name, status, run, attempt, max_attempts, payload, started_at, finished_at)
    SELECT (lpad(to_hex(('x' || '${time}')::bit(48)::bigint + floor(n * ${stepMs}::float8)::bigint), 12, '0')
            || '7000' || '8000' || lpad(to_hex(n), 12, '0'))::uuid,
           'bench', 'bench:no-op', 'done', 1, 1, 3, '{"n": 1}', now(), now() FROM generate_series(${first}, ${first + count - 1}) AS n`;
}
