import { RookeryError } from '../../../kernel/errors.js';
import type { Json } from '../../../kernel/json.js';
import { isUndefinedTable } from '../../database/index.js';
import type { ClaimedJob } from '../claimed-job.js';
import type { NewJob } from '../new-job.js';
import { groupByDay } from '../partition.js';
import type { OtherRun, RunResult, SettleAnswer, SucceededRun } from '../run-result.js';
import type { JobState } from '../state-machine.js';
import { completedIn, insertMembers, type CompletedBatch, type CompletingRow } from './batch.repository.js';
import { arrayLiteral, idsLiteral } from './partition-statement.js';
import type { Query } from './query.js';
import {
  APPEND_LOG,
  CLAIM,
  CLAIMED_BY,
  FOREIGN,
  HELD,
  LOCK_FREE,
  SETTLE_OTHERS,
  SETTLE_SUCCEEDED,
  SHOW_PROGRESS,
} from './run.sql.js';

/** A job as one of its workers last knew it, against what the table says now. */
export interface HeldJob {
  readonly id: string;
  readonly run: number;
  readonly status: JobState;
  readonly workerId: string | null;
  readonly isCancelRequested: boolean;
}

/** One value of progress to show. */
export interface ProgressReport {
  readonly id: string;
  readonly run: number;
  readonly progress: Json;
}

/** One line of a job's log. */
export interface LogLine {
  readonly jobId: string;
  readonly run: number;
  /** Rises from 1 within a run. */
  readonly line: number;
  readonly at: Date;
  readonly message: string;
}

const byId = (id: string): string => id;

/**
 * Reads or changes one day's partition; jobs of a day whose partition has been dropped are gone, so there is nothing to
 * find and the answer is empty.
 */
async function perDay<Item, Row>(
  items: readonly Item[],
  idOf: (item: Item) => string,
  work: (day: number, group: Item[]) => Promise<Row[]>,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [day, group] of groupByDay(items, idOf)) {
    try {
      rows.push(...(await work(day, group)));
    } catch (error) {
      if (!isUndefinedTable(error)) throw error;
    }
  }
  return rows;
}

/**
 * Claims those of the ids that wait, are due, bear one of these names and are retries or not, as asked; ids that anybody has locked are
 * skipped.
 */
export function claim(
  query: Query,
  workerId: string,
  names: readonly string[],
  ids: readonly string[],
  areRetries: boolean,
): Promise<ClaimedJob[]> {
  const nameList = arrayLiteral(names);
  return perDay(ids, byId, (day, group) =>
    query<ClaimedJob>(CLAIM(day), [idsLiteral(group), workerId, nameList, areRetries]),
  );
}

/** Of these ids, those that this worker is executing: what a claim took whose answer was lost. */
export function claimedBy(query: Query, workerId: string, ids: readonly string[]): Promise<ClaimedJob[]> {
  return perDay(ids, byId, (day, group) => query<ClaimedJob>(CLAIMED_BY(day), [idsLiteral(group), workerId]));
}

/** Of these ids, those that could be claimed by a worker that knows other names than these. */
export async function foreignAmong(
  query: Query,
  names: readonly string[],
  ids: readonly string[],
): Promise<string[]> {
  const nameList = arrayLiteral(names);
  const rows = await perDay(ids, byId, (day, group) =>
    query<{ id: string }>(FOREIGN(day), [idsLiteral(group), nameList]),
  );
  return rows.map((row) => row.id);
}

/** Reads these jobs by primary key. */
export function held(query: Query, ids: readonly string[]): Promise<HeldJob[]> {
  return perDay(ids, byId, (day, group) => query<HeldJob>(HELD(day), [idsLiteral(group)]));
}

/** Locks these jobs until the transaction ends, but for those that somebody else has locked; answers the ids of the locked. */
export async function lockFree(query: Query, ids: readonly string[]): Promise<Set<string>> {
  const rows = await perDay(ids, byId, (day, group) =>
    query<{ id: string }>(LOCK_FREE(day), [idsLiteral(group)]),
  );
  return new Set(rows.map((row) => row.id));
}

const DONE: SettleAnswer = { kind: 'settled', status: 'done' };

/** What a settle came to. */
export interface Settled {
  /** For each result, by the id of its job. */
  readonly answers: Map<string, SettleAnswer>;
  /** Batches whose last member was among them; to be announced by the caller once that is durable. */
  readonly completed: readonly CompletedBatch[];
}

/**
 * Records how runs ended, each only if it is still this worker's. `repeated`: an earlier try may have been recorded although
 * its answer was lost; an outcome found in the table as it was asked for is no refusal.
 */
export async function settle(
  query: Query,
  workerId: string,
  results: readonly RunResult[],
  repeated = false,
): Promise<Settled> {
  const succeeded = results.filter((result) => result.kind === 'succeeded');
  const others = results.filter((result) => result.kind === 'other');
  const completed: CompletedBatch[] = [];
  const answers = new Map<string, SettleAnswer>();
  for (const id of await settleSucceeded(query, workerId, succeeded, completed)) answers.set(id, DONE);
  for (const { id, status } of await settleOthers(query, workerId, others, completed))
    answers.set(id, { kind: 'settled', status });
  const missing = results.filter((result) => !answers.has(result.id));
  if (missing.length === 0) return { answers, completed };
  const found = repeated ? await foundSettled(query, workerId, missing) : new Map<string, SettleAnswer>();
  for (const result of missing) answers.set(result.id, found.get(result.id) ?? { kind: 'refused' });
  return { answers, completed };
}

/**
 * Records runs as `settle` does, and enqueues the children of those that were applied; a child that meets a live key is left out. To be
 * called inside a transaction. Throws `duplicate_job` when an open transaction holds the key of a child, `batch_sealed` when the batch of one
 * is closed.
 */
export async function settleWithChildren(
  query: Query,
  workerId: string,
  results: readonly RunResult[],
  repeated = false,
): Promise<Settled & { readonly stored: ReadonlySet<string> }> {
  const before = repeated ? await foundSettled(query, workerId, results) : new Map<string, SettleAnswer>();
  const fresh = results.filter((result) => !before.has(result.id));
  const { answers, completed } = await settle(query, workerId, fresh);
  const children = fresh.flatMap((result) =>
    result.kind === 'succeeded' && answers.get(result.id)?.kind === 'settled' ? result.children : [],
  );
  const outcomes = await insertMembers(query, [children]);
  const heldChild = children.find((_, index) => outcomes[index]?.kind === 'held');
  if (heldChild) throw childHeld(heldChild);
  const stored = new Set(
    children.filter((_, index) => outcomes[index]?.kind === 'stored').map((child) => child.id),
  );
  return { answers: new Map([...before, ...answers]), completed, stored };
}

/** A child whose key an open transaction holds may be a duplicate or not; until that is known its parent is not recorded. */
function childHeld(child: NewJob): RookeryError {
  return new RookeryError(
    'duplicate_job',
    `another transaction is about to store a ${child.name} for objectId ${JSON.stringify(child.objectId)}, which this run wants to enqueue`,
    { retryAfter: 1 },
  );
}

/** Records one day's runs by the statement that suits them, and gathers the batches that it completed. */
async function settleDay<Row extends CompletingRow>(
  query: Query,
  statements: typeof SETTLE_SUCCEEDED,
  day: number,
  runs: readonly RunResult[],
  values: readonly unknown[],
  completed: CompletedBatch[],
): Promise<Row[]> {
  const hasMembers = runs.some((run) => run.isMember);
  const rows = await query<Row>((hasMembers ? statements.members : statements.plain)(day), values);
  completed.push(...completedIn(rows));
  return rows;
}

interface SucceededRow extends CompletingRow {
  /** Null for all of those asked for. */
  readonly ids: readonly string[] | null;
}

/** Answers the ids of the jobs whose success is recorded. */
function settleSucceeded(
  query: Query,
  workerId: string,
  runs: readonly SucceededRun[],
  completed: CompletedBatch[],
): Promise<string[]> {
  return perDay(
    runs,
    (run) => run.id,
    async (day, group) => {
      const values = [...idsAndRuns(group), `[${group.map((run) => run.result).join(',')}]`, workerId];
      const rows = await settleDay<SucceededRow>(query, SETTLE_SUCCEEDED, day, group, values, completed);
      return rows.flatMap(({ ids }) => ids ?? group.map((run) => run.id));
    },
  );
}

interface OtherRow extends CompletingRow {
  readonly id: string;
  readonly status: JobState;
}

function settleOthers(
  query: Query,
  workerId: string,
  runs: readonly OtherRun[],
  completed: CompletedBatch[],
): Promise<OtherRow[]> {
  return perDay(
    runs,
    (run) => run.id,
    (day, group) => {
      const values = [
        ...idsAndRuns(group),
        arrayLiteral(group.map((run) => run.status)),
        arrayLiteral(group.map((run) => run.delayMs)),
        arrayLiteral(group.map((run) => run.isRefunded)),
        JSON.stringify(group.map((run) => run.entry)),
        workerId,
      ];
      return settleDay(query, SETTLE_OTHERS, day, group, values, completed);
    },
  );
}

/** Reads which of these outcomes are in the table already, by this worker and as asked for. */
async function foundSettled(
  query: Query,
  workerId: string,
  results: readonly RunResult[],
): Promise<Map<string, SettleAnswer>> {
  const rows = new Map(
    (
      await held(
        query,
        results.map((result) => result.id),
      )
    ).map((row) => [row.id, row]),
  );
  const found = new Map<string, SettleAnswer>();
  for (const result of results) {
    const row = rows.get(result.id);
    const wanted = result.kind === 'succeeded' ? 'done' : result.status;
    const isOwn = row?.run === result.run && row.workerId === workerId;
    if (isOwn && (row.status === wanted || (wanted === 'waiting' && row.status === 'canceled'))) {
      found.set(result.id, { kind: 'settled', status: row.status });
    }
  }
  return found;
}

/** Shows progress of runs that are still this worker's; others, and rows locked by anybody, are left as they are. */
export async function showProgress(
  query: Query,
  workerId: string,
  reports: readonly ProgressReport[],
): Promise<void> {
  await perDay(
    reports,
    (report) => report.id,
    (day, group) =>
      query(SHOW_PROGRESS(day), [
        ...idsAndRuns(group),
        JSON.stringify(group.map((report) => report.progress)),
        workerId,
      ]),
  );
}

/** Appends lines to the logs of jobs. */
export async function appendLog(query: Query, lines: readonly LogLine[]): Promise<void> {
  await perDay(
    lines,
    (line) => line.jobId,
    (day, group) =>
      query(APPEND_LOG(day), [
        idsLiteral(group.map((line) => line.jobId)),
        arrayLiteral(group.map((line) => line.run)),
        arrayLiteral(group.map((line) => line.line)),
        arrayLiteral(group.map((line) => line.at.toISOString())),
        arrayLiteral(group.map((line) => line.message)),
      ]),
  );
}

function idsAndRuns(items: readonly { id: string; run: number }[]): [string, string] {
  return [idsLiteral(items.map((item) => item.id)), arrayLiteral(items.map((item) => item.run))];
}
