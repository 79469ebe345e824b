import type { OnceEach } from '../once-each.js';
import type { PostgresMeter } from '../postgres-meter.js';
import { untilCount } from '../until-count.js';

/** What a workload is given. */
export interface WorkloadContext {
  /** A fresh database of Rookery's on the measured server. */
  readonly url: string;
  readonly meter: PostgresMeter;
  readonly concurrency: number;
  readonly natsUrl?: string;
  /** Runs `work` on one more fresh database, for what is compared within a run. */
  beside<Result>(work: (context: WorkloadContext) => Promise<Result>): Promise<Result>;
}

/** One thing to measure; `run` answers one value a figure and throws when a job was lost or ran twice. */
export interface Workload {
  readonly name: string;
  readonly units: Readonly<Record<string, string>>;
  run(context: WorkloadContext): Promise<Record<string, number>>;
}

/** Between two questions whether all is recorded: the end is seen half of this late on average. */
const ASK_AGAIN_MS = 10;

/** More than may be claimed and not recorded; jobs begin in the order of their ids. */
const NEWEST = 5_000;

/** Resolves when the outcome of every job is recorded, of jobs that have all started. */
export async function recorded(meter: PostgresMeter): Promise<void> {
  const ended = async (): Promise<number> => {
    const [row] = await meter.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM (SELECT status FROM job ORDER BY id DESC LIMIT ${NEWEST}) AS newest WHERE status IN ('waiting', 'executing')`,
    );
    return -(row?.count ?? Number.NaN);
  };
  await untilCount('outcomes to come', 0, ended, ASK_AGAIN_MS);
}

/** Throws unless exactly that many jobs are done by their first run, and none anything else; and if one has started twice. */
export async function assertAllDone(
  meter: PostgresMeter,
  expected: number,
  starts?: OnceEach,
): Promise<void> {
  const rows = await meter.query<{ status: string; isFirstRun: boolean; count: number }>(
    `SELECT status, run = 1 AND attempt = 1 AND history IS NULL AS "isFirstRun", count(*)::int AS count FROM job GROUP BY 1, 2`,
  );
  const [row, ...others] = rows;
  const isRight = row?.status === 'done' && row.isFirstRun && row.count === expected && others.length === 0;
  if (!isRight)
    throw new Error(`expected ${expected} jobs done by their first run, found ${JSON.stringify(rows)}`);
  starts?.assertNoneAgain();
}

/** Jobs that are done, by the counters: cheap, however many there are. */
export async function doneCount(meter: PostgresMeter): Promise<number> {
  const [row] = await meter.query<{ done: number }>(
    `SELECT coalesce(sum(done), 0)::float8 AS done
       FROM (SELECT done FROM counter_delta UNION ALL SELECT done FROM counter_minute WHERE minute = '-infinity') AS flow`,
  );
  return row?.done ?? 0;
}
