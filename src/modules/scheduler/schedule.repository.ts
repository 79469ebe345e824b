import type { Query } from '../job/index.js';
import type { ScheduleRow, ScheduleRules } from './schedule.js';

/** A schedule to be stored. */
export interface NewSchedule extends ScheduleRules {
  readonly name: string;
  readonly source: 'code' | 'api';
  readonly job: string;
  /** JSON text. */
  readonly payload: string;
  readonly anchorAt: Date;
  readonly nextFireAt: Date | null;
  readonly isPaused?: boolean;
}

/** One fire as it is kept. */
export interface FireRow {
  readonly fireAt: Date;
  readonly firedAt: Date;
  readonly jobId: string;
  readonly isManual: boolean;
}

const COLUMNS = `name, source, cron, every_ms::float8 AS "everyMs", time_zone AS "timeZone", job, payload, catch_up AS "catchUp",
       jitter_ms AS "jitterMs", start_at AS "startAt", end_at AS "endAt", anchor_at AS "anchorAt", paused_at AS "pausedAt",
       orphaned_at AS "orphanedAt", last_fire_at AS "lastFireAt", next_fire_at AS "nextFireAt", error`;

const ALL = { name: 'schedules', text: `SELECT ${COLUMNS} FROM schedule ORDER BY name` };
const ONE = { name: 'schedule', text: `SELECT ${COLUMNS} FROM schedule WHERE name = $1` };

/** Keeps everyone who changes the schedule of that name in turn until the transaction ends, also where there is none yet. */
const LOCK_NAME = {
  name: 'lock_schedule_name',
  text: `SELECT pg_advisory_xact_lock(hashtextextended('rookery:schedule:' || $1, 0))`,
};

/** Keeps those who fire it from the schedule until the transaction ends. */
const LOCK = { name: 'lock_schedule', text: `${ONE.text} FOR UPDATE` };

/** Stores a schedule, in place of the one of that name. What fired stays. $14: null leaves the pause as it is. */
const PUT = {
  name: 'put_schedule',
  text: `
INSERT INTO schedule AS s (name, source, cron, every_ms, time_zone, job, payload, catch_up, jitter_ms, start_at, end_at, anchor_at, next_fire_at,
                           paused_at, declared_at)
VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8::jsonb, $9, $10, $11, $12, $13, CASE WHEN $14::boolean THEN now() END,
        CASE WHEN $2 = 'code' THEN now() END)
ON CONFLICT (name) DO UPDATE
   SET source = excluded.source, cron = excluded.cron, every_ms = excluded.every_ms, time_zone = excluded.time_zone, job = excluded.job,
       payload = excluded.payload, catch_up = excluded.catch_up, jitter_ms = excluded.jitter_ms, start_at = excluded.start_at,
       end_at = excluded.end_at, anchor_at = excluded.anchor_at, next_fire_at = excluded.next_fire_at,
       declared_at = excluded.declared_at, orphaned_at = NULL, error = NULL, updated_at = now(),
       paused_at = CASE WHEN $14::boolean IS NULL THEN s.paused_at WHEN $14 THEN coalesce(s.paused_at, now()) END`,
};

const REMOVE = { name: 'remove_schedule', text: `DELETE FROM schedule WHERE name = $1 RETURNING name` };
const REMOVE_FIRES = { name: 'remove_fires', text: `DELETE FROM schedule_fire WHERE schedule = $1` };

/** $2 true pauses. What it would have fired while paused is not made up for: $3 is its next fire from now. */
const SET_PAUSED = {
  name: 'pause_schedule',
  text: `UPDATE schedule SET paused_at = CASE WHEN $2 THEN coalesce(paused_at, now()) END,
                next_fire_at = CASE WHEN $2 OR paused_at IS NULL THEN next_fire_at ELSE $3 END, updated_at = now()
          WHERE name = $1 RETURNING name`,
};

/** Says that the code of a process has these schedules ($1). */
const DECLARE = {
  name: 'declare_schedules',
  text: `UPDATE schedule SET declared_at = now(), orphaned_at = NULL WHERE name = ANY ($1::text[]) AND source = 'code'`,
};

/** Marks the schedules from code, but for $1, that no process has said to have for $2 ms. */
const ORPHAN = {
  name: 'orphan_schedules',
  text: `UPDATE schedule SET orphaned_at = now()
          WHERE source = 'code' AND orphaned_at IS NULL AND declared_at < now() - $2::float8 * interval '1 ms' AND NOT name = ANY ($1::text[])
      RETURNING name`,
};

const MAY_FIRE = `paused_at IS NULL AND orphaned_at IS NULL AND (source = 'api' OR name = ANY ($1::text[])) AND NOT name = ANY ($2::text[])`;

/** Schedules whose next fire is at most $3 ms ahead, but for those $2; from code only those this process has ($1). At most 100. */
const DUE = {
  name: 'due_schedules',
  text: `SELECT name, extract(epoch FROM next_fire_at - clock_timestamp())::float8 * 1000 AS "inMs" FROM schedule
          WHERE next_fire_at <= clock_timestamp() + $3::float8 * interval '1 ms' AND ${MAY_FIRE} ORDER BY next_fire_at LIMIT 100`,
};

/** Locks a schedule that is due, unless somebody else is firing it. */
const LOCK_DUE = {
  name: 'lock_due_schedule',
  text: `SELECT ${COLUMNS}, clock_timestamp() AS now FROM schedule
          WHERE name = $1 AND next_fire_at <= clock_timestamp() AND paused_at IS NULL AND orphaned_at IS NULL FOR UPDATE SKIP LOCKED`,
};

/** Records fires $2 with their jobs $3; returns those that were not recorded before. */
const RECORD_FIRES = {
  name: 'record_fires',
  text: `INSERT INTO schedule_fire (schedule, fire_at, job_id)
         SELECT $1, fire_at, job_id FROM unnest($2::timestamptz[], $3::uuid[]) AS f(fire_at, job_id)
             ON CONFLICT (schedule, fire_at) DO NOTHING RETURNING fire_at AS "fireAt"`,
};

const SET_JOB = {
  name: 'set_fire_job',
  text: `UPDATE schedule_fire SET job_id = $3 WHERE schedule = $1 AND fire_at = $2`,
};

const MOVE = {
  name: 'move_schedule',
  text: `UPDATE schedule SET last_fire_at = coalesce($2, last_fire_at), next_fire_at = $3, error = NULL WHERE name = $1`,
};

/** Only while the time is due that could not be fired: it may have been after all, by somebody else, or as the answer to a commit was lost. */
const SET_ERROR = {
  name: 'set_schedule_error',
  text: `UPDATE schedule SET error = $2 WHERE name = $1 AND next_fire_at <= clock_timestamp() RETURNING name`,
};

const TRIGGERED = {
  name: 'triggered',
  text: `INSERT INTO schedule_fire (schedule, fire_at, job_id, is_manual) VALUES ($1, clock_timestamp(), $2, true) ON CONFLICT DO NOTHING`,
};

const FIRES = {
  name: 'fires',
  text: `SELECT fire_at AS "fireAt", fired_at AS "firedAt", job_id AS "jobId", is_manual AS "isManual" FROM schedule_fire
          WHERE schedule = $1 ORDER BY fire_at DESC LIMIT $2`,
};

/** Every schedule, by name. */
export function allSchedules(query: Query): Promise<ScheduleRow[]> {
  return query<ScheduleRow>(ALL, []);
}

/** The schedule of that name, if there is one. */
export async function scheduleNamed(query: Query, name: string): Promise<ScheduleRow | undefined> {
  const [row] = await query<ScheduleRow>(ONE, [name]);
  return row;
}

/** Locks the schedule of that name, if there is one, and the name in any case, until the transaction ends: nobody else changes or fires it. */
export async function lockSchedule(query: Query, name: string): Promise<ScheduleRow | undefined> {
  await query(LOCK_NAME, [name]);
  const [row] = await query<ScheduleRow>(LOCK, [name]);
  return row;
}

/** Stores a schedule, in place of the one of that name, which `lockSchedule` has locked. */
export async function putSchedule(query: Query, schedule: NewSchedule): Promise<void> {
  await query(PUT, [
    schedule.name,
    schedule.source,
    schedule.cron,
    schedule.everyMs,
    schedule.timeZone,
    schedule.job,
    schedule.payload,
    JSON.stringify(schedule.catchUp),
    schedule.jitterMs,
    schedule.startAt,
    schedule.endAt,
    schedule.anchorAt,
    schedule.nextFireAt,
    schedule.isPaused ?? null,
  ]);
}

/** Removes a schedule and what is kept of its fires; the jobs stay. False when there is none. To be called inside a transaction. */
export async function removeSchedule(query: Query, name: string): Promise<boolean> {
  const removed = await query(REMOVE, [name]);
  await query(REMOVE_FIRES, [name]);
  return removed.length > 0;
}

/** Pauses a schedule, or lets it fire again from `nextFireAt` on; false when there is none. */
export async function setSchedulePaused(
  query: Query,
  name: string,
  isPaused: boolean,
  nextFireAt: Date | null,
): Promise<boolean> {
  return (await query(SET_PAUSED, [name, isPaused, nextFireAt])).length > 0;
}

/** Says that the code of this process has these schedules. */
export async function declareSchedules(query: Query, names: readonly string[]): Promise<void> {
  await query(DECLARE, [names]);
}

/** Marks the schedules from code, but for `names`, that no process has said to have for so long; answers which those are. */
export async function orphanSchedules(
  query: Query,
  names: readonly string[],
  silentMs: number,
): Promise<string[]> {
  return (await query<{ name: string }>(ORPHAN, [names, silentMs])).map(({ name }) => name);
}

/** Which schedules a process may fire. */
export interface FiringFilter {
  /** From code, those that this process has. */
  readonly declared: readonly string[];
  readonly without: readonly string[];
  readonly withinMs: number;
}

/** Schedules that are due, or will be within that time, soonest first. */
export function dueSchedules(
  query: Query,
  { declared, without, withinMs }: FiringFilter,
): Promise<{ readonly name: string; readonly inMs: number }[]> {
  return query(DUE, [declared, without, withinMs]);
}

/** Locks a schedule that is due until the transaction ends; undefined when it is not, or when somebody else has it. */
export async function lockDueSchedule(
  query: Query,
  name: string,
): Promise<(ScheduleRow & { readonly now: Date }) | undefined> {
  const [row] = await query<ScheduleRow & { readonly now: Date }>(LOCK_DUE, [name]);
  return row;
}

/** Records fires with their jobs; answers which of them are new. */
export async function recordFires(
  query: Query,
  name: string,
  fires: readonly { readonly at: Date; readonly jobId: string }[],
): Promise<ReadonlySet<number>> {
  const rows = await query<{ fireAt: Date }>(RECORD_FIRES, [
    name,
    fires.map(({ at }) => at),
    fires.map(({ jobId }) => jobId),
  ]);
  return new Set(rows.map(({ fireAt }) => fireAt.getTime()));
}

/** Names the job that a fire met in place of its own. */
export async function setFireJob(query: Query, name: string, at: Date, jobId: string): Promise<void> {
  await query(SET_JOB, [name, at, jobId]);
}

/** Moves a schedule on: its last fire, if there was one, and its next. */
export async function moveSchedule(
  query: Query,
  name: string,
  lastFireAt: Date | null,
  nextFireAt: Date | null,
): Promise<void> {
  await query(MOVE, [name, lastFireAt, nextFireAt]);
}

/** Notes why a schedule could not fire; false when nothing of it is due any more, so that it has fired. */
export async function setScheduleError(query: Query, name: string, error: string): Promise<boolean> {
  return (await query(SET_ERROR, [name, error])).length > 0;
}

/** Notes a job that was asked for by hand. */
export async function recordTrigger(query: Query, name: string, jobId: string): Promise<void> {
  await query(TRIGGERED, [name, jobId]);
}

/** The last fires of a schedule, newest first. */
export function firesOf(query: Query, name: string, limit: number): Promise<FireRow[]> {
  return query<FireRow>(FIRES, [name, limit]);
}
