import { hostname } from 'node:os';
import { monotonicMs, type Clock } from '../../../kernel/clock.js';
import { lowestIdAt } from '../../../kernel/ids.js';
import { identifyProcess, processStartedAt } from '../../../kernel/process-identity.js';
import { isLockTimeout } from '../../database/index.js';
import {
  allQueues,
  backoffMs,
  DAY_MS,
  defaultRetryPolicy,
  FIRST_DUE_PLACE,
  LONGEST_RUN_OF_JOBS,
  lockFree,
  markLost,
  openLeases,
  orphansAbove,
  orphansDue,
  settle,
  settlementOf,
  type CompletedBatch,
  type DuePlace,
  type JobRegistry,
  type Lease,
  type OrphanedRun,
  type OtherRun,
  type Query,
  type Settled,
} from '../../job/index.js';
import type { Duty, DutyLog, Step } from '../duty.js';
import { PageSize } from '../page-size.js';
import { WorkerWatch } from './worker-watch.js';

/** Fine enough that a worker is found silent at most this much later than it is. */
const ROUND_MS = 2_000;

/** Between two scans for runs of workers that are lost, stopped or unknown, beside the one after each loss. */
const SCAN_EVERY_MS = 60_000;

/** Longest part of a scan in a round, so that the watch goes on without a break. */
const BUDGET_MS = 1_000;

const FIRST_PAGE = 1_000;
const PAGES = { least: 50, most: 20_000 };

/** What the rescuer works with. */
export interface RescuerParts {
  readonly registry: JobRegistry;
  /** The database's clock. */
  readonly clock: Clock;
  readonly log: DutyLog;
  /** How long the database has been in reach without a break, in ms; 0 while it is away. */
  readonly contactMs: () => number;
  /** True when every worker runs on this machine: then one whose process is gone is judged at once. */
  readonly isOneMachine: boolean;
  /** Told of the batches that a lost run has completed. */
  readonly announce: (completed: readonly CompletedBatch[]) => void;
  /** Monotonic, in ms. */
  readonly elapsed?: () => number;
  readonly random?: () => number;
}

/** A part of a scan: the rows of a queue above its watermark, or those with due_at. */
type ScanPart =
  | { readonly kind: 'above'; readonly queue: string; place: string }
  | { readonly kind: 'due'; readonly queue: string; place: DuePlace };

/**
 * Returns the jobs of workers that died. A worker that stays silent is marked lost first, so that it can renew no more; only then its
 * runs are ended as lost: charged, and waiting again or failed. Runs of workers that are stopped or unknown are ended the same way.
 */
export class Rescuer implements Duty {
  readonly name = 'rescuer';
  readonly everyMs = ROUND_MS;
  private readonly elapsed: () => number;
  private readonly watch = new WorkerWatch();
  private readonly reading: PageSize;
  private readonly settling: PageSize;
  private scan: ScanPart[] = [];
  private scanAt = -Infinity;

  constructor(private readonly parts: RescuerParts) {
    this.elapsed = parts.elapsed ?? monotonicMs;
    this.reading = new PageSize(FIRST_PAGE, PAGES, this.elapsed);
    this.settling = new PageSize(LONGEST_RUN_OF_JOBS, { least: 1, most: LONGEST_RUN_OF_JOBS }, this.elapsed);
  }

  begin(): void {
    this.watch.forget();
    this.scan = [];
    this.scanAt = -Infinity;
  }

  async runOnce(step: Step): Promise<boolean> {
    try {
      await this.judge(step);
    } catch (error) {
      this.watch.forget();
      throw error;
    }
    return this.goOnScanning(step);
  }

  /** Marks workers lost; what they held is looked for at once, by a scan from the beginning. */
  private async judge(step: Step): Promise<void> {
    const leases = await step(openLeases);
    const silent = new Set(this.watch.look(leases, this.elapsed(), this.parts.contactMs()));
    for (const lease of leases) {
      const isGone = !silent.has(lease) && (await this.isGone(lease));
      if (!isGone && !silent.has(lease)) continue;
      // Before the answer, which may be lost; a worker that is marked is not met here again.
      this.scan = [];
      this.scanAt = -Infinity;
      if (!(await step((query) => markLost(query, lease.workerId, lease.seenAt)))) continue;
      const why = isGone ? 'its process is gone' : `it was silent for ${lease.visibilityTimeoutMs} ms`;
      this.parts.log.warn(
        `worker ${lease.workerId} on ${lease.host}, pid ${lease.pid}, is lost: ${why}; its jobs are returned`,
      );
    }
  }

  /** True when the worker's process has ended on this machine, so that nothing of it can still run. */
  private async isGone(lease: Lease): Promise<boolean> {
    if (!this.parts.isOneMachine || lease.host !== hostname()) return false;
    const isOwn = lease.pid === process.pid;
    const running = isOwn ? { birth: processStartedAt(lease.pid) } : await identifyProcess(lease.pid);
    if (!running) return true;
    // In a container a process and the one before it may well have the same pid.
    return (
      lease.processStartedAt !== null &&
      running.birth !== undefined &&
      running.birth !== lease.processStartedAt
    );
  }

  /** Begins a scan when it is time, and goes on with the one under way for a while; true when it is not at its end. */
  private async goOnScanning(step: Step): Promise<boolean> {
    if (this.scan.length === 0 && this.elapsed() >= this.scanAt) {
      this.scan = await this.planScan(step);
      this.scanAt = this.elapsed() + SCAN_EVERY_MS;
    }
    const endAt = this.elapsed() + BUDGET_MS;
    while (this.scan[0] && this.elapsed() < endAt) {
      if (await this.scanPage(step, this.scan[0])) this.scan.shift();
    }
    return this.scan.length > 0;
  }

  /** Above the watermark first: rows that the audit passes meanwhile have due_at by the time those are read. */
  private async planScan(step: Step): Promise<ScanPart[]> {
    const queues = await step(allQueues);
    return queues.flatMap(({ name: queue, watermark }): ScanPart[] => [
      { kind: 'above', queue, place: watermark },
      { kind: 'due', queue, place: FIRST_DUE_PLACE },
    ]);
  }

  /** Reads a page and returns what is lost in it; true when it was the last. */
  private scanPage(step: Step, part: ScanPart): Promise<boolean> {
    return this.reading.run(async (limit) => {
      if (part.kind === 'above') {
        const upTo = lowestIdAt(this.parts.clock.now() + DAY_MS);
        const page = await step((query) =>
          orphansAbove(query, { queue: part.queue, after: part.place, upTo, limit }),
        );
        await this.giveUp(step, page.found);
        part.place = page.place ?? part.place;
        return page.readCount < limit;
      }
      const page = await step((query) => orphansDue(query, part.queue, part.place, limit));
      await this.giveUp(step, page.found);
      part.place = page.place ?? part.place;
      return page.readCount < limit;
    });
  }

  /**
   * Ends these runs as lost; one that its worker has settled meanwhile stays as that left it. What somebody else has locked is left to the
   * next scan, which must not keep the others from theirs.
   */
  private async giveUp(step: Step, runs: readonly OrphanedRun[]): Promise<void> {
    for (const [workerId, left] of byWorker(runs)) {
      try {
        await this.giveUpOf(step, workerId, left);
      } catch (error) {
        // Not the jobs, which were skipped: the batch that some of them are members of.
        if (!isLockTimeout(error)) throw error;
        this.tellOfLocked(workerId, left.length);
      }
    }
  }

  private async giveUpOf(step: Step, workerId: string, left: OrphanedRun[]): Promise<void> {
    let settledCount = 0;
    let lockedCount = 0;
    while (left.length > 0) {
      const { taken, answers, completed } = await this.settling.run(async (limit) => {
        const page = left.slice(0, limit);
        const settled = await step((query) => this.settleFree(query, workerId, page));
        return { taken: page.length, ...settled };
      });
      this.parts.announce(completed);
      left.splice(0, taken);
      settledCount += [...answers.values()].filter(({ kind }) => kind === 'settled').length;
      lockedCount += taken - answers.size;
    }
    if (settledCount > 0)
      this.parts.log.warn(`runs of worker ${workerId} that were lost and ended as such: ${settledCount}`);
    if (lockedCount > 0) this.tellOfLocked(workerId, lockedCount);
  }

  /** Records as lost those of these runs whose jobs nobody else has locked. */
  private async settleFree(query: Query, workerId: string, runs: readonly OrphanedRun[]): Promise<Settled> {
    const free = await lockFree(
      query,
      runs.map((run) => run.id),
    );
    const results = runs.filter((run) => free.has(run.id)).map((run) => this.lost(run));
    return settle(query, workerId, results);
  }

  private tellOfLocked(workerId: string, count: number): void {
    this.parts.log.warn(
      `lost runs of worker ${workerId} that another session holds locked, and that are tried again within a minute: ${count}`,
    );
  }

  private lost(run: OrphanedRun): OtherRun {
    const { random = Math.random, registry, clock } = this.parts;
    const { status, isRefunded } = settlementOf({
      outcome: 'lost',
      attempt: run.attempt,
      maxAttempts: run.maxAttempts,
    });
    return {
      kind: 'other',
      id: run.id,
      run: run.run,
      isMember: run.isMember,
      status,
      isRefunded,
      delayMs: backoffMs(registry.find(run.name)?.retryPolicy ?? defaultRetryPolicy, run.attempt, random),
      entry: {
        run: run.run,
        attempt: run.attempt,
        outcome: 'lost',
        worker: run.workerId,
        startedAt: run.startedAt.toISOString(),
        endedAt: new Date(clock.now()).toISOString(),
        error: { message: 'the worker died or lost contact before the run ended' },
      },
    };
  }
}

function byWorker(runs: readonly OrphanedRun[]): Map<string, OrphanedRun[]> {
  const groups = new Map<string, OrphanedRun[]>();
  for (const run of runs) {
    const group = groups.get(run.workerId);
    if (group) group.push(run);
    else groups.set(run.workerId, [run]);
  }
  return groups;
}
