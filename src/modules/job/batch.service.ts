import { parseDuration, type Duration } from '../../kernel/durations.js';
import { RookeryError } from '../../kernel/errors.js';
import { isUuid, type IdGenerator, lowestIdAt, idTime } from '../../kernel/ids.js';
import { asSend } from '../../kernel/tracing.js';
import { announceCompleted, type AnnouncerParts } from './announce-completed.js';
import { batchViewOf, type BatchView, type NewBatch } from './batch.js';
import { databaseError } from './database-error.js';
import type { BatchOptions, OnComplete } from './batch-options.js';
import type { EnqueueItem, EnqueueManyOptions } from './enqueue-options.js';
import type { JobEnqueuer } from './job-enqueuer.js';
import { invalidRequest, type JobPreparer, type JobRequest } from './job-preparer.js';
import type { JobType } from './job-type.js';
import type { NewJob } from './new-job.js';
import type { Queues } from './queues.js';
import {
  batchesOf,
  closedBatch,
  markBatchCanceled,
  newestBatches,
  noSuchBatch,
  openMembers,
  sealBatch,
  type BatchFilter,
  type CompletedBatch,
} from './repository/batch.repository.js';
import { controlQuery, type Query } from './repository/query.js';

/** An open batch is sealed after this long, unless it was given a deadline. */
const DEFAULT_DEADLINE_MS = 24 * 3_600_000;
/** Longest deadline: what a batch remembers of its members' objectIds is kept a little longer. */
const LONGEST_DEADLINE_MS = 7 * 24 * 3_600_000;
const LONGEST_KEY = 255;

/** Members read at once to be canceled, and members one request looks at; a duty goes on with the others. */
const MEMBERS_A_PAGE = 500;
const MOST_LOOKED_AT = 10_000;

/** Ids of members lie above that of their batch, but for the clocks of two processes. */
const CLOCKS_APART_MS = 60_000;

/** A batch as who made it holds it. */
export interface Batch<Type extends JobType = JobType> {
  readonly id: string;
  /** True when its key named a batch that was there: then its members are those given to it before. */
  readonly isRepeat: boolean;
  /**
   * Enqueues members, in one transaction, and answers their ids in order; one whose `objectId` is in the batch already is left out and its
   * place holds the id of that. Throws as `JobService.enqueueMany` does, and `batch_sealed`.
   */
  add(
    items: readonly EnqueueItem<Type>[],
    options?: Pick<EnqueueManyOptions, 'onDuplicate'>,
  ): Promise<string[]>;
  /** Ends the adding: the batch completes with its last member. Does nothing to one that is sealed. */
  seal(): Promise<void>;
}

/** What batches need of the service that stores and cancels jobs. */
interface MemberJobs {
  prepareMany(requests: readonly JobRequest[]): Promise<NewJob[]>;
  enqueueMany<Type extends JobType>(
    type: Type,
    items: readonly EnqueueItem<Type>[],
    options: EnqueueManyOptions,
  ): Promise<string[]>;
  cancelAll(ids: readonly string[]): Promise<{ canceled: number; executing: number }>;
}

interface BatchParts extends AnnouncerParts {
  readonly jobs: MemberJobs;
  readonly preparer: JobPreparer;
  readonly enqueuer: JobEnqueuer;
  readonly queues: Queues;
  readonly ids: IdGenerator;
}

/** Makes batches, fills and seals them, and tells what became of them. */
export class BatchService {
  constructor(private readonly parts: BatchParts) {}

  /**
   * Makes a batch with its first members, in one transaction. Unless it is open it is sealed with them, and without any it is complete at
   * once. Throws `invalid_payload` for a bad member, or for an onComplete payload that does not fit with its counts; `duplicate_job` for a
   * member that meets a job outside the batch; `invalid_request`.
   */
  async create<Type extends JobType>(
    type: Type,
    items: readonly EnqueueItem<Type>[],
    options: BatchOptions = {},
  ): Promise<Batch<Type>> {
    return asSend(
      type.queue,
      { 'messaging.batch.message_count': items.length, 'job.name': type.name },
      () => this.createWith(type, items, options),
      ({ id }) => ({ 'job.batch_id': id }),
    );
  }

  private async createWith<Type extends JobType>(
    type: Type,
    items: readonly EnqueueItem<Type>[],
    options: BatchOptions,
  ): Promise<Batch<Type>> {
    const isOpen = options.open ?? items.length === 0;
    const batch = await this.prepare(type, options);
    const members = await this.parts.jobs.prepareMany(
      items.map(({ payload, ...rest }) => ({ type, payload, options: { ...rest, batchId: batch.id } })),
    );
    await this.parts.queues.ensure(batch.queue);
    const stored = await this.parts.enqueuer.makeBatch({
      batch,
      members,
      isSealed: !isOpen,
      onDuplicate: options.onDuplicate ?? 'fail',
    });
    this.announce(stored.completed);
    return this.handle(type, stored.id, stored.id !== batch.id);
  }

  /** The batch of that id, to go on with. Throws `no_such_batch`, `invalid_id`. */
  async open<Type extends JobType>(type: Type, id: string): Promise<Batch<Type>> {
    const { id: known } = await this.get(id);
    return this.handle(type, known, true);
  }

  /** Seals an open batch and answers it. Throws `no_such_batch`; a batch that is sealed stays as it is. */
  async seal(id: string): Promise<BatchView> {
    assertBatchId(id);
    this.announce((await this.control((query) => sealBatch(query, id))) ?? []);
    return this.get(id);
  }

  /**
   * Cancels a batch: it takes no more members, waiting ones end canceled, executing ones as soon as their workers have noticed. Answers the
   * batch, and whether members are left that are canceled after this. Throws `already_finished` for a complete one.
   */
  async cancel(id: string): Promise<{ readonly batch: BatchView; readonly isOver: boolean }> {
    assertBatchId(id);
    const completed = await this.control((query) => markBatchCanceled(query, id, false));
    if (!completed) {
      const { status } = await this.get(id);
      throw new RookeryError(
        'already_finished',
        `batch ${id} is ${status} already; there is nothing to cancel`,
        {
          id,
          status,
        },
      );
    }
    this.announce(completed);
    await this.cancelMembers(id);
    const batch = await this.get(id);
    return { batch, isOver: batch.completedAt !== null };
  }

  /** The batch of that id. Throws `no_such_batch`, `invalid_id`. */
  async get(id: string): Promise<BatchView> {
    assertBatchId(id);
    const [row] = await this.control((query) => batchesOf(query, [id]));
    if (!row) throw noSuchBatch(id);
    return batchViewOf(row);
  }

  /** Batches, newest first. */
  async list(filter: BatchFilter): Promise<BatchView[]> {
    return (await this.control((query) => newestBatches(query, filter))).map(batchViewOf);
  }

  private handle<Type extends JobType>(type: Type, id: string, isRepeat: boolean): Batch<Type> {
    return {
      id,
      isRepeat,
      add: (items, options) => this.add(type, id, items, options),
      seal: async () => void (await this.seal(id)),
    };
  }

  private async add<Type extends JobType>(
    type: Type,
    id: string,
    items: readonly EnqueueItem<Type>[],
    options: Pick<EnqueueManyOptions, 'onDuplicate'> = {},
  ): Promise<string[]> {
    if (items.length > 0)
      return this.parts.jobs.enqueueMany(
        type,
        items.map((item) => ({ ...item, batchId: id })),
        options,
      );
    const { sealedAt } = await this.get(id);
    if (sealedAt !== null) throw await this.control((query) => closedBatch(query, id));
    return [];
  }

  private async cancelMembers(id: string): Promise<void> {
    let place = lowestIdAt(idTime(id) - CLOCKS_APART_MS);
    for (let lookedAt = 0; lookedAt < MOST_LOOKED_AT; lookedAt += MEMBERS_A_PAGE) {
      const page = await this.control((query) =>
        openMembers(query, id, { place, limit: MEMBERS_A_PAGE, onlyWaiting: false }),
      );
      if (page.ids.length > 0) await this.parts.jobs.cancelAll(page.ids);
      if (page.place === undefined) return;
      place = page.place;
    }
  }

  private async prepare(type: JobType, { key, onComplete, deadline }: BatchOptions): Promise<NewBatch> {
    if (key !== undefined && (key.length < 1 || key.length > LONGEST_KEY || key.includes('\u0000'))) {
      throw invalidRequest([
        { path: 'key', message: `has ${key.length} characters; use 1 to ${LONGEST_KEY}, without U+0000` },
      ]);
    }
    const deadlineMs = deadline === undefined ? DEFAULT_DEADLINE_MS : this.deadlineMs(deadline);
    const completion = onComplete && (await this.completion(onComplete, key));
    return {
      id: this.parts.ids.next(),
      ...(key !== undefined && { key }),
      name: type.name,
      queue: type.queue,
      ...(completion !== undefined && { onComplete: completion }),
      deadlineMs,
      isDeadlineDefault: deadline === undefined,
    };
  }

  /** The onComplete job as it is stored with the batch: checked now with its key and counts of nothing, so that it fits when it is due. */
  private async completion({ type, payload = {} }: OnComplete, key: string | undefined): Promise<string> {
    const counts = { total: 0, done: 0, failed: 0, canceled: 0 };
    const batch = { id: this.parts.ids.next(), key: key ?? null, status: 'complete', ...counts };
    const job = await this.parts.preparer.prepare({ type, payload: { ...payload, batch }, options: {} });
    await this.parts.queues.ensure(job.queue);
    const { queue, name, lane, maxAttempts, timeoutMs } = job;
    const { batch: _, ...given } = JSON.parse(job.payload) as Record<string, unknown>;
    return JSON.stringify({ queue, name, lane, maxAttempts, timeoutMs, payload: given });
  }

  private deadlineMs(deadline: Duration | Date): number {
    const ms =
      deadline instanceof Date
        ? deadline.getTime() - this.parts.database.clock.now()
        : parseDuration(deadline);
    const shown = deadline instanceof Date ? String(deadline) : JSON.stringify(deadline);
    if (ms === undefined || Number.isNaN(ms)) {
      const rule = 'use a time in ISO 8601, milliseconds, or a number and a unit such as "6h"';
      throw invalidRequest([{ path: 'deadline', message: `is ${shown}; ${rule}` }]);
    }
    if (ms <= 0) {
      throw invalidRequest([{ path: 'deadline', message: `is ${shown}, which is past; use a time to come` }]);
    }
    if (ms > LONGEST_DEADLINE_MS) {
      throw invalidRequest([{ path: 'deadline', message: `is ${shown}; the farthest is 7 days from now` }]);
    }
    return ms;
  }

  private announce(completed: readonly CompletedBatch[]): void {
    announceCompleted(this.parts, completed);
  }

  private async control<Result>(work: (query: Query) => Promise<Result>): Promise<Result> {
    try {
      return await work(controlQuery(this.parts.database.control));
    } catch (error) {
      throw databaseError(error);
    }
  }
}

/** Throws `invalid_id` for what is no UUID. */
function assertBatchId(id: string): void {
  if (isUuid(id)) return;
  throw new RookeryError('invalid_id', `${JSON.stringify(id)} is no batch id; ids are UUIDs`, { id });
}
