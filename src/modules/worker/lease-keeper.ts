import { Logger } from '@nestjs/common';
import { monotonicMs } from '../../kernel/clock.js';
import type { IdGenerator } from '../../kernel/ids.js';
import { reasonOf, type Database } from '../database/index.js';
import { controlQuery, held, queuesNamed, type Query, type QueueState } from '../job/index.js';
import type { HeldRuns } from './held-runs.js';
import {
  registerWorker,
  renewLease,
  stopWorkers,
  type SlotReport,
  type WorkerRow,
} from './worker.repository.js';

/** Six beats fit into the default visibility timeout, three into the shortest. */
export const HEARTBEAT_MS = 5_000;

/** A watch that comes this late was held up by a blocked event loop, not by the database: the beat gets its chance first. */
const LATE_MS = 1_000;
const WATCH_MS = 1_000;

/** An event loop that stood still for so long is told of: what waited meanwhile looks like a fault of the database. */
const STALL_MS = 5_000;
/** Most runs that are named then. */
const MOST_NAMED = 5;

/** What the lease keeper is told once. */
export interface LeaseParts {
  readonly database: Database;
  readonly ids: IdGenerator;
  readonly held: HeldRuns;
  /** All of the worker's row but its id and slots. */
  readonly identity: Omit<WorkerRow, 'id' | 'slots'>;
  /** The shortest visibility timeout of its queues, in ms: two thirds of it without a renewal and the worker lets go. */
  readonly shortestVisibilityMs: number;
  readonly slots: () => SlotReport;
  /** Called with each heartbeat: how its queues are now. */
  readonly onQueues: (queues: readonly QueueState[]) => void;
  /** Called with each heartbeat that finds the worker's drain wanted. */
  readonly onDrainWanted: () => void;
}

/**
 * Keeps the worker's lease: one row, renewed every 5 s whatever the number of jobs. With each beat it reads the jobs the process
 * holds and lets go of those that are no longer its own, aborts those whose cancel is wanted, and learns which queues are paused
 * and how they are set; so no signal has to arrive for any of it. A worker that has lost its lease, or cannot renew it, aborts everything and goes
 * on under a new id, so that nothing it started before can be mistaken for its own.
 */
export class LeaseKeeper {
  private readonly logger = new Logger('Lease');
  private readonly query: Query;
  private currentId: string;
  /** Of the leases that are gone, those not yet given up; among them some that were asked for while the database was away. */
  private readonly formerIds = new Set<string>();
  private renewedAt = monotonicMs();
  private beatTimer: NodeJS.Timeout | undefined;
  private watchTimer: NodeJS.Timeout | undefined;
  private watchedAt = monotonicMs();
  private beating: Promise<void> = Promise.resolve();
  private isLost = false;
  private lostCount = 0;
  private renewedCount = 0;
  private isStopped = false;

  constructor(private readonly parts: LeaseParts) {
    this.query = controlQuery(parts.database.control);
    this.currentId = parts.ids.next();
  }

  /** The worker's id; claims must use the one of the moment. */
  get workerId(): string {
    return this.currentId;
  }

  /** Renewals since the start. */
  get renewals(): number {
    return this.renewedCount;
  }

  /** Leases lost since the start. */
  get losses(): number {
    return this.lostCount;
  }

  /** False while the lease is lost and no new one is had, and once it was given up: nothing must be claimed then. */
  get isHeld(): boolean {
    return !this.isLost && !this.isStopped;
  }

  /** True while this is the worker's id and its lease is held. */
  isHeldAs(workerId: string): boolean {
    return this.isHeld && this.currentId === workerId;
  }

  /** Registers, learns how its queues are, and begins to beat; rejects when the database refuses. */
  async start(): Promise<void> {
    const starting = this.register().then(() => this.readTruth());
    // A stop that comes meanwhile waits for it as for a beat, so that it gives up what was taken.
    this.beating = starting.catch(() => undefined);
    await starting;
    if (this.isStopped) return;
    this.scheduleBeat();
    this.watchedAt = monotonicMs();
    this.watchTimer = setInterval(() => this.watch(), WATCH_MS);
  }

  /** Beats now, after the beat under way; never rejects. */
  beat(): Promise<void> {
    this.beating = this.beating.then(() => this.tryBeat());
    return this.beating;
  }

  /**
   * Ends the beats, and gives its leases up unless runs are left whose outcomes are not recorded: those are met as lost once it has been
   * silent, as after a crash, for until then their handlers may be at work.
   */
  async stop(areRunsLeft: boolean): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.beatTimer);
    clearInterval(this.watchTimer);
    await this.beating;
    if (!areRunsLeft) await stopWorkers(this.query, [...this.formerIds, this.currentId]);
  }

  /** From beginning to beginning: with a database that takes a second for each statement, a beat may take as long as the pause. */
  private scheduleBeat(afterMs = HEARTBEAT_MS): void {
    if (this.isStopped) return;
    this.beatTimer = setTimeout(() => {
      const beganAt = monotonicMs();
      void this.beat().then(() => this.scheduleBeat(Math.max(0, HEARTBEAT_MS - (monotonicMs() - beganAt))));
    }, afterMs);
  }

  private async tryBeat(): Promise<void> {
    if (this.isStopped) return;
    // By the time of the question: the answer may take long, and the row is as old as the statement.
    const askedAt = monotonicMs();
    try {
      if (this.isLost) await this.register();
      else await this.renew(askedAt);
      await this.readTruth();
    } catch (error) {
      this.logger.warn(`no heartbeat: ${reasonOf(error)}`);
      return;
    }
    await this.giveFormerUp();
  }

  private async renew(askedAt: number): Promise<void> {
    const renewed = await renewLease(this.query, this.currentId, this.parts.slots());
    if (!renewed) return this.replace('the lease was given to the rescue');
    this.renewedAt = askedAt;
    this.renewedCount++;
    if (renewed.isDrainWanted) this.parts.onDrainWanted();
  }

  /** What signals may have failed to say. */
  private async readTruth(): Promise<void> {
    this.parts.onQueues(await queuesNamed(this.query, this.parts.identity.queues));
    const runs = this.parts.held.all;
    if (runs.length === 0) return;
    const rows = new Map(
      (
        await held(
          this.query,
          runs.map((run) => run.job.id),
        )
      ).map((row) => [row.id, row]),
    );
    for (const run of runs) {
      const row = rows.get(run.job.id);
      const isOwn = row?.run === run.job.run && row.workerId === run.workerId && row.status === 'executing';
      if (!isOwn) run.abort('lost', "the job is no longer this worker's: its lease was lost");
      else if (row.isCancelRequested) run.abort('canceled', 'the job was canceled');
    }
  }

  /** Lets go before the rescue can have judged this worker: two thirds of the visibility timeout without a renewal. */
  private watch(): void {
    const now = monotonicMs();
    const lateMs = now - this.watchedAt - WATCH_MS;
    const isLate = lateMs > LATE_MS;
    this.watchedAt = now;
    if (lateMs > STALL_MS) this.tellOfStall(lateMs);
    if (isLate || this.isLost || now - this.renewedAt < (this.parts.shortestVisibilityMs * 2) / 3) return;
    this.logger.error(
      'the lease could not be renewed for two thirds of the visibility timeout: every run is aborted, as others may take them over',
    );
    this.isLost = true;
    this.lostCount++;
    this.parts.held.abortAll('lost', 'the worker could not renew its lease');
  }

  private tellOfStall(ms: number): void {
    const runs = this.parts.held.all;
    const named = runs.slice(0, MOST_NAMED).map(({ job }) => `${job.name} ${job.id}`);
    if (runs.length > named.length) named.push(`${runs.length - named.length} more`);
    this.logger.warn(
      `the event loop stood still for ${(ms / 1_000).toFixed(1)} s: a handler computed without a pause, or the process was stopped; ` +
        `running: ${named.join(', ') || 'nothing any more'}`,
    );
  }

  private async replace(reason: string): Promise<void> {
    this.logger.error(`${reason}: every run is aborted and the worker takes a new id`);
    this.isLost = true;
    this.lostCount++;
    this.parts.held.abortAll('lost', reason);
    await this.register();
  }

  /** Takes a lease; once one is gone, under a new id. */
  private async register(): Promise<void> {
    if (this.isLost) {
      this.formerIds.add(this.currentId);
      this.currentId = this.parts.ids.next();
    }
    const askedAt = monotonicMs();
    await registerWorker(this.query, {
      ...this.parts.identity,
      id: this.currentId,
      slots: this.parts.slots(),
    });
    this.isLost = false;
    this.renewedAt = askedAt;
  }

  /**
   * Gives up the leases that are gone and under which nothing is held or on its way; never rejects. Before that, outcomes of their runs and jobs
   * that go back unbegun may be about to be recorded, and who met the runs first would have them charged as lost. A lease that is never
   * given up is met as silent.
   */
  private async giveFormerUp(): Promise<void> {
    const { workerIds } = this.parts.held;
    const ids = [...this.formerIds].filter((id) => !workerIds.has(id));
    if (ids.length === 0) return;
    try {
      await stopWorkers(this.query, ids);
      for (const id of ids) this.formerIds.delete(id);
    } catch (error) {
      this.logger.warn(`the leases that are gone are not given up yet: ${reasonOf(error)}`);
    }
  }
}
