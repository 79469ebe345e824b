import { RookeryError } from '../../../kernel/errors.js';
import type { FreshLane } from '../../transport/index.js';
import type { BatchRow, NewBatch } from '../batch.js';
import type { NewJob } from '../new-job.js';
import {
  ADD_MEMBERS,
  ARE_QUEUES_FINISHED,
  BATCHES,
  BATCH_OF_KEY,
  CANCELING_BATCHES,
  CANCEL_BATCH,
  INSERT_BATCH,
  IS_KEY_FINISHED,
  LOCK_BATCH_KEY,
  MARK_FIN,
  NEWEST_BATCHES,
  OPEN_MEMBERS,
  OVERDUE_BATCHES,
  SEAL_BATCH,
  UNTOLD_BATCHES,
} from './batch.sql.js';
import { insertKeyedJobs, storedAmong, type KeyedOutcome } from './enqueue.repository.js';
import { arrayLiteral, idsLiteral } from './partition-statement.js';
import type { Query } from './query.js';

/** A batch that a statement has completed, and the onComplete job it has made, whose ticket is to be offered. */
export interface CompletedBatch {
  readonly batchId: string;
  readonly job: {
    readonly id: string;
    readonly queue: string;
    readonly name: string;
    readonly lane: FreshLane;
  } | null;
}

/** A row of a statement that may complete batches. */
export interface CompletingRow {
  /** The same in every row; null when no batch was completed. */
  readonly completed?: readonly CompletedBatch[] | null;
}

/** The batches that a statement has completed, from its rows. */
export function completedIn(rows: readonly CompletingRow[]): readonly CompletedBatch[] {
  return rows[0]?.completed ?? [];
}

/**
 * Makes a batch unless its key names one already; answers the id of whichever it is. To be called inside a transaction, which holds the key
 * until it ends. Throws `invalid_request` when the key names a batch of another job type.
 */
export async function insertBatch(query: Query, batch: NewBatch): Promise<string> {
  if (batch.key !== undefined) {
    await query(LOCK_BATCH_KEY, [batch.key]);
    const [named] = await query<{ id: string; name: string }>(BATCH_OF_KEY, [batch.key]);
    if (named && named.name !== batch.name) throw keyOfAnotherType(batch.key, named, batch.name);
    if (named) return named.id;
  }
  const { id, key, name, queue, onComplete, deadlineMs, isDeadlineDefault } = batch;
  await query(INSERT_BATCH, [
    id,
    key ?? null,
    name,
    queue,
    onComplete ?? null,
    deadlineMs,
    isDeadlineDefault,
  ]);
  return id;
}

/**
 * Inserts jobs as `insertKeyedJobs` does, one chunk a statement, and counts those that are members into their batches. To be called inside a
 * transaction. Throws `batch_sealed` or `no_such_batch` when a batch takes no members. The batches are locked after the last insert: who
 * settles members of theirs, and strangers' jobs with them, waits for the commit alone and not for thousands of rows.
 */
export async function insertMembers(
  query: Query,
  chunks: Iterable<readonly NewJob[]>,
  repeated = false,
): Promise<KeyedOutcome[]> {
  const met: KeyedOutcome[] = [];
  const members = new Map<string, MembersOfQueue>();
  for (const jobs of chunks) {
    const before = repeated ? await storedAmong(query, jobs) : new Set<string>();
    const outcomes = await insertKeyedJobs(query, jobs, repeated);
    for (const [index, { id, batchId, queue }] of jobs.entries()) {
      if (batchId === undefined || outcomes[index]?.kind !== 'stored' || before.has(id)) continue;
      const key = `${batchId} ${queue}`;
      members.set(key, { batchId, queue, count: (members.get(key)?.count ?? 0) + 1 });
    }
    met.push(...outcomes);
  }
  if (members.size > 0) await addMembers(query, [...members.values()]);
  return met;
}

/** New members of a batch that were born in the same queue. */
interface MembersOfQueue {
  readonly batchId: string;
  readonly queue: string;
  readonly count: number;
}

async function addMembers(query: Query, members: readonly MembersOfQueue[]): Promise<void> {
  const taken = await query<{ id: string }>(ADD_MEMBERS, [
    idsLiteral(members.map(({ batchId }) => batchId)),
    arrayLiteral(members.map(({ queue }) => queue)),
    arrayLiteral(members.map(({ count }) => count)),
  ]);
  const open = new Set(taken.map(({ id }) => id));
  const closed = members.find(({ batchId }) => !open.has(batchId.toLowerCase()))?.batchId;
  if (closed === undefined) return;
  throw await closedBatch(query, closed);
}

function keyOfAnotherType(
  key: string,
  { id, name }: { readonly id: string; readonly name: string },
  wanted: string,
): RookeryError {
  const message = `${JSON.stringify(key)} names batch ${id} of ${name}, not of ${wanted}; use another key, such as one with the type in it`;
  return new RookeryError('invalid_request', `key ${message}`, { issues: [{ path: 'key', message }] });
}

/** Whether there is a batch of that id. */
export async function isBatch(query: Query, id: string): Promise<boolean> {
  return (await batchesOf(query, [id])).length > 0;
}

/** Why a batch takes no more members. */
export async function closedBatch(query: Query, id: string): Promise<RookeryError> {
  const [batch] = await batchesOf(query, [id]);
  if (!batch) return noSuchBatch(id);
  const { key, sealedAt } = batch;
  const why = `batch ${id} was sealed${sealedAt ? ` at ${sealedAt.toISOString()}` : ''} and takes no more jobs`;
  const fix =
    key === null
      ? 'make another batch'
      : `make another batch, with another key than ${JSON.stringify(key)}, such as one with the period in it`;
  return new RookeryError('batch_sealed', `${why}; ${fix}`, { id });
}

/** The error for an id that is no batch's. */
export function noSuchBatch(id: string): RookeryError {
  return new RookeryError(
    'no_such_batch',
    `there is no batch with the id ${id}; it may have been deleted after its retention`,
    { id },
  );
}

/** Seals an open batch; undefined when there is none of that id. What that completed is announced by the caller. */
export async function sealBatch(query: Query, id: string): Promise<readonly CompletedBatch[] | undefined> {
  const rows = await query<CompletingRow>(SEAL_BATCH, [id]);
  return rows.length === 0 ? undefined : completedIn(rows);
}

/** Seals a batch and marks it canceled; undefined when it is complete or unknown. Its members are canceled afterwards. */
export async function markBatchCanceled(
  query: Query,
  id: string,
  isOverdue: boolean,
): Promise<readonly CompletedBatch[] | undefined> {
  const rows = await query<CompletingRow>(CANCEL_BATCH, [id, isOverdue]);
  return rows.length === 0 ? undefined : completedIn(rows);
}

/** A page of the members of a batch that may be canceled. */
export interface OpenMembers {
  readonly ids: readonly string[];
  /** Where the next page goes on; undefined after the last. */
  readonly place: string | undefined;
}

/** Reads the next `limit` members after `place`, and answers the open ones: all, or those that wait. */
export async function openMembers(
  query: Query,
  batchId: string,
  {
    place,
    limit,
    onlyWaiting,
  }: { readonly place: string; readonly limit: number; readonly onlyWaiting: boolean },
): Promise<OpenMembers> {
  const rows = await query<{ id: string | null; place: string }>(OPEN_MEMBERS, [
    batchId,
    place,
    onlyWaiting,
    limit,
  ]);
  return { ids: rows.flatMap(({ id }) => id ?? []), place: rows[0]?.place };
}

/** These batches, in no order; ids that do not exist are missing. */
export function batchesOf(query: Query, ids: readonly string[]): Promise<BatchRow[]> {
  return query<BatchRow>(BATCHES, [idsLiteral(ids)]);
}

/** Which batches are meant, newest first. */
export interface BatchFilter {
  readonly before: string;
  readonly status?: string;
  readonly key?: string;
  readonly limit: number;
}

/** Batches older than `before`, newest first. */
export function newestBatches(
  query: Query,
  { before, status, key, limit }: BatchFilter,
): Promise<BatchRow[]> {
  return query<BatchRow>(NEWEST_BATCHES, [before, status ?? null, limit, key ?? null]);
}

/** Up to `limit` batches past their deadline. */
export async function overdueBatches(query: Query, limit: number): Promise<string[]> {
  return (await query<{ id: string }>(OVERDUE_BATCHES, [limit])).map(({ id }) => id);
}

/** Up to `limit` canceled batches of which members may still be open. */
export function cancelingBatches(
  query: Query,
  limit: number,
): Promise<{ readonly id: string; readonly isOverdue: boolean }[]> {
  return query(CANCELING_BATCHES, [limit]);
}

/** Up to `limit` complete batches of which not every process has been told; `isOld` when that is so for a minute. */
export function untoldBatches(
  query: Query,
  limit: number,
): Promise<{ readonly id: string; readonly isOld: boolean }[]> {
  return query(UNTOLD_BATCHES, [limit]);
}

/** Notes that every process has been told of these batches. */
export async function markFin(query: Query, ids: readonly string[]): Promise<void> {
  await query(MARK_FIN, [idsLiteral(ids)]);
}

/** A batch by its key, as those ask who wait for it. */
export interface AwaitedKey {
  readonly key: string;
  /** Queues of who asks: an onComplete job in one of them belongs to the batch. */
  readonly queues: readonly string[];
  /** Since when the batch may have completed; one made within the last 12 hours counts too, for whoever starts late. */
  readonly since: Date;
}

/** True when the newest batch of that key is complete, its onComplete job included. */
export async function isKeyFinished(query: Query, { key, queues, since }: AwaitedKey): Promise<boolean> {
  const [row] = await query<{ isFinished: boolean }>(IS_KEY_FINISHED, [key, since, arrayLiteral(queues)]);
  return row?.isFinished ?? false;
}

/** True when a batch of one of these queues has completed since then, its onComplete job included, and none of them is unfinished. */
export async function areQueuesFinished(
  query: Query,
  queues: readonly string[],
  since: Date,
): Promise<boolean> {
  const [row] = await query<{ isFinished: boolean }>(ARE_QUEUES_FINISHED, [arrayLiteral(queues), since]);
  return row?.isFinished ?? false;
}
