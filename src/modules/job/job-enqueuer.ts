import { Inject, Injectable } from '@nestjs/common';
import { Batcher, type BatcherStats } from '../../kernel/batcher.js';
import { monotonicMs } from '../../kernel/clock.js';
import { RookeryError } from '../../kernel/errors.js';
import { Lifecycle } from '../../kernel/lifecycle.js';
import { Metrics, type Cell, type Counter } from '../../kernel/metrics.js';
import { Database, isBadValue, isItemFault, type HotConnection } from '../database/index.js';
import { TRANSPORT, type Transport } from '../transport/index.js';
import type { BirthClaimer } from './birth-claim.js';
import { databaseError } from './database-error.js';
import { refuseDuplicates } from './duplicates.js';
import { observeBatches } from './observe-batches.js';
import { LONGEST_RUN_OF_JOBS, offerTickets, type Offered } from './offer-tickets.js';
import type { NewBatch } from './batch.js';
import { ENQUEUE_BATCHING, MAX_WEIGHT } from './enqueue-batching.js';
import type { NewJob } from './new-job.js';
import { Partitions } from './partitions.js';
import { PlainEnqueuer } from './plain-enqueuer.js';
import {
  insertBatch,
  insertMembers,
  isBatch,
  sealBatch,
  type CompletedBatch,
} from './repository/batch.repository.js';
import {
  insertKeyedJobs,
  storedAmong,
  type KeyedOutcome,
  type MayStore,
} from './repository/enqueue.repository.js';
import { hotQuery } from './repository/query.js';

/** How long an enqueue waits for a key that another transaction holds: another process's batch takes milliseconds. */
const HELD_WAIT_MS = 1_000;
const HELD_RETRY_MS = 20;

/** Jobs that may wait for a statement: some seconds' worth at full speed; beyond it callers are told instead of being kept in memory. */
const MOST_WAITING = 50_000;
/** Characters of payload that may wait: two requests of the largest size, beside the one under way. */
const MOST_WAITING_WEIGHT = 128 * 1024 * 1024;

const CLOSE_BUDGET_MS = 10_000;

/** Jobs that are stored together or not at all. */
interface BulkRequest {
  readonly jobs: readonly NewJob[];
  readonly mayStore: MayStore;
}

/** A batch that is to be made with its first members. */
export interface BatchRequest {
  readonly batch: NewBatch;
  readonly members: readonly NewJob[];
  readonly isSealed: boolean;
  readonly onDuplicate: 'fail' | 'skip';
}

/** The batch that was made, or the one that its key names. */
export interface StoredBatch {
  readonly id: string;
  readonly completed: readonly CompletedBatch[];
}

/**
 * Stores jobs by group commit and offers their tickets once they are durable. Jobs with keys ride statements of their own, so
 * that the many without never wait for the few.
 */
@Injectable()
export class JobEnqueuer {
  private readonly enqueued: Counter;
  private readonly duplicates: Counter;
  private readonly plain: PlainEnqueuer;
  private readonly keyed: Batcher<NewJob, KeyedOutcome>;
  /** One request a run, for the sake of its repeats. */
  private readonly bulk: Batcher<BulkRequest, KeyedOutcome[]>;
  /** Members of batches, whose rows they lock until the commit. */
  private readonly members: Batcher<NewJob, KeyedOutcome>;
  private readonly batches: Batcher<BatchRequest, StoredBatch>;
  private readonly keyedConnection: HotConnection;
  private readonly bulkConnection: HotConnection;
  private readonly batchConnection: HotConnection;

  constructor(
    database: Database,
    private readonly partitions: Partitions,
    @Inject(TRANSPORT) private readonly transport: Transport,
    lifecycle: Lifecycle,
    metrics: Metrics,
  ) {
    this.enqueued = metrics.counter(
      'rookery_jobs_enqueued_total',
      'Jobs stored by this process',
      'queue',
      'name',
    );
    this.duplicates = metrics.counter(
      'rookery_duplicates_total',
      'Enqueues that met a live key: dedupe refuses them, idempotency and member answer the job that is there',
      'queue',
      'name',
      'key',
    );
    this.keyedConnection = database.hot('enqueue-keyed', { durable: true });
    this.bulkConnection = database.hot('enqueue-bulk', { durable: true });
    this.batchConnection = database.hot('enqueue-members', { durable: true });
    this.plain = new PlainEnqueuer(database, partitions, metrics, {
      stored: (jobs) => this.stored(jobs),
      begun: (jobs) => this.count(jobs),
    });
    this.keyed = new Batcher({
      ...ENQUEUE_BATCHING,
      name: 'keyed enqueue',
      onRun: observeBatches(metrics, 'keyed enqueue'),
      run: (jobs, repeated) => this.storeKeyed(jobs, repeated),
    });
    this.bulk = new Batcher({
      ...ENQUEUE_BATCHING,
      name: 'bulk enqueue',
      onRun: observeBatches(metrics, 'bulk enqueue', ({ jobs }) => jobs.length),
      maxItems: 1,
      weigh: ({ jobs }) => weightOf(jobs),
      run: (requests, repeated) => Promise.all(requests.map((request) => this.storeAll(request, repeated))),
    });
    this.members = new Batcher({
      ...ENQUEUE_BATCHING,
      name: 'member enqueue',
      onRun: observeBatches(metrics, 'member enqueue'),
      // A batch that is sealed refuses its members alone.
      isItemFault: (error) => isItemFault(error) || error instanceof RookeryError,
      run: (jobs, repeated) => this.storeMembers(jobs, repeated),
    });
    this.batches = new Batcher({
      ...ENQUEUE_BATCHING,
      name: 'batch',
      onRun: observeBatches(metrics, 'batch', ({ members }) => members.length),
      maxItems: 1,
      weigh: ({ members }) => weightOf(members),
      run: (requests, repeated) => Promise.all(requests.map((request) => this.storeBatch(request, repeated))),
    });
    lifecycle.register('outlets', 'enqueue', CLOSE_BUDGET_MS, () => this.close());
  }

  /** From now on this worker may claim jobs as they are stored. */
  setBirthClaimer(claimer: BirthClaimer): void {
    this.plain.birthClaimer = claimer;
  }

  /**
   * Stores one job durably, alone in its fate, and offers its ticket. Answers what its keys met; a job without keys is stored.
   * Throws `invalid_payload` for what PostgreSQL refuses, `database_unavailable` when it stays away, `overloaded` when too many wait or it is
   * out of room, `shutting_down`.
   */
  async enqueue(job: NewJob): Promise<KeyedOutcome> {
    this.refuseOverload();
    try {
      if (job.batchId !== undefined) return await untilFree(() => this.members.submit(job));
      if (job.dedupeKey || job.idempotencyKey) return await untilFree(() => this.keyed.submit(job));
      await this.plain.submit(job);
      return { kind: 'stored' };
    } catch (error) {
      throw refusal([job], error);
    }
  }

  /**
   * Stores all jobs in one transaction, or, when `mayStore` says no to their outcomes, none; then offers the tickets of those stored.
   * Throws as `enqueue` does; then none is stored.
   */
  async enqueueAll(jobs: readonly NewJob[], mayStore: MayStore): Promise<KeyedOutcome[]> {
    this.refuseOverload();
    try {
      return await this.bulk.submit({ jobs, mayStore });
    } catch (error) {
      throw refusal(jobs, error);
    }
  }

  /**
   * Makes a batch with its members, in one transaction, or answers the one that its key names; then offers the tickets of the members.
   * Throws as `enqueueAll` does.
   */
  async makeBatch(request: BatchRequest): Promise<StoredBatch> {
    this.refuseOverload();
    try {
      return await this.batches.submit(request);
    } catch (error) {
      throw refusal(request.members, error);
    }
  }

  /** Throws `overloaded` when so much waits for the database that more would only fill the memory. */
  private refuseOverload(): void {
    const { plain, keyed, members, bulk, batches } = this;
    const one = plain.pending + keyed.pending + members.pending;
    if (one >= MOST_WAITING) throw overloaded(`${MOST_WAITING} jobs`);
    const weight =
      plain.pendingWeight +
      keyed.pendingWeight +
      members.pendingWeight +
      bulk.pendingWeight +
      batches.pendingWeight;
    if (weight >= MOST_WAITING_WEIGHT) throw overloaded(`${MOST_WAITING_WEIGHT} characters of payload`);
  }

  /** Makes sure that the partitions of these jobs are there. */
  async ensurePartitions(jobs: readonly NewJob[]): Promise<void> {
    await this.partitions.ensureFor(jobs);
  }

  /** Batches and jobs of the plain and the keyed statements since the start. */
  get stats(): { readonly plain: BatcherStats; readonly keyed: BatcherStats } {
    return { plain: this.plain.stats, keyed: this.keyed.stats };
  }

  /** Counts jobs that are stored for good, by whomever, and offers the tickets of those that may run at once; the others are the stager's. */
  stored(jobs: readonly (Offered & { readonly name: string })[]): void {
    this.count(jobs);
    offerTickets(this.transport, jobs);
  }

  private count(jobs: readonly { readonly queue: string; readonly name: string }[]): void {
    let last: { readonly name: string; readonly cell: Cell } | undefined;
    for (const { queue, name } of jobs) {
      if (last?.name !== name) last = { name, cell: this.enqueued.of(queue, name) };
      last.cell.value++;
    }
  }

  /** What follows a commit of jobs with keys: counts what became of each, and offers the tickets of those stored. */
  told(jobs: readonly NewJob[], outcomes: readonly KeyedOutcome[]): void {
    this.countDuplicates(jobs, outcomes);
    this.stored(jobs.filter((_, index) => outcomes[index]?.kind === 'stored'));
  }

  /** As `mayStore`; what it refuses is counted, because nothing will be told of it. */
  counting(jobs: readonly NewJob[], mayStore: MayStore): MayStore {
    return (outcomes) => {
      try {
        mayStore(outcomes);
      } catch (refusal) {
        this.countDuplicates(jobs, outcomes);
        throw refusal;
      }
    };
  }

  private countDuplicates(jobs: readonly NewJob[], outcomes: readonly KeyedOutcome[]): void {
    for (const [index, outcome] of outcomes.entries()) {
      const job = jobs[index];
      if (job && outcome.kind === 'duplicate') this.duplicates.of(job.queue, job.name, outcome.of).value++;
    }
  }

  private async storeKeyed(jobs: readonly NewJob[], repeated: boolean): Promise<KeyedOutcome[]> {
    const outcomes = await this.partitions.having(jobs, () =>
      this.keyedConnection.transaction((queries) => insertKeyedJobs(hotQuery(queries), jobs, repeated)),
    );
    this.told(jobs, outcomes);
    return outcomes;
  }

  private async storeMembers(jobs: readonly NewJob[], repeated: boolean): Promise<KeyedOutcome[]> {
    const outcomes = await this.partitions.having(jobs, () =>
      this.batchConnection.transaction((queries) => insertMembers(hotQuery(queries), [jobs], repeated)),
    );
    this.told(jobs, outcomes);
    return outcomes;
  }

  private async storeBatch(
    { batch, members, isSealed, onDuplicate }: BatchRequest,
    repeated: boolean,
  ): Promise<StoredBatch> {
    const mayStore = this.counting(members, (outcomes) => refuseDuplicates(members, outcomes, onDuplicate));
    const { tell, ...stored } = await this.partitions.having(members, () =>
      this.batchConnection.transaction(async (queries) => {
        const query = hotQuery(queries);
        // An earlier try has committed all of it: what its members met then is not to be judged anew.
        if (repeated && (await isBatch(query, batch.id))) {
          const there = await storedAmong(query, members);
          const tell = (): void => this.stored(members.filter(({ id }) => there.has(id)));
          return { id: batch.id, completed: [], tell };
        }
        const id = await insertBatch(query, batch);
        if (id !== batch.id) return { id, completed: [], tell: () => undefined };
        const outcomes = await insertMembers(query, chunksOf(members), repeated);
        mayStore(outcomes);
        const completed = (isSealed ? await sealBatch(query, id) : undefined) ?? [];
        return { id, completed, tell: () => this.told(members, outcomes) };
      }),
    );
    tell();
    return stored;
  }

  private async storeAll({ jobs, mayStore }: BulkRequest, repeated: boolean): Promise<KeyedOutcome[]> {
    const outcomes = await this.partitions.having(jobs, () =>
      this.bulkConnection.transaction(async (queries) => {
        const met = await insertMembers(hotQuery(queries), chunksOf(jobs), repeated);
        this.counting(jobs, mayStore)(met);
        return met;
      }),
    );
    this.told(jobs, outcomes);
    return outcomes;
  }

  private async close(): Promise<void> {
    const batchers = [this.plain, this.keyed, this.bulk, this.members, this.batches];
    await Promise.all(batchers.map((batcher) => batcher.close()));
  }
}

/** Stores a job, and tries again for a while when another transaction holds its key. */
async function untilFree(store: () => Promise<KeyedOutcome>): Promise<KeyedOutcome> {
  const startedAt = monotonicMs();
  for (;;) {
    const outcome = await store();
    if (outcome.kind !== 'held' || monotonicMs() - startedAt > HELD_WAIT_MS) return outcome;
    await new Promise((resolve) => setTimeout(resolve, HELD_RETRY_MS));
  }
}

/** Splits jobs into statements, by number and by weight. */
function* chunksOf(jobs: readonly NewJob[]): Generator<NewJob[]> {
  let chunk: NewJob[] = [];
  let weight = 0;
  for (const job of jobs) {
    if (
      chunk.length > 0 &&
      (chunk.length === LONGEST_RUN_OF_JOBS || weight + job.payload.length > MAX_WEIGHT)
    ) {
      yield chunk;
      chunk = [];
      weight = 0;
    }
    chunk.push(job);
    weight += job.payload.length;
  }
  if (chunk.length > 0) yield chunk;
}

function weightOf(jobs: readonly NewJob[]): number {
  let weight = 0;
  for (const { payload } of jobs) weight += payload.length;
  return weight;
}

function overloaded(waiting: string): RookeryError {
  return new RookeryError('overloaded', `${waiting} wait to be stored already; try again in a few seconds`, {
    retryAfter: 5,
  });
}

function refusal(jobs: readonly NewJob[], error: unknown): unknown {
  if (!isBadValue(error)) return databaseError(error);
  const message = error instanceof Error ? error.message : String(error);
  return new RookeryError(
    'invalid_payload',
    `PostgreSQL cannot store the payload of ${[...new Set(jobs.map((job) => job.name))].join(', ')}: ${message}`,
    { issues: [{ path: 'payload', message }] },
    { cause: error },
  );
}
