import type { FreshLane, Lane } from '../../transport/index.js';
import { idsOfQueue } from './ids-of-queue.js';
import { arrayLiteral } from './partition-statement.js';
import type { Query } from './query.js';

/**
 * Reads of open jobs for those who keep every job findable: the stager, the auditor and the rescuer. Each reads from a place
 * onwards and at most a page of rows, by (queue, id) above the watermark or by (queue, due_at, id): never a whole table, and
 * never longer because there is little to find.
 */

/** A waiting job that may run now. */
export interface ReadyJob {
  readonly id: string;
  readonly lane: FreshLane;
  readonly attempt: number;
  /** Null for a fresh job that never waited for a time. As text, because a Date drops the microseconds a place needs. */
  readonly dueAt: string | null;
}

/** A waiting job whose time has come. */
export interface StagedJob extends ReadyJob {
  readonly queue: string;
  readonly dueAt: string;
  /** The same in ms since the epoch, with the microseconds as a fraction. */
  readonly dueMs: number;
}

/** A job executed by a worker that is lost, stopped or unknown. */
export interface OrphanedRun {
  readonly id: string;
  readonly name: string;
  readonly workerId: string;
  readonly run: number;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly startedAt: Date;
  readonly isMember: boolean;
}

/** A place in the order of due times: everything up to and with it has been seen. */
export interface DuePlace {
  readonly dueAt: string;
  readonly id: string;
}

export const FIRST_ID = '00000000-0000-0000-0000-000000000000';
export const FIRST_DUE_PLACE: DuePlace = { dueAt: '-infinity', id: FIRST_ID };

/** A part of a queue's rows in id order. */
export interface IdRange {
  readonly queue: string;
  /** Excluded. */
  readonly after: string;
  /** Included. */
  readonly upTo: string;
  /** Most rows read. */
  readonly limit: number;
}

/** The lane a job's ticket travels in: its own, or `retry` once an attempt has been charged. */
export function laneOf(job: { readonly lane: FreshLane; readonly attempt: number }): Lane {
  return job.attempt > 0 ? 'retry' : job.lane;
}

const STAGED = `job.id, job.lane, job.attempt, job.due_at::text AS "dueAt", (extract(epoch FROM job.due_at) * 1000)::float8 AS "dueMs"`;

/**
 * Waiting jobs of every queue that is not paused, due by now and after the queue's place ($1 queues, $2 due times, $3 ids; for the
 * others $4): at most $6 of each, in due order. $5 lies above every id there can be and spares the partitions made ahead. One
 * statement for all queues, and prepared, because it runs several times a second on an idle system. Locks nothing; a queue with
 * nothing due has one row without a job, and with no queue at all one row tells the time.
 */
const STAGE = {
  name: 'stage',
  text: `
SELECT (extract(epoch FROM clock.now) * 1000)::float8 AS "readMs", due.*
  FROM (SELECT now() AS now) AS clock LEFT JOIN (
    SELECT queue.name AS queue, ready.* FROM queue
      LEFT JOIN unnest($1::text[], $2::timestamptz[], $3::uuid[]) AS place(queue, due_at, id) ON place.queue = queue.name
      LEFT JOIN LATERAL (
       SELECT ${STAGED} FROM job
        WHERE job.queue = queue.name AND job.due_at <= now() AND job.id < $5 AND job.status = 'waiting'
          AND (job.due_at, job.id) > (coalesce(place.due_at, $4), coalesce(place.id, '${FIRST_ID}'))
        ORDER BY job.due_at, job.id LIMIT $6) AS ready ON true
     WHERE queue.paused_at IS NULL) AS due ON true`,
};

/** What one reading of all queues found. */
export interface Staging {
  /** The database's clock at the reading, in ms since the epoch. */
  readonly readMs: number;
  /** The jobs of each queue that is not paused, in due order. */
  readonly jobs: ReadonlyMap<string, readonly StagedJob[]>;
}

/**
 * Reads the jobs of all queues that wait and are due, after each queue's place, at most `limit` a queue.
 * @param range `from` is the time at which queues without a place begin; `below` an id above all there can be
 */
export async function stage(
  query: Query,
  places: ReadonlyMap<string, DuePlace>,
  range: { readonly from: string; readonly below: string; readonly limit: number },
): Promise<Staging> {
  const all = [...places];
  const rows = await query<
    { readMs: number; queue: string | null } & (Omit<StagedJob, 'queue'> | { id: null })
  >(STAGE, [
    arrayLiteral(all.map(([queue]) => queue)),
    arrayLiteral(all.map(([, place]) => place.dueAt)),
    arrayLiteral(all.map(([, place]) => place.id)),
    range.from,
    range.below,
    range.limit,
  ]);
  const jobs = new Map<string, StagedJob[]>();
  for (const { readMs: _, queue, ...job } of rows) {
    if (queue === null) continue;
    const ofQueue = jobs.get(queue) ?? [];
    jobs.set(queue, ofQueue);
    if (job.id !== null) ofQueue.push({ ...job, queue });
  }
  return { readMs: rows[0]?.readMs ?? 0, jobs };
}

/** Waiting jobs of a queue that are due by $4, after a place in due order. Locks nothing. */
const READY_DUE = {
  name: 'ready_due',
  text: `SELECT job.queue, ${STAGED} FROM job
          WHERE queue = $1 AND due_at <= $4::timestamptz AND due_at <= now() AND (due_at, id) > ($2::timestamptz, $3::uuid) AND status = 'waiting'
          ORDER BY job.due_at, job.id LIMIT $5`,
};

/** Waiting jobs of the queue whose time came by `untilMs`, after `place`, earliest due first. */
export function readyDue(
  query: Query,
  queue: string,
  place: DuePlace,
  untilMs: number,
  limit: number,
): Promise<StagedJob[]> {
  return query<StagedJob>(READY_DUE, [queue, place.dueAt, place.id, new Date(untilMs).toISOString(), limit]);
}

/** A page of rows, and what of it was looked for. */
export interface Page<Row> {
  readonly found: readonly Row[];
  /** How many rows were read; fewer than the limit when these were the last. */
  readonly readCount: number;
  /** The last row read; undefined when there was none. */
  readonly place: string | undefined;
}

/** A queue's rows by id: $1 queue, $2 after, $3 up to. */
const NEXT_IDS = idsOfQueue('$1', '$2', '$3');

type PageRow<Row> = { readonly readCount: number; readonly place: string | null } & (
  Row | { readonly id: null }
);

/** Reads a page by its limit, and joins to its last row whatever $found selects from it. */
const page = (rows: string, found: string): string => `
WITH page AS MATERIALIZED (${rows}),
found AS (${found})
SELECT (SELECT count(*)::int FROM page) AS "readCount", (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS place, found.*
  FROM (SELECT) AS always LEFT JOIN found ON true ORDER BY found.id`;

async function readPage<Row extends { readonly id: string }>(
  rows: Promise<PageRow<Row>[]>,
): Promise<Page<Row>> {
  const answer = await rows;
  const found = answer.filter((row): row is PageRow<Row> & Row => row.id !== null);
  return { found, readCount: answer[0]?.readCount ?? 0, place: answer[0]?.place ?? undefined };
}

/** Fresh waiting jobs among the next rows in id order: $1 queue, $2 after, $3 up to, $4 rows. Locks nothing. */
const FRESH_ABOVE = {
  name: 'fresh_above',
  text: page(
    `SELECT id, lane, attempt, status, due_at FROM job WHERE ${NEXT_IDS} ORDER BY queue, id LIMIT $4`,
    `SELECT id, lane, attempt, NULL::text AS "dueAt" FROM page WHERE status = 'waiting' AND due_at IS NULL`,
  ),
};

/** Reads the next rows of a queue in id order, and answers those of them that wait and have never waited for a time. */
export function freshAbove(query: Query, range: IdRange): Promise<Page<ReadyJob>> {
  return readPage(query<PageRow<ReadyJob>>(FRESH_ABOVE, [range.queue, range.after, range.upTo, range.limit]));
}

/** The smallest id of the moment 60 s ago, on the database's clock: the audit passes no younger row. */
const OLD_ENOUGH = `(lpad(to_hex((extract(epoch FROM now() - interval '60 s') * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid`;

/** The time a job's id carries. */
const BORN_AT = `to_timestamp(('x' || substr(replace(job.id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0)`;

/**
 * One step of the audit: reads the next rows of the queue above $2 and up to $3, none younger than 60 s, gives due_at to those that
 * are open and have none, and moves the watermark to the last row read. One statement, so the watermark never passes a row that was not
 * marked. A locked row makes it wait; past the lock timeout the step fails and the watermark stays.
 *
 * due_at becomes the time the job was made, and not now: by that time whoever compares it with the lane's oldest ticket can tell
 * whether the job still has its first ticket, and the stager does not take a long backlog for jobs that have just come due.
 */
const PASS_WATERMARK = {
  name: 'pass_watermark',
  text: `
WITH passed AS MATERIALIZED (
  SELECT id, status, due_at FROM job WHERE ${NEXT_IDS} AND id < ${OLD_ENOUGH} ORDER BY queue, id LIMIT $4
),
marked AS (
  UPDATE job SET due_at = ${BORN_AT} FROM passed
   WHERE job.id = passed.id AND job.id > $2 AND job.id <= $3 AND passed.status IN ('waiting', 'executing') AND passed.due_at IS NULL
     AND job.status IN ('waiting', 'executing') AND job.due_at IS NULL
  RETURNING job.id
),
final AS (SELECT id FROM passed ORDER BY id DESC LIMIT 1),
moved AS (
  UPDATE queue SET watermark = final.id FROM final WHERE name = $1 AND watermark < final.id AND $5 RETURNING name
)
SELECT (SELECT count(*)::int FROM passed) AS "passedCount", (SELECT count(*)::int FROM marked) AS "markedCount", (SELECT id FROM final) AS place`,
};

/** How far one step of the audit came. */
export interface AuditStep {
  readonly passedCount: number;
  readonly markedCount: number;
  /** The last id passed; null when there was none. */
  readonly place: string | null;
}

/**
 * Passes up to `limit` rows of the queue with ids in (`after`, `upTo`] that are at least 60 s old: open ones get due_at. With
 * `moves` the watermark follows, forward only, and `after` must not lie above it; without, the same rows are merely walked again.
 */
export async function passRows(
  query: Query,
  range: IdRange & { readonly moves: boolean },
): Promise<AuditStep> {
  const [step] = await query<AuditStep>(PASS_WATERMARK, [
    range.queue,
    range.after,
    range.upTo,
    range.limit,
    range.moves,
  ]);
  return step ?? { passedCount: 0, markedCount: 0, place: null };
}

/** Moves queue $1's watermark from $2 to $3, unless the queue has a job between, which may be open. Locks the queue's row. */
const RAISE_WATERMARK = {
  name: 'raise_watermark',
  text: `UPDATE queue SET watermark = $3::uuid
          WHERE name = $1 AND watermark = $2::uuid AND watermark < $3::uuid
            AND NOT EXISTS (SELECT FROM job WHERE ${idsOfQueue('$1', '$2', '$3')})`,
};

/** Moves the queue's watermark on over a stretch in which it has no job; leaves it when there is one, or somebody else has moved it. */
export async function raiseWatermark(query: Query, queue: string, from: string, to: string): Promise<void> {
  await query(RAISE_WATERMARK, [queue, from, to]);
}

const RUN_COLUMNS = 'id, name, status, worker_id, run, attempt, max_attempts, batch_id, started_at, due_at';

const ORPHANS = `
SELECT page.id, page.name, page.worker_id AS "workerId", page.run, page.attempt, page.max_attempts AS "maxAttempts", page.started_at AS "startedAt",
       page.batch_id IS NOT NULL AS "isMember"
  FROM page LEFT JOIN worker ON worker.id = page.worker_id
 WHERE page.status = 'executing' AND (worker.id IS NULL OR worker.lost_at IS NOT NULL OR worker.stopped_at IS NOT NULL)`;

/** Orphaned runs among the next rows in id order: $1 queue, $2 after, $3 up to, $4 rows. Locks nothing. */
const ORPHANS_ABOVE = {
  name: 'orphans_above',
  text: page(`SELECT ${RUN_COLUMNS} FROM job WHERE ${NEXT_IDS} ORDER BY queue, id LIMIT $4`, ORPHANS),
};

/**
 * Orphaned runs among the next rows that have due_at: $1 queue, $2 and $3 the place, $4 rows. A run's due_at lies before its claim, so
 * jobs that wait for a later time are not read. Locks nothing.
 */
const ORPHANS_DUE = {
  name: 'orphans_due',
  text: `
WITH page AS MATERIALIZED (
  SELECT ${RUN_COLUMNS} FROM job WHERE queue = $1 AND due_at <= now() AND (due_at, id) > ($2::timestamptz, $3::uuid) ORDER BY due_at, id LIMIT $4
),
found AS (${ORPHANS}),
final AS (SELECT due_at, id FROM page ORDER BY due_at DESC, id DESC LIMIT 1)
SELECT (SELECT count(*)::int FROM page) AS "readCount", final.due_at::text AS "placeDueAt", final.id AS "placeId", found.*
  FROM (SELECT) AS always LEFT JOIN final ON true LEFT JOIN found ON true ORDER BY found.id`,
};

/** Reads the next rows of a queue in id order, and answers the runs among them whose worker is lost, stopped or unknown. */
export function orphansAbove(query: Query, range: IdRange): Promise<Page<OrphanedRun>> {
  return readPage(
    query<PageRow<OrphanedRun>>(ORPHANS_ABOVE, [range.queue, range.after, range.upTo, range.limit]),
  );
}

/** Does the same with the rows that have due_at, in due order; with the rows above the watermark these are all that can be executing. */
export async function orphansDue(
  query: Query,
  queue: string,
  after: DuePlace,
  limit: number,
): Promise<{
  readonly found: readonly OrphanedRun[];
  readonly readCount: number;
  readonly place: DuePlace | undefined;
}> {
  type Row = {
    readonly readCount: number;
    readonly placeDueAt: string | null;
    readonly placeId: string | null;
  } & (OrphanedRun | { readonly id: null });
  const rows = await query<Row>(ORPHANS_DUE, [queue, after.dueAt, after.id, limit]);
  const [first] = rows;
  const place =
    first?.placeDueAt && first.placeId ? { dueAt: first.placeDueAt, id: first.placeId } : undefined;
  return {
    found: rows.filter((row): row is Row & OrphanedRun => row.id !== null),
    readCount: first?.readCount ?? 0,
    place,
  };
}
