import type { EntityManager } from 'typeorm';
import { RookeryError } from '../../../kernel/errors.js';
import { idTime } from '../../../kernel/ids.js';
import type { Query } from './query.js';
import type { JobKey, NewJob } from '../new-job.js';
import { dayOf, groupByDay } from '../partition.js';
import {
  INSERT_CLAIMED_JOB,
  INSERT_CLAIMED_JOBS,
  INSERT_JOB,
  INSERT_JOBS,
  REPEAT_INSERT_CLAIMED_JOBS,
  REPEAT_INSERT_JOBS,
  STORED_AMONG,
  TRY_LOCK_KEYS,
  insertJobsIn,
  liveKeys,
  putKeys,
} from './enqueue.sql.js';
import { arrayLiteral, idsLiteral, optionalArray, type Statement } from './partition-statement.js';

/** What a key is for: one request, one member of a batch, or the dedupe rule of a type. */
type KeyKind = 'idempotency' | 'member' | 'dedupe';

/** What became of one keyed job: stored, met a live key, or met a key that an open transaction holds. */
export type KeyedOutcome =
  | { readonly kind: 'stored' }
  | {
      readonly kind: 'duplicate';
      readonly of: KeyKind;
      readonly jobId: string;
      readonly remainingMs: number | null;
    }
  | { readonly kind: 'held' };

/** Judges what keyed jobs have met, before any of them is stored; throws when none may be. */
export type MayStore = (outcomes: readonly KeyedOutcome[]) => void;

interface LiveKey {
  readonly key: string;
  readonly jobId: string;
  readonly remainingMs: number | null;
}

/** The statements of one schema, for callers whose search path is not ours. */
interface KeyStatements {
  readonly insert: (day: number) => Statement;
  readonly liveKeys: Statement;
  readonly putKeys: Statement;
}

const OWN: KeyStatements = { insert: INSERT_JOBS, liveKeys: liveKeys(), putKeys: putKeys() };
const REPEATED: KeyStatements = { ...OWN, insert: REPEAT_INSERT_JOBS };

/**
 * Inserts jobs without keys. `repeated`: an earlier try of the same jobs may have stored some; those are left as they are.
 * Throws `clock_skew` when the ids are more than a day off the database's clock; otherwise the database's own error.
 */
export async function insertJobs(query: Query, jobs: readonly NewJob[], repeated = false): Promise<void> {
  const single = singleOf(jobs, repeated);
  if (!single) return insertWith(query, repeated ? REPEAT_INSERT_JOBS : INSERT_JOBS, jobs);
  const [stored] = await query(INSERT_JOB(dayOf(single.id)), singleValues(single));
  if (!stored) throw clockSkew(jobs);
}

/**
 * Inserts jobs of one day, without keys, as claimed by that worker: each is executing its first run. Answers when they were. `repeated`: as
 * for `insertJobs`; so all of them are executing under that worker afterwards, unless its lease was lost meanwhile. Throws as `insertJobs` does.
 */
export async function insertClaimedJobs(
  query: Query,
  jobs: readonly NewJob[],
  workerId: string,
  repeated = false,
): Promise<Date> {
  const single = singleOf(jobs, repeated);
  if (single) {
    const values = [...singleValues(single), workerId];
    const [stored] = await query<{ claimedAt: Date }>(INSERT_CLAIMED_JOB(dayOf(single.id)), values);
    if (!stored) throw clockSkew(jobs);
    return stored.claimedAt;
  }
  const [[day, sorted] = [0, []], ...others] = groupByDay(jobs, (job) => job.id);
  if (others.length > 0) throw new RangeError('jobs of several days cannot be inserted as claimed');
  const statement = (repeated ? REPEAT_INSERT_CLAIMED_JOBS : INSERT_CLAIMED_JOBS)(day);
  const values = [...insertValues(sorted), workerId];
  const [answer] = await query<{ isSane: boolean; claimedAt: Date }>(statement, values);
  if (!answer?.isSane) throw clockSkew(sorted);
  return answer.claimedAt;
}

/** The only job, where a statement for a single one may store it. */
function singleOf(jobs: readonly NewJob[], repeated: boolean): NewJob | undefined {
  return jobs.length === 1 && !repeated ? jobs[0] : undefined;
}

/**
 * Inserts jobs with keys; to be called inside a transaction, whose end frees the locks. Of several jobs with one key the first
 * wins. Never waits for another transaction. `repeated`: an earlier try of the same jobs may have stored them; those stay as they are,
 * whoever holds their keys by now.
 */
export async function insertKeyedJobs(
  query: Query,
  jobs: readonly NewJob[],
  repeated = false,
): Promise<KeyedOutcome[]> {
  if (!repeated) return insertKeyedWith(query, OWN, jobs);
  const stored = await storedAmong(query, jobs);
  const others = await insertKeyedWith(
    query,
    REPEATED,
    jobs.filter((job) => !stored.has(job.id)),
  );
  const rest = others[Symbol.iterator]();
  return jobs.map((job) =>
    stored.has(job.id) ? { kind: 'stored' } : (rest.next().value ?? { kind: 'held' }),
  );
}

/** The ids of those of these jobs that are stored. */
export async function storedAmong(query: Query, jobs: readonly NewJob[]): Promise<ReadonlySet<string>> {
  const stored = new Set<string>();
  for (const [day, group] of groupByDay(jobs, (job) => job.id)) {
    const rows = await query<{ id: string }>(STORED_AMONG(day), [idsLiteral(group.map((job) => job.id))]);
    for (const row of rows) stored.add(row.id);
  }
  return stored;
}

/** Does the same for a caller's own transaction: every table under its schema, no named statement left on its connection. */
export class CallerTransaction {
  private readonly statements: KeyStatements;

  constructor(schema: string) {
    const prefix = `"${schema.replaceAll('"', '""')}".`;
    this.statements = { insert: insertJobsIn(prefix), liveKeys: liveKeys(prefix), putKeys: putKeys(prefix) };
  }

  /** Inserts jobs as `insertKeyedJobs` does, unless `mayStore` throws: then nothing was written, so that the caller may go on and commit. */
  async insert(
    manager: EntityManager,
    jobs: readonly NewJob[],
    mayStore?: MayStore,
  ): Promise<KeyedOutcome[]> {
    const query: Query = (statement, values) => manager.query(statement.text, [...values]);
    return insertKeyedWith(query, this.statements, jobs, mayStore);
  }
}

async function insertKeyedWith(
  query: Query,
  statements: KeyStatements,
  jobs: readonly NewJob[],
  mayStore?: MayStore,
): Promise<KeyedOutcome[]> {
  const keys = [...new Set(jobs.flatMap((job) => keysOf(job).map(({ key }) => key.key)))].sort();
  const isLocked = new Set<string>();
  const live = new Map<string, LiveKey>();
  if (keys.length > 0) {
    const literal = arrayLiteral(keys);
    for (const row of await query<{ key: string }>(TRY_LOCK_KEYS, [literal])) isLocked.add(row.key);
    for (const row of await query<LiveKey>(statements.liveKeys, [literal])) live.set(row.key, row);
  }
  const fresh: NewJob[] = [];
  const outcomes = jobs.map((job): KeyedOutcome => {
    if (keysOf(job).some(({ key }) => !isLocked.has(key.key))) return { kind: 'held' };
    for (const { of, key } of keysOf(job)) {
      const holder = live.get(key.key);
      if (holder) return { kind: 'duplicate', of, jobId: holder.jobId, remainingMs: holder.remainingMs };
    }
    for (const { key } of keysOf(job))
      live.set(key.key, { key: key.key, jobId: job.id, remainingMs: key.heldMs });
    fresh.push(job);
    return { kind: 'stored' };
  });
  mayStore?.(outcomes);
  await putAllKeys(query, statements, fresh);
  await insertWith(query, statements.insert, fresh);
  return outcomes;
}

/**
 * Gives jobs (id → key) their keys until they have finished; answers the ids whose key another live job, an earlier one of these or an
 * open transaction holds. To be called inside a transaction.
 */
export async function takeKeys(
  query: Query,
  keys: ReadonlyMap<string, string>,
): Promise<ReadonlySet<string>> {
  const refused = new Set<string>();
  if (keys.size === 0) return refused;
  const literal = arrayLiteral([...new Set(keys.values())].sort());
  const locked = new Set((await query<{ key: string }>(TRY_LOCK_KEYS, [literal])).map((row) => row.key));
  const holders = new Map((await query<LiveKey>(OWN.liveKeys, [literal])).map((row) => [row.key, row.jobId]));
  const taken: [string, string][] = [];
  for (const [id, key] of keys) {
    const holder = holders.get(key);
    if (!locked.has(key) || (holder !== undefined && holder !== id)) refused.add(id);
    else taken.push([id, key]);
    holders.set(key, holder ?? id);
  }
  await query(OWN.putKeys, [
    arrayLiteral(taken.map(([, key]) => key)),
    idsLiteral(taken.map(([id]) => id)),
    arrayLiteral(taken.map(() => null)),
  ]);
  return refused;
}

/**
 * Idempotency first: a repeated request is answered with its first job even while that job blocks others by dedupe; so is a member that is
 * added again.
 */
function keysOf(job: NewJob): { of: KeyKind; key: JobKey }[] {
  return [
    ...(job.idempotencyKey ? [{ of: 'idempotency' as const, key: job.idempotencyKey }] : []),
    ...(job.memberKey ? [{ of: 'member' as const, key: job.memberKey }] : []),
    ...(job.dedupeKey ? [{ of: 'dedupe' as const, key: job.dedupeKey }] : []),
  ];
}

async function putAllKeys(query: Query, statements: KeyStatements, jobs: readonly NewJob[]): Promise<void> {
  const entries = jobs.flatMap((job) => keysOf(job).map(({ key }) => ({ key, jobId: job.id })));
  if (entries.length === 0) return;
  await query(statements.putKeys, [
    arrayLiteral(entries.map(({ key }) => key.key)),
    idsLiteral(entries.map(({ jobId }) => jobId)),
    arrayLiteral(entries.map(({ key }) => key.heldMs)),
  ]);
}

async function insertWith(
  query: Query,
  statementOf: (day: number) => Statement,
  jobs: readonly NewJob[],
): Promise<void> {
  for (const [day, group] of groupByDay(jobs, (job) => job.id)) {
    const [answer] = await query<{ isSane: boolean }>(statementOf(day), insertValues(group));
    if (!answer?.isSane) throw clockSkew(group);
  }
}

/** See the statement for the meaning of each value. */
function insertValues(jobs: readonly NewJob[]): unknown[] {
  const [first] = jobs;
  const allAgree = jobs.every(
    (job) =>
      job.queue === first?.queue &&
      job.name === first.name &&
      job.lane === first.lane &&
      job.maxAttempts === first.maxAttempts,
  );
  return [
    idsLiteral(jobs.map((job) => job.id)),
    `[${jobs.map((job) => job.payload).join(',')}]`,
    ...(allAgree ? [first?.queue, first?.name, first?.lane, first?.maxAttempts] : [null, null, null, null]),
    ...(allAgree
      ? [null, null, null, null]
      : [
          arrayLiteral(jobs.map((job) => job.queue)),
          arrayLiteral(jobs.map((job) => job.name)),
          arrayLiteral(jobs.map((job) => job.lane)),
          arrayLiteral(jobs.map((job) => job.maxAttempts)),
        ]),
    optionalArray(jobs, (job) => job.timeoutMs),
    optionalArray(jobs, (job) => job.objectId),
    optionalArray(jobs, (job) => job.retryOf),
    optionalArray(jobs, (job) => job.batchId),
    optionalArray(jobs, (job) => job.schedule),
    optionalArray(jobs, (job) => job.dueAt?.toISOString()),
    new Date(idTime(first?.id ?? '')).toISOString(),
    optionalArray(jobs, (job) => job.trace),
  ];
}

/** See the statement for the meaning of each value. */
function singleValues(job: NewJob): unknown[] {
  return [
    job.id,
    job.payload,
    job.queue,
    job.name,
    job.lane,
    job.maxAttempts,
    job.timeoutMs,
    job.objectId,
    job.retryOf,
    job.batchId,
    job.schedule,
    job.dueAt?.toISOString(),
    job.trace,
    new Date(idTime(job.id)).toISOString(),
  ];
}

function clockSkew(jobs: readonly NewJob[]): RookeryError {
  const id = jobs[0]?.id ?? '';
  return new RookeryError(
    'clock_skew',
    `the id ${id} was made for ${new Date(idTime(id)).toISOString()}, more than a day off the database's clock; correct this machine's or the database's clock`,
    { id },
  );
}
