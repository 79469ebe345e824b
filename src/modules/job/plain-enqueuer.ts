import { setTimeout as delay } from 'node:timers/promises';
import { Batcher, type BatcherStats } from '../../kernel/batcher.js';
import type { Metrics } from '../../kernel/metrics.js';
import { isConnectionLost, type Database, type HotConnection } from '../database/index.js';
import type { BirthClaim, BirthClaimer } from './birth-claim.js';
import { ENQUEUE_BATCHING } from './enqueue-batching.js';
import { EnqueueGroup } from './enqueue-group.js';
import type { NewJob } from './new-job.js';
import { observeBatches } from './observe-batches.js';
import type { Partitions } from './partitions.js';
import { insertClaimedJobs, insertJobs } from './repository/enqueue.repository.js';
import { hotQuery } from './repository/query.js';

/** Between two tries to learn that the database has done with what it was asked. */
const QUIESCE_AGAIN_MS = 1_000;

/** What is told of jobs that are stored for good. */
export interface PlainEnqueueEvents {
  /** They wait. */
  readonly stored: (jobs: readonly NewJob[]) => void;
  /** A worker of this process has claimed them. */
  readonly begun: (jobs: readonly NewJob[]) => void;
}

/**
 * Stores jobs without keys by group commit, on two connections in turn: while the server stores some, the next are prepared. Where a
 * worker of this process has slots for them all, they are stored as claimed by it, and need neither a ticket nor a claim.
 */
export class PlainEnqueuer {
  /** A worker of this process, when it has one. */
  birthClaimer: BirthClaimer | undefined;
  private readonly batcher: Batcher<NewJob, void>;
  /** The group of each job that was tried once in vain, by the job's id. */
  private readonly tried = new Map<string, EnqueueGroup>();
  /** Resolves when all that has left for the database has been told of. */
  private allTold: Promise<void> = Promise.resolve();
  /** Groups under way whose jobs are going to wait: none that comes later may be claimed before them. */
  private waitingGroups = 0;
  private isClosed = false;

  constructor(
    database: Database,
    private readonly partitions: Partitions,
    metrics: Metrics,
    private readonly events: PlainEnqueueEvents,
  ) {
    const first = database.hot('enqueue', { durable: true });
    const second = database.hot('enqueue-second', { durable: true });
    this.batcher = new Batcher({
      ...ENQUEUE_BATCHING,
      name: 'enqueue',
      onRun: observeBatches(metrics, 'enqueue'),
      tracks: 2,
      run: (jobs, repeated, track) => this.store(track === 0 ? first : second, jobs, repeated),
    });
  }

  /** Stores a job durably; rejects with the database's error of this job alone. */
  async submit(job: NewJob): Promise<void> {
    try {
      await this.batcher.submit(job);
    } catch (error) {
      this.refuse(job);
      throw error;
    }
  }

  get pending(): number {
    return this.batcher.pending;
  }

  get pendingWeight(): number {
    return this.batcher.pendingWeight;
  }

  get stats(): BatcherStats {
    return this.batcher.stats;
  }

  async close(): Promise<void> {
    await this.batcher.close();
    this.isClosed = true;
  }

  /** Stores jobs, and tells of them when all that left before have been told of: so jobs are offered, and begin, in their order. */
  private async store(
    connection: HotConnection,
    jobs: readonly NewJob[],
    repeated: boolean,
  ): Promise<void[]> {
    const group = this.tried.get(jobs[0]?.id ?? '') ?? this.newGroup(jobs);
    const birth = group.birth?.isHeld ? group.birth : undefined;
    const query = hotQuery(connection);
    let claimedAt: Date | undefined;
    try {
      await this.partitions.having(jobs, async () => {
        if (birth) claimedAt = await insertClaimedJobs(query, jobs, birth.workerId, repeated);
        else await insertJobs(query, jobs, repeated);
      });
    } catch (error) {
      if (isConnectionLost(error)) group.lostOn = connection;
      for (const job of jobs) this.tried.set(job.id, group);
      throw error;
    }
    await group.earlier;
    if (birth && claimedAt) {
      this.events.begun(jobs);
      birth.begin(jobs, claimedAt);
    } else {
      group.birth?.giveUp(jobs);
      this.events.stored(jobs);
    }
    this.tellOf(group, jobs);
    return new Array<void>(jobs.length);
  }

  private newGroup(jobs: readonly NewJob[]): EnqueueGroup {
    const birth = this.waitingGroups === 0 ? this.birthClaimer?.claimUnborn(jobs) : undefined;
    const group = new EnqueueGroup(jobs, this.allTold, birth);
    this.allTold = group.told;
    if (!birth) this.waitingGroups++;
    return group;
  }

  private tellOf(group: EnqueueGroup, jobs: readonly NewJob[]): void {
    if (this.tried.size > 0) for (const job of jobs) this.tried.delete(job.id);
    if (group.tellOf(jobs.length) && !group.birth) this.waitingGroups--;
  }

  /** The job will not be tried again. */
  private refuse(job: NewJob): void {
    const group = this.tried.get(job.id);
    if (!group) return;
    this.tellOf(group, [job]);
    if (group.lostOn && group.birth) void this.giveUp(group.birth, job, group.lostOn);
    else group.birth?.release(1);
  }

  /** Gives a birth up that may have taken place: once the session of the last try has ended, nothing will follow. */
  private async giveUp(birth: BirthClaim, job: NewJob, connection: HotConnection): Promise<void> {
    let isQuiet = false;
    while (!isQuiet && !this.isClosed) {
      isQuiet = await connection.quiesce().then(
        () => true,
        () => delay(QUIESCE_AGAIN_MS, false),
      );
    }
    birth.giveUp([job]);
  }
}
