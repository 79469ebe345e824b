import { dayBounds, daySuffix } from '../partition.js';
import { DOOMED, IS_OPEN, type Day, type DayTable } from './old-days.repository.js';

/**
 * The end of a day: doom, detach, look once more, drop; first the jobs, then their logs. Each step leaves a state that tells what comes next, so
 * that a process may die between any two, and another goes on.
 *
 * DETACH CONCURRENTLY has two parts. The first marks the partition as going, under locks that neither a read nor a write conflicts with; new
 * statements plan without it. Then it waits, holding nothing, for every transaction that has used the parent, because those may read it
 * still; only the second part takes the partition's own ACCESS EXCLUSIVE lock. The session's lock_timeout bounds each wait and its
 * statement_timeout all of them: what is given up in the second part stays `pending`, and FINALIZE is that part alone. It has to
 * take the lock before it waits for older snapshots, and holds it for that long: nobody plans with that partition by then.
 */

/** A session of the pruner's own: a detach runs in no transaction. */
export interface Session {
  query<Row extends object>(text: string): Promise<Row[]>;
}

/** `dropped`: the day is gone. `restored`: a job in it had been opened again, and it is back. `left`: not the pruner's to drop. */
export type DayEnd = 'dropped' | 'restored' | 'left';

/**
 * Goes on with the end of a day, from wherever it was left. To be called when nothing in it is kept. Rejects with the server's 55P03 or 57014
 * when somebody's transaction is in the way for longer than the session waits.
 */
export async function endDay(session: Session, { day, job, log }: Day): Promise<DayEnd> {
  if (job) {
    const end = await endJobs(session, day, job);
    if (end !== 'dropped') return end;
  }
  return log ? endLog(session, day, log) : 'dropped';
}

async function endJobs(session: Session, day: number, job: DayTable): Promise<DayEnd> {
  const table = `job_${daySuffix(day)}`;
  if (!(await detach(session, 'job', table, job))) return 'left';
  // Against whoever else believes to hold the duty: under these locks the table is looked at, and dropped or put back, by one alone. The
  // parent's comes first, as in every attach and detach.
  return inTransaction(session, async () => {
    await session.query('LOCK TABLE ONLY job IN SHARE UPDATE EXCLUSIVE MODE');
    await session.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
    const [found] = await session.query<{ hasOpen: boolean; isAttached: boolean }>(
      `SELECT EXISTS (SELECT FROM ${table} WHERE ${IS_OPEN}) AS "hasOpen", relispartition AS "isAttached" FROM pg_class WHERE oid = '${table}'::regclass`,
    );
    if (!found || found.isAttached) return 'left';
    if (!found.hasOpen) {
      await session.query(`DROP TABLE ${table}`);
      return 'dropped';
    }
    const { from, to } = dayBounds(day);
    // The detach has left a CHECK of the bounds, which spares the attach its scan.
    await session.query(`ALTER TABLE job ATTACH PARTITION ${table} FOR VALUES FROM ('${from}') TO ('${to}')`);
    await session.query(`COMMENT ON TABLE ${table} IS NULL`);
    return 'restored';
  });
}

/** Lines of jobs that are gone: there is nothing to look for in them. */
async function endLog(session: Session, day: number, log: DayTable): Promise<DayEnd> {
  const table = `job_log_${daySuffix(day)}`;
  if (!(await detach(session, 'job_log', table, log))) return 'left';
  await session.query(`DROP TABLE IF EXISTS ${table}`);
  return 'dropped';
}

/** Makes the table stand by itself, doomed before; false when somebody else has detached it, or begun to, for reasons of their own. */
async function detach(
  session: Session,
  parent: string,
  table: string,
  { state, isDoomed }: DayTable,
): Promise<boolean> {
  if (state === 'detached') return isDoomed;
  if (state === 'pending') {
    await session.query(`ALTER TABLE ${parent} DETACH PARTITION ${table} FINALIZE`);
    return isDoomed;
  }
  if (!isDoomed) await session.query(`COMMENT ON TABLE ${table} IS '${DOOMED}'`);
  await session.query(`ALTER TABLE ${parent} DETACH PARTITION ${table} CONCURRENTLY`);
  return true;
}

async function inTransaction<Result>(session: Session, work: () => Promise<Result>): Promise<Result> {
  await session.query('BEGIN');
  try {
    const result = await work();
    await session.query('COMMIT');
    return result;
  } catch (error) {
    await session.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}
