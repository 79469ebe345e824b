import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { CONFIG, type RookeryConfig } from '../../config/index.js';
import { RookeryError } from '../../kernel/errors.js';
import { IdGenerator, idTime, isUuid, lowestIdAt } from '../../kernel/ids.js';
import { asSend } from '../../kernel/tracing.js';
import { Database, afterCommit } from '../database/index.js';
import { TRANSPORT, type Transport } from '../transport/index.js';
import { announceCompleted, type AnnouncerParts } from './announce-completed.js';
import { countsOf, type Counts } from './counts.js';
import type { BatchOptions } from './batch-options.js';
import { BatchService, type Batch } from './batch.service.js';
import { databaseError } from './database-error.js';
import { refuseDuplicates, throwDuplicate } from './duplicates.js';
import type { EnqueueItem, EnqueueManyOptions, EnqueueOptions, EnqueuedJob } from './enqueue-options.js';
import { JobEnqueuer } from './job-enqueuer.js';
import { JobPreparer, dedupeKey, invalidRequest, type JobRequest } from './job-preparer.js';
import { JobRegistry } from './job.registry.js';
import type { JobOptions, JobType, PayloadInput } from './job-type.js';
import type { JobView } from './job-view.js';
import type { NewJob } from './new-job.js';
import { offerTickets } from './offer-tickets.js';
import { oldestKeptDay } from './partition.js';
import { Queues } from './queues.js';
import { insertMembers } from './repository/batch.repository.js';
import {
  cancelJobs,
  isExpired,
  reopenJobs,
  statesOf,
  type KeptFrom,
  type KnownState,
} from './repository/control.repository.js';
import { totals } from './repository/counter.repository.js';
import { CallerTransaction, type KeyedOutcome, type MayStore } from './repository/enqueue.repository.js';
import { findJobs, ordinaryQuery } from './repository/job-query.repository.js';
import { controlQuery, type Query } from './repository/query.js';
import type { JobState } from './state-machine.js';

/** Enqueues, cancels and retries jobs; the way into Rookery from code. */
@Injectable()
export class JobService {
  /** Batches of jobs. */
  readonly batches: BatchService;
  private readonly preparer: JobPreparer;
  private readonly callerTransaction: CallerTransaction;
  private readonly announcer: AnnouncerParts;

  constructor(
    private readonly registry: JobRegistry,
    private readonly enqueuer: JobEnqueuer,
    private readonly queues: Queues,
    private readonly database: Database,
    @Inject(TRANSPORT) private readonly transport: Transport,
    @Inject(IdGenerator) ids: IdGenerator,
    @Inject(CONFIG) private readonly config: RookeryConfig,
  ) {
    this.preparer = new JobPreparer(ids, database.clock);
    this.callerTransaction = new CallerTransaction(config.database.schema);
    const announcer = { database, transport, enqueuer };
    this.announcer = announcer;
    this.batches = new BatchService({
      ...announcer,
      jobs: this,
      preparer: this.preparer,
      queues,
      ids,
    });
  }

  /**
   * Stores a job durably and answers its id; with `manager`, when that transaction commits. Throws `invalid_payload`,
   * `invalid_request`, `payload_too_large`, `duplicate_job` (with `jobId` and `retryAfter` in s) and `database_unavailable`.
   */
  async enqueue<Type extends JobType>(
    type: Type,
    payload: PayloadInput<Type>,
    options: EnqueueOptions = {},
  ): Promise<EnqueuedJob> {
    const { manager, idempotencyKey, ...jobOptions } = options;
    if (manager && jobOptions.batchId !== undefined) throw joinedInTransaction();
    const request = {
      type,
      payload,
      options: jobOptions,
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    };
    return asSend(
      type.queue,
      { 'job.name': type.name },
      () => this.enqueueRequest(request, manager),
      ({ id }) => ({ 'messaging.message.id': id, 'job.id': id }),
    );
  }

  /** Stores a job whose type is known by name only; throws as `enqueue` does, and `unknown_job_name`. */
  async enqueueByName(name: string, payload: unknown, options: EnqueueOptions = {}): Promise<EnqueuedJob> {
    return this.enqueue(this.registry.get(name), payload, options);
  }

  /**
   * Stores jobs of one type in one transaction, all or none, and answers their ids in order; with `onDuplicate: 'skip'` the
   * duplicates are left out and their place holds the id of the job they met. Throws as `enqueue` does, with the
   * item's place in each path.
   */
  async enqueueMany<Type extends JobType>(
    type: Type,
    items: readonly EnqueueItem<Type>[],
    options: EnqueueManyOptions = {},
  ): Promise<string[]> {
    const requests = items.map(({ payload, ...jobOptions }): JobRequest => ({
      type,
      payload,
      options: jobOptions,
    }));
    return this.enqueueRequests(requests, options);
  }

  /**
   * Makes a batch of jobs with these payloads: counted together, and told of once when all have ended. Without payloads it stays open for
   * `add` until `seal`. Throws as `BatchService.create` does.
   */
  batch<Type extends JobType>(
    type: Type,
    payloads: readonly PayloadInput<Type>[],
    options: BatchOptions = {},
  ): Promise<Batch<Type>> {
    return this.batches.create(
      type,
      payloads.map((payload) => ({ payload })),
      options,
    );
  }

  /** Stores jobs of any types as `enqueueMany` does. */
  async enqueueRequests(
    requests: readonly JobRequest[],
    options: EnqueueManyOptions = {},
  ): Promise<string[]> {
    const [queue, ...others] = new Set(requests.map(({ type }) => type.queue));
    return asSend(
      others.length === 0 ? queue : undefined,
      { 'messaging.batch.message_count': requests.length },
      () => this.storeRequests(requests, options),
      () => ({}),
    );
  }

  private async storeRequests(
    requests: readonly JobRequest[],
    options: EnqueueManyOptions,
  ): Promise<string[]> {
    const jobs = await this.prepareMany(requests);
    if (jobs.length === 0) return [];
    if (options.manager && jobs.some((job) => job.batchId !== undefined)) throw joinedInTransaction();
    const mayStore: MayStore = (outcomes) => refuseDuplicates(jobs, outcomes, options.onDuplicate ?? 'fail');
    const outcomes = options.manager
      ? await this.insertIn(options.manager, jobs, mayStore)
      : await this.enqueuer.enqueueAll(jobs, mayStore);
    return jobs.map((job, index) => {
      const outcome = outcomes[index];
      return outcome?.kind === 'duplicate' ? outcome.jobId : job.id;
    });
  }

  /** The job of that id, or undefined when there is none. Throws `invalid_id`. */
  async find(id: string): Promise<JobView | undefined> {
    assertId(id);
    const [job] = await this.control(() => findJobs(ordinaryQuery(this.database.dataSource), [id]));
    return job;
  }

  /** How many jobs of all queues are in each state, added up from the counters; as cheap with many millions of jobs as with none. */
  async totals(): Promise<Counts> {
    return countsOf(await this.control(() => totals(controlQuery(this.database.control))));
  }

  /**
   * Cancels a job: a waiting one at once (`canceled`), an executing one as soon as its worker has noticed (`executing`).
   * Throws `no_such_job`, `already_finished`.
   */
  async cancel(id: string): Promise<JobState> {
    assertId(id);
    const { jobs, completed } = await this.control(() =>
      cancelJobs(controlQuery(this.database.control), [id]),
    );
    announceCompleted(this.announcer, completed);
    const [canceled] = jobs;
    if (!canceled) {
      const { status } = await this.stateOf(id);
      throw new RookeryError(
        'already_finished',
        `job ${id} is ${status} already; there is nothing to cancel`,
        { id, status },
      );
    }
    if (canceled.status === 'executing') this.transport.broadcast({ kind: 'cancel', ids: [id] });
    return canceled.status;
  }

  /**
   * Returns a failed or canceled job to waiting, with all its attempts before it. Throws `no_such_job`, `not_retryable`, `duplicate_job`, and
   * `expired` for one whose day may be dropped at any moment.
   */
  async retry(id: string): Promise<void> {
    assertId(id);
    const [reopened] = await this.reopen([id]);
    if (reopened !== undefined) return;
    const state = await this.stateOf(id);
    const { status, name, objectId } = state;
    if (isExpired(state, this.keptFrom())) {
      throw new RookeryError(
        'expired',
        `job ${id} was made ${new Date(idTime(id)).toISOString()}, longer ago than ${status} jobs are kept; enqueue a ${name} with its payload instead`,
        { id },
      );
    }
    if (status === 'failed' || status === 'canceled') {
      throw new RookeryError(
        'duplicate_job',
        `job ${id} cannot be retried while another ${name} for objectId ${JSON.stringify(objectId)} is open`,
        { id, retryAfter: 1 },
      );
    }
    throw new RookeryError(
      'not_retryable',
      `job ${id} is ${status}; only failed and canceled jobs can be retried`,
      { id, status },
    );
  }

  /** Cancels those of the jobs that are open and answers how many of each were changed. */
  async cancelAll(ids: readonly string[]): Promise<{ canceled: number; executing: number }> {
    const { jobs: changed, completed } = await this.control(() =>
      cancelJobs(controlQuery(this.database.control), ids),
    );
    announceCompleted(this.announcer, completed);
    const executing = changed.filter((job) => job.status === 'executing').map((job) => job.id);
    if (executing.length > 0) this.transport.broadcast({ kind: 'cancel', ids: executing });
    return { canceled: changed.length - executing.length, executing: executing.length };
  }

  /**
   * Returns those of the jobs that failed or were canceled to waiting and answers their ids. A job whose type allows one open job
   * an objectId stays as it is while another one is open, and so does one that is past its retention.
   */
  async reopen(ids: readonly string[]): Promise<string[]> {
    const reopened = await this.control(() =>
      this.database.control.transaction((queries) =>
        reopenJobs(controlQuery(queries), ids, this.keptFrom(), (job) => this.keyHeldUntilFinished(job)),
      ),
    );
    offerTickets(this.transport, reopened);
    return reopened.map((job) => job.id);
  }

  private keptFrom(): KeptFrom {
    const { finishedMs, failedMs } = this.config.retention;
    const now = this.database.clock.now();
    return {
      failed: lowestIdAt(oldestKeptDay(now, failedMs)),
      canceled: lowestIdAt(oldestKeptDay(now, finishedMs)),
    };
  }

  private keyHeldUntilFinished(job: KnownState): string | undefined {
    const type = this.registry.find(job.name);
    if (type?.dedupe?.kind !== 'until-finished' || job.objectId === null) return undefined;
    return dedupeKey(type.name, job.objectId);
  }

  /** Checks jobs and makes them ready to be stored together by someone else; throws as `enqueueMany` does for what is invalid. */
  async prepareMany(requests: readonly JobRequest[]): Promise<NewJob[]> {
    const jobs = await this.preparer.prepareMany(requests);
    for (const queue of new Set(jobs.map((job) => job.queue))) await this.queues.ensure(queue);
    return jobs;
  }

  /** Checks a job and makes it ready to be stored by someone else; throws as `enqueue` does for what is invalid. */
  async prepare<Type extends JobType>(
    type: Type,
    payload: PayloadInput<Type>,
    options: JobOptions = {},
  ): Promise<NewJob> {
    const job = await this.preparer.prepare({ type, payload, options });
    await this.queues.ensure(job.queue);
    return job;
  }

  /** Stores a job that `prepare` made together with what `record` writes, or neither; answers its id. Throws as `enqueue` does. */
  async enqueuePrepared(job: NewJob, record: (query: Query) => Promise<void>): Promise<string> {
    const mayStore = this.enqueuer.counting([job], ([outcome]) => {
      if (outcome && outcome.kind !== 'stored') throwDuplicate(job, outcome);
    });
    await this.control(async () => {
      await this.enqueuer.ensurePartitions([job]);
      await this.database.control.transaction(async (queries) => {
        const query = controlQuery(queries);
        mayStore(await insertMembers(query, [[job]]));
        await record(query);
      });
    });
    this.enqueuer.stored([job]);
    return job.id;
  }

  private async enqueueRequest(
    request: JobRequest,
    manager: EntityManager | undefined,
  ): Promise<EnqueuedJob> {
    const job = await this.preparer.prepare(request);
    await this.queues.ensure(job.queue);
    const [outcome] = manager ? await this.insertIn(manager, [job]) : [await this.enqueuer.enqueue(job)];
    if (!outcome || outcome.kind === 'stored') return { id: job.id, status: 'waiting', isRepeat: false };
    if (outcome.kind === 'duplicate' && outcome.of !== 'dedupe') {
      const status = await this.statusOfFirst(job, outcome, manager);
      return { id: outcome.jobId, status, isRepeat: true };
    }
    return throwDuplicate(job, outcome);
  }

  private async insertIn(
    manager: EntityManager,
    jobs: readonly NewJob[],
    mayStore?: MayStore,
  ): Promise<readonly KeyedOutcome[]> {
    let outcomes: readonly KeyedOutcome[] = [];
    afterCommit(manager, () => this.enqueuer.told(jobs, outcomes));
    await this.enqueuer.ensurePartitions(jobs);
    const judge = mayStore && this.enqueuer.counting(jobs, mayStore);
    outcomes = await this.callerTransaction.insert(manager, jobs, judge);
    return outcomes;
  }

  /**
   * Where the job stands that an idempotency or member key names. It is not to be seen when this very transaction of the caller's made it, and
   * then it waits; the key of a batch's member may also outlive its row.
   */
  private async statusOfFirst(
    job: NewJob,
    met: Extract<KeyedOutcome, { kind: 'duplicate' }>,
    manager: EntityManager | undefined,
  ): Promise<JobState> {
    const state = await this.stateIfAny(met.jobId);
    if (state) return state.status;
    if (manager) return 'waiting';
    throw new RookeryError(
      'duplicate_job',
      `${job.name} for objectId ${JSON.stringify(job.objectId)} was a member of the batch already: job ${met.jobId}, which has been deleted after its retention`,
      { jobId: met.jobId },
    );
  }

  private async stateOf(id: string): Promise<KnownState> {
    const state = await this.stateIfAny(id);
    if (!state) throw noSuchJob(id);
    return state;
  }

  private async stateIfAny(id: string): Promise<KnownState | undefined> {
    const [state] = await this.control(() => statesOf(controlQuery(this.database.control), [id]));
    return state;
  }

  private async control<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw databaseError(error);
    }
  }
}

/** A batch counts its members in a row of its own, which a transaction of unknown length must not hold. */
function joinedInTransaction(): RookeryError {
  return invalidRequest([
    {
      path: 'batchId',
      message: 'excludes manager: add the job to its batch after the transaction has committed',
    },
  ]);
}

/** The error for an id that is no job's. */
export function noSuchJob(id: string): RookeryError {
  return new RookeryError(
    'no_such_job',
    `there is no job with the id ${id}; it may have been deleted after its retention`,
    { id },
  );
}

/** Throws `invalid_id` for what is no UUID. */
export function assertId(id: string): void {
  if (!isUuid(id))
    throw new RookeryError('invalid_id', `${JSON.stringify(id)} is no job id; ids are UUIDs`, { id });
}
