import { randomBytes } from 'node:crypto';
import { lowestIdAt } from '../../src/kernel/ids.js';
import type { HotConnection } from '../../src/modules/database/index.js';
import {
  FIRST_DUE_PLACE,
  FIRST_ID,
  cancelJobs,
  claim,
  claimedBy,
  controlQuery,
  held,
  hotQuery,
  insertBatch,
  insertKeyedJobs,
  insertMembers,
  lookDue,
  lookFresh,
  markLost,
  openLeases,
  orphansAbove,
  orphansDue,
  passRows,
  reopenJobs,
  sealBatch,
  settle,
  totals,
  type HeldJob,
  type NewJob,
  type OrphanedRun,
  type Query,
  type RunResult,
} from '../../src/modules/job/index.js';
import { insertClaimedJobs } from '../../src/modules/job/repository/enqueue.repository.js';
import { LAST_ID } from '../../src/modules/job/repository/job-query.sql.js';
import { ended, succeeded } from '../../src/modules/worker/outcome.js';
import { Run } from '../../src/modules/worker/run.js';
import { registerWorker, renewLease, stopWorkers } from '../../src/modules/worker/worker.repository.js';
import { Paint } from './rest-app.js';
import { eventually } from './eventually.js';
import {
  type Flows,
  type HeldRun,
  type JobStep,
  type ModelJob,
  type RunEnd,
  type Shown,
} from './job-model.js';
import { JobTables } from './job-tables.js';
import { SHOW_BATCH, SHOW_FLOWS, SHOW_JOBS, SHOW_WAITING } from './job-world.sql.js';

/** The statements under test; a control puts a broken one in the place of one of them. */
export const protocol = { cancelJobs, claim, passRows, reopenJobs, settle };
export type Protocol = typeof protocol;

/** Most commands at once: each has a session of its own. */
export const MOST_AT_ONCE = 4;

const NAME = 'task';
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const SLOTS = { total: 1, busy: 0, stuck: 0, isDraining: false, queues: {} };

/** The product's statements on a real database, each command on the kind of session that it has in a process. */
export class JobWorld {
  queue = '';
  batchId = '';
  /** How often anybody was told that the batch is complete. */
  completions = 0;
  private runs = 0;
  private aged = 0;
  private readonly hot: readonly HotConnection[];

  private constructor(
    readonly tables: JobTables,
    private readonly own: Protocol,
  ) {
    this.hot = Array.from({ length: MOST_AT_ONCE }, (_, at) =>
      // Every other session is one of claims that are not waited for on disk.
      tables.database.hot(`model-${at}`, { durable: at % 2 === 0 }),
    );
  }

  /** @param broken what a control does in another way */
  static async open(broken: Partial<Protocol> = {}): Promise<JobWorld> {
    return new JobWorld(await JobTables.open(), { ...protocol, ...broken });
  }

  close(): Promise<void> {
    return this.tables.close();
  }

  /** Empties the tables and makes a queue, an open batch and as many workers. */
  async begin(workers: readonly string[]): Promise<void> {
    await this.tables.test.query(
      'TRUNCATE job, job_key, queue, worker, batch, counter_delta, counter_minute',
    );
    this.queue = `line-${++this.runs}`;
    this.aged = 0;
    this.completions = 0;
    this.batchId = this.newId('fresh');
    await this.tables.addQueue(this.queue);
    const batch = { id: this.batchId, name: NAME, queue: this.queue, deadlineMs: HOUR_MS };
    await this.tables.step((query) => insertBatch(query, { ...batch, isDeadlineDefault: true }));
    for (const id of workers) await this.register(id);
  }

  /**
   * The id of a new job. One born `late` is older than 10 s, and older than any that the audit passes; one that has `aged` was stored in time
   * and is old enough for the audit by now. These rise.
   */
  newId(birth: 'fresh' | 'late' | 'aged'): string {
    const agoMs = { fresh: 0, late: 20 * MINUTE_MS, aged: 15 * MINUTE_MS - 1_000 * this.aged };
    if (birth === 'aged') this.aged++;
    const tail = randomBytes(10).toString('hex');
    const start = lowestIdAt(this.tables.database.clock.now() - agoMs[birth]).slice(0, 14);
    return `${start}7${tail.slice(0, 3)}-8${tail.slice(3, 6)}-${tail.slice(6, 18)}`;
  }

  // ── The acts ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  async enqueue(session: number, step: JobStep & { readonly kind: 'enqueue' }): Promise<string> {
    const { id, maxAttempts, due, isMember, key, claimedBy } = step;
    const job: NewJob = {
      id,
      queue: this.queue,
      name: NAME,
      lane: 'normal',
      payload: '{}',
      maxAttempts,
      ...(due === 'future' && { dueAt: new Date(this.tables.database.clock.now() + HOUR_MS) }),
      ...(isMember && { batchId: this.batchId }),
      ...(key !== null && { dedupeKey: { key, heldMs: null } }),
    };
    if (claimedBy !== null) {
      await insertClaimedJobs(hotQuery(this.session(session)), [job], claimedBy);
      return 'claimed';
    }
    return this.session(session).transaction(async (queries) => {
      const query = hotQuery(queries);
      const [outcome] = isMember ? await insertMembers(query, [[job]]) : await insertKeyedJobs(query, [job]);
      if (outcome?.kind === 'duplicate') return `duplicate of ${outcome.jobId}`;
      return outcome?.kind ?? 'nothing';
    });
  }

  /** Puts a job there as if it had been enqueued some time ago, when its id was fresh. */
  async age(step: JobStep & { readonly kind: 'enqueue' }): Promise<void> {
    const { id, maxAttempts } = step;
    await this.tables.insert([{ id, queue: this.queue, name: NAME, maxAttempts }]);
    await this.tables.test.query('INSERT INTO counter_delta (queue, name, enqueued) VALUES ($1, $2, 1)', [
      this.queue,
      NAME,
    ]);
  }

  /** Answers the run and attempt of each job that was claimed. */
  async claim(
    session: number,
    worker: string,
    ids: readonly string[],
    areRetries: boolean,
  ): Promise<Map<string, string>> {
    const query = hotQuery(this.session(session));
    const jobs = await this.own.claim(query, worker, [NAME], ids, areRetries);
    return new Map(jobs.map((job) => [job.id, `run ${job.run}, attempt ${job.attempt}`]));
  }

  async settle(
    session: number | 'control',
    worker: string,
    steps: readonly (JobStep & { readonly kind: 'settle' })[],
  ): Promise<Map<string, string>> {
    const results = steps.map((step) => this.resultOf(step));
    const isRepeated = steps.some((step) => step.isRepeated);
    const { answers, completed } =
      session === 'control'
        ? await this.tables.step((query) => this.own.settle(query, worker, results, isRepeated))
        : await this.own.settle(hotQuery(this.session(session)), worker, results, isRepeated);
    this.completions += completed.length;
    return new Map(
      [...answers].map(([id, answer]) => [
        id,
        answer.kind === 'settled' ? `settled ${answer.status}` : answer.kind,
      ]),
    );
  }

  async cancel(ids: readonly string[], onlyWaiting: boolean): Promise<Map<string, string>> {
    const { jobs, completed } = await this.own.cancelJobs(this.control, ids, onlyWaiting);
    this.completions += completed.length;
    return new Map(jobs.map((job) => [job.id, job.status]));
  }

  async retry(
    ids: readonly string[],
    keys: ReadonlyMap<string, string>,
    isExpired: boolean,
  ): Promise<Map<string, string>> {
    const from = isExpired ? LAST_ID : FIRST_ID;
    const reopened = await this.tables.database.control.transaction((queries) =>
      this.own.reopenJobs(controlQuery(queries), ids, { failed: from, canceled: from }, (job) =>
        keys.get(job.id),
      ),
    );
    return new Map(reopened.map((job) => [job.id, 'reopened']));
  }

  /** Passes up to `limit` rows of the queue, and answers the last. */
  async audit(after: string, limit: number): Promise<string | null> {
    const range = { queue: this.queue, after, upTo: LAST_ID, limit, moves: true };
    return (await this.tables.step((query) => this.own.passRows(query, range))).place;
  }

  async seal(): Promise<void> {
    this.completions += (await sealBatch(this.control, this.batchId))?.length ?? 0;
  }

  /** Lets the time come for which jobs wait. */
  async fallDue(ids: readonly string[]): Promise<void> {
    await this.tables.test.query(
      `UPDATE job SET due_at = clock_timestamp() WHERE id = ANY ($1) AND due_at > clock_timestamp()`,
      [ids],
    );
  }

  // ── Workers ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  register(id: string): Promise<void> {
    return registerWorker(this.control, {
      id,
      host: 'model',
      pid: 1,
      processStartedAt: null,
      entry: 'worker',
      queues: [this.queue],
      types: [NAME],
      visibilityTimeoutMs: 30_000,
      slots: SLOTS,
    });
  }

  /** True unless the worker was lost. */
  async renew(id: string): Promise<boolean> {
    return (await renewLease(this.control, id, SLOTS)) !== undefined;
  }

  stop(id: string): Promise<void> {
    return stopWorkers(this.control, [id]);
  }

  /** Marks the worker lost, as whoever saw its lease would: after a renewal if `isRenewed`. False when it has no lease to lose. */
  async lose(id: string, isRenewed: boolean): Promise<boolean> {
    const lease = (await openLeases(this.control)).find(({ workerId }) => workerId === id);
    if (!lease) return false;
    if (isRenewed) await this.renew(id);
    return markLost(this.control, id, lease.seenAt);
  }

  /** What a heartbeat reads of these jobs. */
  held(ids: readonly string[]): Promise<HeldJob[]> {
    return held(this.control, ids);
  }

  /** What the worker would learn after the answer to a claim was lost: the jobs it executes. */
  async executedBy(worker: string, ids: readonly string[]): Promise<string[]> {
    return (await claimedBy(this.control, worker, ids)).map(({ id }) => id);
  }

  /** The runs of workers that are lost, stopped or unknown, as a rescue finds them, a few rows at a time. */
  async orphans(watermark: string): Promise<OrphanedRun[]> {
    const found: OrphanedRun[] = [];
    const limit = 3;
    for (let after: string | undefined = watermark; after !== undefined;) {
      const page = await orphansAbove(this.control, { queue: this.queue, after, upTo: LAST_ID, limit });
      found.push(...page.found);
      after = page.place;
    }
    for (let place: typeof FIRST_DUE_PLACE | undefined = FIRST_DUE_PLACE; place;) {
      const page = await orphansDue(this.control, this.queue, place, limit);
      found.push(...page.found);
      place = page.place;
    }
    return found;
  }

  // ── The tables ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Reads all there is to see of this run of commands. */
  async show(watermark: string): Promise<Shown> {
    const { test } = this.tables;
    const jobs = await test.query<ModelJob>(SHOW_JOBS, [this.queue]);
    const keys = await test.query<{ key: string; jobId: string }>(
      'SELECT key, job_id AS "jobId" FROM job_key',
    );
    const [flows] = await test.query<Flows>(SHOW_FLOWS, [this.queue]);
    const [batch] = await test.query<Shown['batch']>(SHOW_BATCH, [this.batchId]);
    const [counted] = await totals(this.control);
    if (!batch || !flows) throw new Error('the batch is gone');
    const { waiting = 0, executing = 0, done = 0, failed = 0, canceled = 0 } = counted ?? {};
    return {
      jobs: new Map(jobs.map((job) => [job.id, job])),
      keys: new Map(keys.map(({ key, jobId }) => [key, jobId])),
      flows,
      totals: { waiting, executing, done, failed, canceled },
      ready: await this.look(watermark),
      lostFromSight: await this.tables.lostFromSight(),
      batch,
    };
  }

  private async look(watermark: string): Promise<string[]> {
    const range = { queue: this.queue, names: [NAME], limit: 1_000 };
    const fresh = await lookFresh(this.control, range, 'normal', watermark, LAST_ID);
    const due = await lookDue(
      this.control,
      range,
      FIRST_DUE_PLACE,
      this.tables.database.clock.now() + MINUTE_MS,
    );
    return [...fresh, ...due.map(({ id }) => id)].sort();
  }

  /** Holds back everything that touches jobs until `count` statements wait, then lets all go at once. */
  async atOnce<Result>(count: number, start: () => Promise<Result>): Promise<Result> {
    const gate = await this.tables.session();
    try {
      await gate.query('BEGIN; LOCK TABLE job IN ACCESS EXCLUSIVE MODE');
      const started = start();
      started.catch(() => undefined);
      await eventually(
        async () => {
          const [row] = await this.tables.test.query<{ waiting: number }>(SHOW_WAITING);
          return (row?.waiting ?? 0) >= count;
        },
        { everyMs: 1 },
      );
      await gate.query('COMMIT');
      return await started;
    } finally {
      await gate.end();
    }
  }

  private get control(): Query {
    return this.tables.query;
  }

  private session(at: number): HotConnection {
    const session = this.hot[at];
    if (!session) throw new Error(`there is no session ${at}`);
    return session;
  }

  private resultOf({ held: run, end, worker, isDelayed }: JobStep & { readonly kind: 'settle' }): RunResult {
    const now = new Date(this.tables.database.clock.now());
    const ran = this.runOf(run, worker);
    if (end === 'succeeded') return succeeded(ran, { run: run.run }, now);
    return ended(ran, { ...ENDINGS[end], delayMs: isDelayed ? HOUR_MS : 0 }, now);
  }

  private runOf({ id, run, attempt, maxAttempts, isMember }: HeldRun, worker: string): Run {
    const job = {
      id,
      queue: this.queue,
      name: NAME,
      payload: {},
      run,
      attempt,
      maxAttempts,
      timeoutMs: null,
      objectId: null,
      batchId: isMember ? this.batchId : null,
      dueAt: null,
      trace: null,
      startedAt: new Date(this.tables.database.clock.now()),
    };
    return new Run(job, Paint, { handle: () => undefined }, worker, { release: () => undefined });
  }
}

const ENDINGS = {
  failed: { outcome: 'failed' },
  'failed for good': { outcome: 'failed', isFinal: true },
  'given up': { outcome: 'failed', isDone: true },
  canceled: { outcome: 'canceled' },
  snoozed: { outcome: 'snoozed' },
  interrupted: { outcome: 'interrupted' },
  lost: { outcome: 'lost' },
} as const satisfies Record<Exclude<RunEnd, 'succeeded'>, unknown>;
