import {
  passRows,
  settle,
  type ClaimedJob,
  type Query,
  type RunResult,
} from '../../src/modules/job/index.js';
import type { Protocol } from './job-world.js';

/** Statements as one might write them by mistake. A model check that lets one of these pass proves nothing. */

/** Records whatever a worker says, whoever has the job by now. */
const settleWithoutFence: Protocol['settle'] = async (query, worker, results, repeated) => {
  const settled = await settle(query, worker, results, repeated);
  for (const result of results.filter(({ id }) => settled.answers.get(id)?.kind === 'refused'))
    await forceDone(query, result);
  return settled;
};

function forceDone(query: Query, { id }: RunResult): Promise<object[]> {
  const text = `UPDATE job SET status = 'done', finished_at = now(), discarded_at = NULL, due_at = NULL WHERE id = $1`;
  return query({ name: 'force_done', text }, [id]);
}

/** Looks which jobs wait and takes them by a second statement: two that look at the same time both take them. */
const claimInTwoSteps: Protocol['claim'] = async (query, worker, _names, ids, areRetries) => {
  const look = `SELECT id FROM job WHERE id = ANY ($1::uuid[]) AND status = 'waiting' AND (due_at IS NULL OR due_at <= now())
                   AND (attempt > 0) = $2 ORDER BY id`;
  const waiting = await query<{ id: string }>({ name: 'look_first', text: look }, [ids, areRetries]);
  const taking = `WITH taken AS (
                    UPDATE job SET status = 'executing', run = run + 1, attempt = attempt + 1, worker_id = $2, started_at = now()
                     WHERE id = ANY ($1::uuid[]) RETURNING id, queue, name, run, attempt),
                  counted AS (INSERT INTO counter_delta (queue, name, claimed) SELECT queue, name, count(*) FROM taken GROUP BY queue, name)
                  SELECT * FROM taken`;
  return query<ClaimedJob>({ name: 'take_then', text: taking }, [waiting.map(({ id }) => id), worker]);
};

/** Moves the watermark past open jobs without marking them. */
const auditWithoutMarks: Protocol['passRows'] = async (query, range) => {
  const step = await passRows(query, range);
  const text = `UPDATE job SET due_at = NULL WHERE queue = $1 AND id > $2 AND id <= $3 AND status IN ('waiting', 'executing')`;
  await query({ name: 'unmark', text }, [range.queue, range.after, step.place ?? range.after]);
  return step;
};

/** Each by what it leaves out. */
export const brokenProtocols: readonly (readonly [string, Partial<Protocol>])[] = [
  ['a settle without the fence', { settle: settleWithoutFence }],
  ['a claim that looks first and takes then', { claim: claimInTwoSteps }],
  ['an audit that marks nothing', { passRows: auditWithoutMarks }],
];
