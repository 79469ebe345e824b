import { lowestIdAt } from '../../src/kernel/ids.js';
import { daySuffix } from '../../src/modules/job/index.js';
import type { PostgresMeter } from '../postgres-meter.js';

/** Rows one statement inserts. */
const A_STATEMENT = 500_000;

/** Puts that many finished jobs, with the payload of a small job, into the partition of a day that is there. */
export async function insertFinishedJobs(meter: PostgresMeter, day: number, count: number): Promise<void> {
  for (let at = 0; at < count; at += A_STATEMENT) {
    await meter.query(insertDone(day, at, Math.min(A_STATEMENT, count - at)));
  }
  if (count > 0) await meter.query(`ANALYZE job_${daySuffix(day)}`);
  await meter.query(`INSERT INTO queue (name) VALUES ('bench') ON CONFLICT DO NOTHING`);
}

function insertDone(day: number, from: number, count: number): string {
  const time = lowestIdAt(day).replaceAll('-', '').slice(0, 12);
  return `INSERT INTO job_${daySuffix(day)} (id, queue, name, status, run, attempt, max_attempts, payload, started_at, finished_at)
    SELECT (lpad(to_hex(('x' || '${time}')::bit(48)::bigint + n * 8), 12, '0') || '7000' || '8000' || lpad(to_hex(n), 12, '0'))::uuid,
           'bench', 'bench:no-op', 'done', 1, 1, 3, '{"n": 1}', now(), now() FROM generate_series(${from}, ${from + count - 1}) AS n`;
}
