import { lowestIdAt } from '../../../kernel/ids.js';
import type { Statement } from './partition-statement.js';
import type { Query } from './query.js';

/** Workers that ended are of use to whoever looks for why, and to nobody after a day. */
const ENDED_WORKERS_MS = 86_400_000;

/** How old a row must be, in ms, and the smallest id of that time. */
interface Age {
  readonly ms: number;
  readonly belowId: string;
}

interface OldRows {
  readonly statement: Statement;
  readonly values: (age: Age) => readonly unknown[];
}

/**
 * Rows of small tables that nobody asks for any more, up to $1 a statement. Each locks what it deletes, and leaves what anybody has locked.
 * What else grows goes by its own duty: keys by the key sweeper, counters by the counter folder.
 */
const OLD_ROWS: readonly OldRows[] = [
  {
    // A few rows a process and day: read as a whole.
    statement: {
      name: 'delete_ended_workers',
      text: `
DELETE FROM worker WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM worker WHERE coalesce(stopped_at, lost_at) < now() - $2::float8 * interval '1 ms' LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING id`,
    },
    values: ({ ms }) => [Math.min(ms, ENDED_WORKERS_MS)],
  },
  {
    // By the index on fired_at. That a nominal time does not fire again is kept by the schedule's last_fire_at.
    statement: {
      name: 'delete_old_fires',
      text: `
DELETE FROM schedule_fire WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM schedule_fire WHERE fired_at < now() - $2::float8 * interval '1 ms' ORDER BY fired_at LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING schedule`,
    },
    values: ({ ms }) => [ms],
  },
  {
    // By primary key: a batch is younger than its end, so one that ended so long ago has an id below $3.
    statement: {
      name: 'delete_old_batches',
      text: `
DELETE FROM batch WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM batch WHERE id < $3::uuid AND completed_at < now() - $2::float8 * interval '1 ms' AND fin_at IS NOT NULL
   ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING id`,
    },
    values: ({ ms, belowId }) => [ms, belowId],
  },
];

/** Deletes up to `limit` rows of each kind that are older than `retentionMs` at `nowMs`; answers the most there were of any. */
export async function deleteOldRows(
  query: Query,
  {
    nowMs,
    retentionMs,
    limit,
  }: { readonly nowMs: number; readonly retentionMs: number; readonly limit: number },
): Promise<number> {
  const age: Age = { ms: retentionMs, belowId: lowestIdAt(nowMs - retentionMs) };
  let most = 0;
  for (const { statement, values } of OLD_ROWS) {
    most = Math.max(most, (await query(statement, [limit, ...values(age)])).length);
  }
  return most;
}
