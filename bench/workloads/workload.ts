import type { PostgresMeter } from '../postgres-meter.js';

/** What a workload is given. */
export interface WorkloadContext {
  /** A fresh database of Rookery's on the measured server. */
  readonly url: string;
  readonly meter: PostgresMeter;
  readonly concurrency: number;
  readonly natsUrl?: string;
}

/** One thing to measure; `run` answers one value a figure and throws when a job was lost or ran twice. */
export interface Workload {
  readonly name: string;
  readonly units: Readonly<Record<string, string>>;
  run(context: WorkloadContext): Promise<Record<string, number>>;
}

/** Throws unless exactly that many jobs are done, and none anything else. */
export async function assertAllDone(meter: PostgresMeter, expected: number): Promise<void> {
  const rows = await meter.query<{ status: string; count: number }>(
    `SELECT status, count(*)::int AS count FROM job GROUP BY status`,
  );
  if (rows.length !== 1 || rows[0]?.status !== 'done' || rows[0].count !== expected) {
    throw new Error(`expected ${expected} done jobs, found ${JSON.stringify(rows)}`);
  }
}

/** Jobs that are done, by the counters: cheap, however many there are. */
export async function doneCount(meter: PostgresMeter): Promise<number> {
  const [row] = await meter.query<{ done: number }>(
    `SELECT coalesce(sum(done), 0)::float8 AS done
       FROM (SELECT done FROM counter_delta UNION ALL SELECT done FROM counter_minute WHERE minute = '-infinity') AS flow`,
  );
  return row?.done ?? 0;
}
