import { setTimeout as delay } from 'node:timers/promises';
import { Batcher, type BatcherStats } from '../../kernel/batcher.js';
import type { Metrics } from '../../kernel/metrics.js';
import type { Database, HotConnection } from '../database/index.js';
import type { BirthClaim, BirthClaimer } from './birth-claim.js';
import { ENQUEUE_BATCHING } from './enqueue-batching.js';
import type { NewJob } from './new-job.js';
import { observeBatches } from './observe-batches.js';
import type { Partitions } from './partitions.js';
import { insertClaimedJobs, insertJobs } from './repository/enqueue.repository.js';
import { hotQuery } from './repository/query.js';

/** Between two tries to learn that the database has done with what it was asked. */
const QUIESCE_AGAIN_MS = 1_000;

/** A job that may have been stored as claimed, and where it was asked for. */
interface UnknownBirth {
  readonly birth: BirthClaim;
  readonly connection: HotConnection;
}

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
  /** By the id of each job that a try, of which nothing more is known, may have stored as claimed. */
  private readonly unknownBirths = new Map<string, UnknownBirth>();
  /** Resolves when the runs before have told of their jobs. */
  private earlierRuns: Promise<void> = Promise.resolve();
  private isClosed = false;
  /** Runs under way whose jobs will wait: none that comes later may be claimed before them. */
  private waitingRuns = 0;

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
      void this.resolveGivenUp(job);
      throw error;
    }
  }

  get pending(): number {
    return this.batcher.pending;
  }

  get stats(): BatcherStats {
    return this.batcher.stats;
  }

  async close(): Promise<void> {
    await this.batcher.close();
    this.isClosed = true;
  }

  /** Stores jobs, and tells of them when all that were given before have been told of: tickets are offered in the order of their jobs. */
  private async store(
    connection: HotConnection,
    jobs: readonly NewJob[],
    repeated: boolean,
  ): Promise<void[]> {
    const mayBeClaimed = !repeated && this.waitingRuns === 0;
    const birth = mayBeClaimed ? this.birthClaimer?.claimUnborn(jobs) : undefined;
    if (!birth) this.waitingRuns++;
    const { earlierRuns } = this;
    const told = this.insert(connection, jobs, repeated, birth).then(async (tell) => {
      await earlierRuns;
      tell();
    });
    this.earlierRuns = told.catch(() => undefined);
    try {
      await told;
    } finally {
      if (!birth) this.waitingRuns--;
    }
    return new Array<void>(jobs.length);
  }

  /** Answers what is to be told when it is their turn. */
  private async insert(
    connection: HotConnection,
    jobs: readonly NewJob[],
    repeated: boolean,
    birth: BirthClaim | undefined,
  ): Promise<() => void> {
    const query = hotQuery(connection);
    if (!birth) {
      await this.partitions.having(jobs, () => insertJobs(query, jobs, repeated));
      return () => {
        const unknown = this.resolveBirths(jobs);
        // No ticket for those: its claim and the one that finds out about them would both start the run.
        if (unknown.size > 0) this.events.begun([...unknown]);
        this.events.stored(unknown.size === 0 ? jobs : jobs.filter((job) => !unknown.has(job)));
      };
    }
    try {
      const claimedAt = await this.partitions.having(jobs, () =>
        insertClaimedJobs(query, jobs, birth.workerId),
      );
      return () => {
        this.events.begun(jobs);
        birth.begin(jobs, claimedAt);
      };
    } catch (error) {
      for (const job of jobs) this.unknownBirths.set(job.id, { birth, connection });
      throw error;
    }
  }

  /** Lets the worker find out about those of the jobs, stored by now, that an earlier try may have stored as claimed; answers which. */
  private resolveBirths(jobs: readonly NewJob[]): ReadonlySet<NewJob> {
    const unknown = new Set<NewJob>();
    if (this.unknownBirths.size === 0) return unknown;
    for (const job of jobs) {
      const birth = this.takeUnknown(job)?.birth;
      if (!birth) continue;
      unknown.add(job);
      birth.resolve([job]);
    }
    return unknown;
  }

  /** The same for a job whose enqueue was given up: only when the session of the last try has ended is it known that nothing will follow. */
  private async resolveGivenUp(job: NewJob): Promise<void> {
    const unknown = this.takeUnknown(job);
    if (!unknown) return;
    let isQuiet = false;
    while (!isQuiet && !this.isClosed) {
      isQuiet = await unknown.connection.quiesce().then(
        () => true,
        () => delay(QUIESCE_AGAIN_MS, false),
      );
    }
    unknown.birth.resolve([job]);
  }

  private takeUnknown(job: NewJob): UnknownBirth | undefined {
    const unknown = this.unknownBirths.get(job.id);
    this.unknownBirths.delete(job.id);
    return unknown;
  }
}
